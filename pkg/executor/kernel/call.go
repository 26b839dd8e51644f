package kernel

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// maxCalls is how deep calls may nest.
const maxCalls = 100

// callAct runs a workflow in a frame of its own.
type callAct struct {
	base
	N     *plan.Call
	Child id
	Body  int32
}

func (a *callAct) begin(k *Kernel) {
	err := k.attempt(&a.base)
	if err == nil {
		err = a.enter(k)
	}
	if err != nil {
		k.fail(&a.base, err)
		return
	}
	a.Child = k.begin(&a.base, a.N.Workflow.Body.Body, a.Body)
}

// enter makes the frame of the called workflow, with its inputs checked.
func (a *callAct) enter(k *Kernel) *event.Error {
	calls := k.frames.All[a.Frame].Calls + 1
	if calls > maxCalls {
		return event.Errorf(event.RecursionError, "calls are nested more than %d deep", maxCalls)
	}
	with := make(kind.Args, len(a.N.With))
	if err := k.args(&a.base, a.N.With, with); err != nil {
		return err
	}
	w := a.N.Workflow
	inputs := make(map[string]any, len(w.Inputs))
	for _, in := range w.Inputs {
		v, given := with[in.Name.Text]
		if !given {
			if in.Required {
				return event.Errorf(event.InputError, "workflow %q wants the input %q", w.Name, in.Name.Text)
			}
			inputs[in.Name.Text] = in.Default
			continue
		}
		if _, unknown := v.(event.Poison); unknown { // in a simulation
			inputs[in.Name.Text] = v
			continue
		}
		if bad := in.Problem(v); bad != "" {
			return event.Errorf(event.InputError, "input %q of workflow %q: %s", in.Name.Text, w.Name, bad)
		}
		inputs[in.Name.Text] = v
	}
	prefix := k.step(&a.base).path(k)
	if prefix != "" {
		prefix += "."
	}
	a.Body = k.frames.add(frame{Parent: -1, Calls: calls, Inputs: inputs, Prefix: prefix, Slots: make([]slot, w.Slots)})
	return nil
}

func (a *callAct) ended(k *Kernel, _ int32, o event.Outcome) {
	k.frames.drop(a.Body)
	k.endAs(&a.base, o)
}

func (a *callAct) cancel(k *Kernel, how force) { k.cancel(a.Child, a.Stop, how) }

// awaitAct waits for background tasks, one after the other in the order written. To cancel it ends only the waiting.
type awaitAct struct {
	base
	N      *plan.Await
	At     int
	Values []any
}

func (a *awaitAct) begin(k *Kernel) {
	if err := k.attempt(&a.base); err != nil {
		k.fail(&a.base, err)
		return
	}
	a.look(k)
}

func (a *awaitAct) signalled(k *Kernel) { a.look(k) }

func (a *awaitAct) look(k *Kernel) {
	for ; a.At < len(a.N.Tasks); a.At++ {
		t := &a.N.Tasks[a.At]
		sl := k.slot(a.Frame, t.Depth, t.Slot)
		if s, alive := k.acts[sl.Act].(*stepAct); alive {
			s.Waiters = append(s.Waiters, a.Self)
			return
		}
		sl.Awaited = true
		switch sl.Status {
		case event.Failed:
			k.fail(&a.base, sl.Err)
			return
		case event.Cancelled:
			e := event.Errorf(event.TaskCancelledError, "task %q was cancelled: %s", t.ID, sl.Cause)
			e.Fields = map[string]any{"task": t.ID, "cause": sl.Cause.String()}
			k.fail(&a.base, e)
			return
		}
		a.Values = append(a.Values, sl.Value)
	}
	if a.N.List {
		k.end(&a.base, event.Success(append([]any{}, a.Values...)))
		return
	}
	k.end(&a.base, event.Success(a.Values[0]))
}

func (a *awaitAct) ended(*Kernel, int32, event.Outcome) { panic("kernel: an await has no children") }
func (a *awaitAct) cancel(k *Kernel, _ force)           { k.end(&a.base, event.Stopped(a.Stop)) }

// cancelAct cancels background tasks and waits for their end.
type cancelAct struct {
	base
	N *plan.Cancel
}

func (a *cancelAct) begin(k *Kernel) {
	if err := k.attempt(&a.base); err != nil {
		k.fail(&a.base, err)
		return
	}
	k.decide(&a.base)
}

// decide: a task that ended in this instant has ended, and is not cancelled.
func (a *cancelAct) decide(k *Kernel) {
	c := &event.Cause{Why: event.WhyStep, By: k.step(&a.base).path(k)}
	for i := range a.N.Tasks {
		if s := a.task(k, i); s != nil {
			k.cancel(s.Self, c, pierce)
		}
	}
	a.signalled(k)
}

func (a *cancelAct) task(k *Kernel, i int) *stepAct {
	t := &a.N.Tasks[i]
	s, _ := k.acts[k.slot(a.Frame, t.Depth, t.Slot).Act].(*stepAct)
	return s
}

func (a *cancelAct) signalled(k *Kernel) {
	for i := range a.N.Tasks {
		if s := a.task(k, i); s != nil {
			s.Waiters = append(s.Waiters, a.Self)
			return
		}
	}
	k.end(&a.base, event.Success(nil))
}

func (a *cancelAct) ended(*Kernel, int32, event.Outcome) { panic("kernel: a cancel has no children") }
func (a *cancelAct) cancel(k *Kernel, _ force)           { k.end(&a.base, event.Stopped(a.Stop)) }

// deadlock ends a run in which nothing can move any more: no leaf works, no timer runs, and yet it has not ended.
func (k *Kernel) deadlock() {
	text := "nothing can move any more"
	for i := range k.sems {
		s := &k.sems[i]
		if s.Head == 0 || s.Name == "" {
			continue
		}
		waiter := k.step(k.acts[s.Head].head())
		text += fmt.Sprintf("; %q waits for semaphore %q", waiter.path(k), s.Name)
		for _, h := range s.Holders {
			text += fmt.Sprintf(", held by %q", k.acts[h].(*stepAct).path(k))
		}
	}
	err := k.raise(event.Errorf(event.DeadlockError, "%s", text), "")
	k.locked = err
	k.cancel(k.root(), &event.Cause{Why: event.WhyDeadlock}, hard)
	k.settle()
}
