package kernel

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// handleAct is except, else and finally around a body.
type handleAct struct {
	base
	N     *plan.Handle
	Child id
	At    part
	Limit time.Duration
	Spent bool // cleanup_timeout has expired: nothing more is begun

	Clause int            // the one that runs, or is next
	Whole  *event.Error   // what the body failed with
	Rest   *event.Error   // what no clause has taken yet; nil: all taken
	Taken  *event.Error   // what the running clause has taken
	Again  []*event.Error // parts that clauses raised again
	New    []*event.Error // errors that clauses raised themselves

	Outcome event.Outcome // so far
	Cleanup []*event.Error
}

// part is what of the step is running.
type part uint8

const (
	inBody part = iota
	inClause
	inElse
	inCancel // a match: CancelledError clause
	inFinally
)

// defaultCleanup bounds the cleanups of a cancelled step (cleanup_timeout).
const defaultCleanup = time.Minute

// begin evaluates cleanup_timeout first: what is wrong with it is an error of the attempt, and nothing is done.
func (a *handleAct) begin(k *Kernel) {
	a.Limit = defaultCleanup
	if a.N.Cleanup != nil {
		d, err := k.duration(&a.base, a.N.Cleanup)
		if err == nil && d <= 0 {
			err = event.Errorf(event.ValueError, "cleanup_timeout is %s, want more than 0", event.FormatDuration(d))
		}
		if err != nil {
			if other := k.attempt(&a.base); other != nil {
				err = other
			}
			k.queue.push(message{to: a.Self, o: k.failure(&a.base, err)})
			return
		}
		a.Limit = d
	}
	a.Child = k.begin(&a.base, a.N.Body, a.Frame)
}

func (a *handleAct) ended(k *Kernel, _ int32, o event.Outcome) {
	a.Child = 0
	if a.How == hard {
		k.endAs(&a.base, o)
		return
	}
	switch a.At {
	case inBody:
		a.bodyEnded(k, o)
	case inClause:
		a.clauseEnded(k, o)
	case inElse:
		if a.Stop == nil && o.Status == event.Failed {
			a.Outcome = o
		}
		a.finally(k)
	case inCancel:
		a.cleaned(o)
		a.finally(k)
	case inFinally:
		a.cleaned(o)
		a.finish(k)
	}
}

func (a *handleAct) bodyEnded(k *Kernel, o event.Outcome) {
	a.Outcome = o
	s := k.step(&a.base)
	begun := s.Phase != before
	s.Phase = handling
	if sl := k.own(s.Frame, s.N.Slot); sl != nil {
		sl.Extra = o.Extra // its handlers may read what it said
	}
	switch {
	case a.Stop != nil || o.Status == event.Cancelled:
		if !begun {
			k.endAs(&a.base, o)
			return
		}
		a.onCancel(k)
	case o.Status == event.Failed:
		a.Whole, a.Rest = o.Err, o.Err
		a.nextClause(k)
	default:
		a.startList(k, a.N.Else, inElse, a.finally)
	}
}

// startList begins else or finally; without one it goes on with then.
func (a *handleAct) startList(k *Kernel, list *plan.Sequence, at part, then func(*Kernel)) {
	a.At = at
	if list == nil {
		then(k)
		return
	}
	a.Child = k.begin(&a.base, list, a.Frame)
}

// onCancel runs the clause for the step's own cancellation.
func (a *handleAct) onCancel(k *Kernel) {
	a.At = inCancel
	for i := range a.N.Clauses {
		if !a.N.Clauses[i].OnCancel {
			continue
		}
		c := a.Stop
		if c == nil {
			c = a.Outcome.Cause
		}
		a.setError(k, k.raise(cancelled(c), k.step(&a.base).path(k)))
		a.arm(k)
		n := a.N.Clauses[i].Step
		a.Child = k.beginStep(a.Self, n, a.Frame, 0, n.Order, "")
		return
	}
	a.finally(k)
}

// cancelled is a cancellation as an error, for the clauses that clean up after it.
func cancelled(c *event.Cause) *event.Error {
	e := event.Errorf(event.CancelledError, "%s", c)
	e.Fields = map[string]any{"cause": c.String()}
	return e
}

func (a *handleAct) setError(k *Kernel, e *event.Error) {
	if sl := k.own(a.Frame, a.N.Slot); sl != nil {
		sl.Err = e
	}
}

// nextClause begins the next clause that takes part of what is left.
func (a *handleAct) nextClause(k *Kernel) {
	a.At = inClause
	for ; a.Clause < len(a.N.Clauses) && a.Rest != nil; a.Clause++ {
		c := &a.N.Clauses[a.Clause]
		if c.OnCancel {
			continue
		}
		taken, rest := a.Rest.Split(func(leaf *event.Error) bool {
			yes, err := k.matches(&a.base, c.Match, leaf)
			if err != nil {
				a.New = append(a.New, k.raise(err, k.step(&a.base).path(k)))
			}
			return yes
		})
		if taken == nil {
			continue
		}
		a.Taken, a.Rest = taken, rest
		a.setError(k, taken)
		a.Child = k.beginStep(a.Self, c.Step, a.Frame, 0, c.Step.Order, "")
		return
	}
	a.allClauses(k)
}

func (a *handleAct) clauseEnded(k *Kernel, o event.Outcome) {
	if a.Stop != nil || o.Status == event.Cancelled {
		a.finally(k)
		return
	}
	if o.Status == event.Failed {
		if o.Err.ID == a.Taken.ID && a.Taken.ID != 0 {
			a.Again = append(a.Again, a.Taken)
		} else {
			a.New = append(a.New, o.Err)
		}
	} else {
		a.Outcome = event.Outcome{Status: event.Succeeded, Value: o.Value, Extra: a.Outcome.Extra}
	}
	a.Clause++
	a.nextClause(k)
}

// allClauses puts together what comes out: what was raised again and what nobody took, in the shape that they had,
// behind the errors of the clauses.
func (a *handleAct) allClauses(k *Kernel) {
	var back *event.Error
	if len(a.Again) > 0 || a.Rest != nil {
		ids := map[int64]bool{}
		for _, e := range append(a.Again, a.Rest) {
			if e != nil {
				for _, leaf := range e.Leaves() {
					ids[leaf.ID] = true
				}
			}
		}
		back, _ = a.Whole.Split(func(leaf *event.Error) bool { return ids[leaf.ID] })
	}
	extra := a.Outcome.Extra
	switch {
	case back == nil && len(a.New) == 0:
		k.step(&a.base).Recovered = a.Whole
	case len(a.New) == 0:
		a.Outcome = event.Failure(back)
	case back == nil && len(a.New) == 1:
		a.Outcome = event.Failure(a.New[0])
	default:
		errs := a.New
		if back != nil {
			errs = append(errs, back)
		}
		a.Outcome = k.failure(&a.base, event.Group(errs))
	}
	a.Outcome.Extra = extra
	a.finally(k)
}

func (a *handleAct) finally(k *Kernel) {
	if a.Spent && a.N.Finally != nil { // the clause before it has used up the time of both
		for _, n := range a.N.Finally.Items {
			k.neverBegun(&a.base, n, k.own(a.Frame, n.Slot), n.Order, "", event.Stopped(a.overrun(k)))
		}
		a.finish(k)
		return
	}
	a.startList(k, a.N.Finally, inFinally, a.finish)
	if a.At == inFinally && a.Child != 0 && a.Timer == 0 {
		a.arm(k)
	}
}

// cleaned notes what a cleanup failed with; it never repaints the outcome.
func (a *handleAct) cleaned(o event.Outcome) {
	switch {
	case o.Status == event.Failed:
		a.Cleanup = append(a.Cleanup, o.Err)
	case o.Status == event.Cancelled && o.Cause != nil && o.Cause.Why == event.WhyCleanup:
		e := event.Errorf(event.TimeoutError, "%s expired", o.Cause)
		e.Fields = map[string]any{"limit": o.Cause.Limit, "scope": "cleanup_timeout", "of": o.Cause.By}
		a.Cleanup = append(a.Cleanup, e)
	}
}

func (a *handleAct) finish(k *Kernel) {
	o := a.Outcome
	if a.Stop != nil {
		o = stopped(a.Stop, o)
	}
	if len(a.Cleanup) > 0 {
		e := a.Cleanup[0]
		if len(a.Cleanup) > 1 {
			e = event.Group(a.Cleanup)
		}
		e = k.raise(e, k.step(&a.base).path(k))
		switch o.Status {
		case event.Succeeded:
			k.step(&a.base).Recovered = nil
			o = event.Failure(e)
		case event.Failed:
			c := *o.Err
			c.Cleanup = e
			o.Err = &c
		default:
			c := cancelled(o.Cause)
			c.Cleanup = e
			o.Err = k.raise(c, k.step(&a.base).path(k))
		}
	}
	k.end(&a.base, o)
}

// arm starts cleanup_timeout when the cleanups begin, and again when a cancel comes later than that.
func (a *handleAct) arm(k *Kernel) {
	k.timers.stop(&a.base)
	k.timers.start(k, &a.base, a.Limit)
}

// fired: the cleanups have had their time. What overruns is stopped.
func (a *handleAct) fired(k *Kernel) {
	a.Spent = true
	k.cancel(a.Child, a.overrun(k), hard)
}

func (a *handleAct) overrun(k *Kernel) *event.Cause {
	return &event.Cause{Why: event.WhyCleanup, By: k.step(&a.base).path(k), Limit: event.FormatDuration(a.Limit)}
}

func (a *handleAct) cancel(k *Kernel, how force) {
	if how != hard && (a.At == inCancel || a.At == inFinally) {
		a.arm(k)
		return
	}
	k.cancel(a.Child, a.Stop, how)
}
