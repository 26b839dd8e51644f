package kernel

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// sequenceAct is a steps list: one item after the other, and the background tasks that belong to it.
type sequenceAct struct {
	base
	N     *plan.Sequence
	Item  int32 // the current one
	Child id
	Tasks []task
	Open  int32 // tasks that have not ended
	// Over: the items are done, with Outcome; what is left is to end the tasks.
	Over     bool
	Value    any
	Outcome  event.Outcome
	Services *services // nil: it has begun none
}

// task is a background step, or a wait whose children were kept.
type task struct {
	Act     id
	Slot    int32
	Outcome event.Outcome
	Service string  // its path, if it is one
	Kept    []child // of a kept wait, when it has ended
	KeptOf  *plan.Join
}

// taskArg is the first arg of tasks; items have smaller ones.
const taskArg = 1 << 30

// probeArg is that of the probe of a service.
const probeArg = taskArg - 1

func (a *sequenceAct) begin(k *Kernel) {
	if err := k.attempt(&a.base); err != nil {
		k.fail(&a.base, err)
		return
	}
	a.next(k)
}

// next begins items from the current one on, up to the first that must be waited for.
func (a *sequenceAct) next(k *Kernel) {
	for ; int(a.Item) < len(a.N.Items); a.Item++ {
		n := a.N.Items[a.Item]
		if !n.Background {
			a.Child = k.beginStep(a.Self, n, a.Frame, a.Item, n.Order, "")
			return
		}
		t := int32(len(a.Tasks))
		a.Tasks = append(a.Tasks, task{Slot: n.Slot})
		a.Open++
		a.Tasks[t].Act = k.beginStep(a.Self, n, a.Frame, taskArg+t, n.Order, "")
		if n.Ready != nil {
			a.serve(k, t)
			return
		}
	}
	a.over(k, event.Success(a.Value))
}

// adopt makes a wait whose children were kept a task of the list.
func (a *sequenceAct) adopt(j *joinAct) (arg int32) {
	a.Tasks = append(a.Tasks, task{Act: j.Self, Slot: -1, KeptOf: j.N})
	a.Open++
	return taskArg + int32(len(a.Tasks)) - 1
}

func (a *sequenceAct) ended(k *Kernel, arg int32, o event.Outcome) {
	if arg >= taskArg {
		a.taskEnded(k, arg-taskArg, o)
		return
	}
	if arg == probeArg {
		a.probed(k, o)
		return
	}
	a.Child = 0
	switch err := a.Services.failure(); {
	case a.Stop != nil:
		a.over(k, event.Stopped(a.Stop))
	case err != nil && o.Status == event.Failed:
		a.over(k, event.Failure(withOthers(err, []*event.Error{o.Err})))
	case err != nil:
		a.over(k, event.Failure(err))
	case o.Status == event.Failed || o.Status == event.Cancelled:
		a.over(k, o)
	default:
		if o.Status == event.Succeeded && a.N.Items[arg].Kind != "cancel" {
			a.Value = o.Value
		}
		if a.Services.lost() && int(a.Item) < len(a.N.Items)-1 {
			return
		}
		a.Item++
		a.next(k)
	}
}

func (a *sequenceAct) taskEnded(k *Kernel, i int32, o event.Outcome) {
	t := &a.Tasks[i]
	t.Act, t.Outcome = 0, o
	a.Open--
	if t.Service != "" {
		a.serviceEnded(k, i, o)
	}
	if a.Over {
		k.decide(&a.base)
	}
}

// over: no further item begins. The tasks are stopped when everything else of the instant has happened.
func (a *sequenceAct) over(k *Kernel, o event.Outcome) {
	a.Over, a.Outcome = true, o
	for i := int(a.Item) + 1; i < len(a.N.Items); i++ {
		n := a.N.Items[i]
		k.neverBegun(&a.base, n, k.own(a.Frame, n.Slot), n.Order, "", event.Passed("not reached"))
	}
	a.Item = int32(len(a.N.Items))
	if a.Open > 0 {
		k.decide(&a.base)
		return
	}
	a.finish(k)
}

func (a *sequenceAct) decide(k *Kernel) {
	if !a.Over {
		a.lose(k)
		return
	}
	if a.Open > 0 {
		c := a.Stop
		if c == nil {
			c = &event.Cause{Why: event.WhyListEnd, By: k.step(&a.base).path(k)}
		}
		for i := range a.Tasks {
			k.cancel(a.Tasks[i].Act, c, pierce)
		}
		return
	}
	a.finish(k)
}

// finish: nothing of the list runs any more. Failures of tasks that nobody awaited come out now.
func (a *sequenceAct) finish(k *Kernel) {
	if a.Stop != nil {
		k.end(&a.base, stopped(a.Stop, a.Outcome))
		return
	}
	errs := a.unawaited(k)
	switch {
	case len(errs) == 0:
		k.end(&a.base, a.Outcome)
	case a.Outcome.Status == event.Failed:
		a.Outcome.Err = withOthers(a.Outcome.Err, errs)
		k.end(&a.base, a.Outcome)
	case len(errs) == 1:
		k.end(&a.base, event.Failure(errs[0]))
	default:
		k.fail(&a.base, event.Group(errs))
	}
}

// unawaited are the errors of tasks whose outcome nobody took, in the order of the file.
func (a *sequenceAct) unawaited(k *Kernel) []*event.Error {
	var errs []*event.Error
	for i := range a.Tasks {
		t := &a.Tasks[i]
		if a.Services.failure() != nil && a.Services.Lost == int32(i)+1 {
			continue // the list fails with it already
		}
		if t.KeptOf == nil {
			if sl := k.own(a.Frame, t.Slot); t.Outcome.Status == event.Failed && (sl == nil || !sl.Awaited) {
				errs = append(errs, t.Outcome.Err)
			}
			continue
		}
		for j := range t.Kept {
			sl := k.own(a.Frame, t.KeptOf.Children[j].Slot)
			if t.Kept[j].Late && t.Kept[j].Status == event.Failed && (sl == nil || !sl.Awaited) {
				errs = append(errs, t.Kept[j].Err)
			}
		}
	}
	return errs
}

func (a *sequenceAct) cancel(k *Kernel, how force) {
	k.cancel(a.Child, a.Stop, how)
	probe := id(0)
	if a.Services != nil {
		probe = a.Services.Probe
		k.cancel(probe, a.Stop, how)
	}
	for i := range a.Tasks {
		k.cancel(a.Tasks[i].Act, a.Stop, how)
	}
	switch {
	case a.Over:
		k.decide(&a.base)
	case a.Child == 0 && probe == 0: // its service has not begun yet
		a.over(k, event.Stopped(a.Stop))
	}
}
