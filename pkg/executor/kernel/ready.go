package kernel

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// A service is a background step with a probe. Its list begins it and, when its first attempt begins, the probe, and
// goes on when the probe has succeeded. From its begin on a service must not end by itself: then its list fails at once.

// services is what a list knows of its services.
type services struct {
	Task   int32 // the task that the list waits for, + 1; 0: none
	Probe  id    // that asks whether it is ready
	Logged bool  // its output has matched
	Lost   int32 // the first task that has ended by itself, + 1
	// Err: the list fails with it, and only waits for the end of what runs.
	Err *event.Error
}

// lost says whether a service has ended, so that nothing more begins; the decision follows in this instant.
func (w *services) lost() bool { return w != nil && w.Lost != 0 }

// failure is what the list fails with because a service has ended; nil: nothing.
func (w *services) failure() *event.Error {
	if w == nil {
		return nil
	}
	return w.Err
}

// serve has the list wait for the task t, a service that was begun.
func (a *sequenceAct) serve(k *Kernel, t int32) {
	if a.Services == nil {
		a.Services = &services{}
	}
	a.Services.Task = t + 1
	a.Tasks[t].Service = k.acts[a.Tasks[t].Act].(*stepAct).path(k)
}

// signalled: the first attempt of a service may have begun.
func (a *sequenceAct) signalled(k *Kernel) {
	w := a.Services
	if w == nil || w.Task == 0 || w.Probe != 0 || w.lost() || a.Over || a.Stop != nil {
		return
	}
	t := &a.Tasks[w.Task-1]
	s, alive := k.acts[t.Act].(*stepAct)
	if !alive || s.Started == 0 {
		return // its end, or its begin, is still to come
	}
	p := &probeAct{N: s.N, Path: t.Service}
	p.base = base{Parent: a.Self, Step: a.Step, Arg: probeArg, Frame: a.Frame, Depth: a.Depth + 1}
	p.Self = k.arena.add(p)
	w.Probe = p.Self
	p.begin(k)
}

// matched: the output of a leaf is what its service waits for.
func (k *Kernel) matched(leaf int32) {
	l, ok := k.acts[leaf].(*leafAct)
	if !ok {
		return
	}
	s := k.step(&l.base)
	a, ok := k.acts[s.Parent].(*sequenceAct)
	if !ok || a.Services == nil || a.Services.Task == 0 || a.Tasks[a.Services.Task-1].Act != s.Self {
		return
	}
	a.Services.Logged = true // unless the list was told to stop, in this instant
	k.cancel(a.Services.Probe, &event.Cause{Why: event.WhyReturned, By: a.Tasks[a.Services.Task-1].Service}, soft)
}

// probed: the probe has ended.
func (a *sequenceAct) probed(k *Kernel, o event.Outcome) {
	w := a.Services
	w.Probe = 0
	switch {
	case a.Stop != nil:
		a.over(k, event.Stopped(a.Stop))
	case w.Err != nil:
		a.over(k, event.Failure(w.Err))
	case w.lost():
	case o.Status == event.Failed && !w.Logged:
		a.over(k, o)
	default:
		if s, alive := k.acts[a.Tasks[w.Task-1].Act].(*stepAct); alive {
			k.emit(event.Event{Type: event.StepReady, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place})
			a.served(k)
		}
	}
}

// served: the list need not wait for its service any more.
func (a *sequenceAct) served(k *Kernel) {
	a.Services.Task, a.Services.Logged = 0, false
	a.Item++
	a.next(k)
}

// serviceEnded: the task i, a service, has ended. That is as it should be when it was told to, or when somebody awaits it.
func (a *sequenceAct) serviceEnded(k *Kernel, i int32, o event.Outcome) {
	w := a.Services
	waited := w.Task == i+1
	switch {
	case a.Over || a.Stop != nil || w.lost():
	case waited && o.Status == event.Skipped:
		a.served(k)
	case !waited && (o.Status == event.Cancelled || a.awaited(k, &a.Tasks[i])):
	default:
		w.Lost = i + 1
		k.decide(&a.base)
	}
}

// awaited says whether the outcome of the task t is somebody's who awaits it.
func (a *sequenceAct) awaited(k *Kernel, t *task) bool {
	sl := k.own(a.Frame, t.Slot)
	if sl == nil || sl.Awaited {
		return sl != nil
	}
	for _, x := range k.acts {
		if w, ok := x.(*awaitAct); ok && w.names(k, sl) {
			return true
		}
	}
	return false
}

// names says whether sl is that of a task that it waits for, now or later.
func (a *awaitAct) names(k *Kernel, sl *slot) bool {
	for i := range a.N.Tasks {
		if t := &a.N.Tasks[i]; k.slot(a.Frame, t.Depth, t.Slot) == sl {
			return true
		}
	}
	return false
}

// lose: a service has ended by itself. What runs is stopped, and then the list fails.
func (a *sequenceAct) lose(k *Kernel) {
	if a.Stop != nil {
		return
	}
	w := a.Services
	t := &a.Tasks[w.Lost-1]
	when := "ended"
	if w.Task == w.Lost {
		when = "ended before it was ready"
	}
	how := "it " + t.Outcome.Status.String()
	if t.Outcome.Err != nil {
		how = t.Outcome.Err.Message
	}
	err := event.Errorf(event.ServiceError, "service %q %s: %s", t.Service, when, how)
	err.Fields = map[string]any{"service": t.Service, "ready": w.Task != w.Lost}
	err.Cause = t.Outcome.Err
	w.Err = k.raise(err, t.Service)
	c := &event.Cause{Why: event.WhyService, By: t.Service}
	k.cancel(a.Child, c, soft)
	k.cancel(w.Probe, c, soft)
	if a.Child == 0 && w.Probe == 0 {
		a.over(k, event.Failure(w.Err))
	}
}

// probeAct asks at the host whether a service is ready. It is the list's, for the service may end before it.
type probeAct struct {
	base
	N    *plan.Step // the service
	Path string     // of the service
	Lost bool       // as leafAct.Lost
}

func (a *probeAct) begin(k *Kernel) {
	leaf := a.N.Ready.Probe
	args := make(kind.Args, len(leaf.Args))
	err := k.args(&a.base, leaf.Args, args)
	var env []string
	if err == nil {
		env, err = k.environList(&a.base, a.N.Env)
	}
	if err != nil {
		k.end(&a.base, event.Failure(k.raise(err, a.Path)))
		return
	}
	k.leaves++
	k.host.Start(a.Self, leaf.Kind, kind.Call{Args: args, Env: env, Dir: leaf.Dir, Step: a.Path, RunID: k.opt.RunID, Attempt: 1})
}

func (a *probeAct) done(k *Kernel, o event.Outcome) {
	if a.Stop == nil && o.Err != nil {
		o.Err = k.raise(o.Err, a.Path)
	}
	k.endAs(&a.base, o)
}

func (a *probeAct) cancel(k *Kernel, how force) {
	if a.Lost {
		k.leaves--
		k.endAs(&a.base, event.Stopped(a.Stop))
		return
	}
	k.host.Stop(a.Self, how == hard)
}

func (a *probeAct) ended(*Kernel, int32, event.Outcome) { panic("kernel: a probe has no children") }
