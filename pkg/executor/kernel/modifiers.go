package kernel

import (
	"fmt"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// needsAct waits for siblings, without a slot.
type needsAct struct {
	base
	N       *plan.Needs
	Child   id
	Waiting bool
}

func (a *needsAct) begin(k *Kernel) { a.look(k) }

func (a *needsAct) signalled(k *Kernel) {
	if a.Waiting {
		a.look(k)
	}
}

// look goes on when all needs have ended; else it waits for the first that has not.
func (a *needsAct) look(k *Kernel) {
	join := k.joinAround(&a.base)
	s := k.step(&a.base)
	bad := ""
	for _, need := range a.N.On {
		c := &join.Children[need.Child]
		if !c.Status.Ended() {
			if !a.Waiting {
				a.Waiting = true
				s.queued(k, fmt.Sprintf("needs %q", need.ID))
			}
			join.await(need.Child, a.Self)
			return
		}
		s.NeedsBad = s.NeedsBad || c.Status != event.Succeeded
		s.NeedsFailed = s.NeedsFailed || c.Status == event.Failed
		if need.Hard && c.Status != event.Succeeded && bad == "" {
			bad = fmt.Sprintf("%q, which it needs, was %s", need.ID, c.Status)
			if c.Status == event.Failed {
				bad = fmt.Sprintf("%q, which it needs, failed", need.ID)
			}
		}
	}
	if a.Waiting {
		a.Waiting = false
		s.unqueued(k)
	}
	if bad != "" {
		k.end(&a.base, event.Passed(bad))
		return
	}
	a.Child = k.begin(&a.base, a.N.Body, a.Frame)
}

func (a *needsAct) ended(k *Kernel, _ int32, o event.Outcome) { k.end(&a.base, o) }

func (a *needsAct) cancel(k *Kernel, how force) {
	if a.Waiting {
		k.end(&a.base, event.Stopped(a.Stop))
		return
	}
	k.cancel(a.Child, a.Stop, how)
}

// joinAround is the join that b's step is a child of.
func (k *Kernel) joinAround(b *base) *joinAct {
	return k.acts[k.step(b).Parent].(*joinAct)
}

// whenAct is `if`. Its errors pass the step's own handlers, for those are inside it.
type whenAct struct {
	base
	N     *plan.When
	Child id
}

func (a *whenAct) begin(k *Kernel) {
	yes, err := k.condition(&a.base, a.N.Cond, nil)
	switch {
	case err != nil:
		k.fail(&a.base, err)
	case !yes:
		k.end(&a.base, event.Passed("if is false"))
	default:
		a.Child = k.begin(&a.base, a.N.Body, a.Frame)
	}
}

func (a *whenAct) ended(k *Kernel, _ int32, o event.Outcome) { k.end(&a.base, o) }
func (a *whenAct) cancel(k *Kernel, how force)               { k.cancel(a.Child, a.Stop, how) }

// limitAct is timeout and total_timeout.
type limitAct struct {
	base
	N       *plan.Limit
	Child   id
	D       time.Duration
	Expired *event.Cause
}

func (a *limitAct) begin(k *Kernel) {
	if !a.N.Total {
		if err := k.attempt(&a.base); err != nil {
			k.fail(&a.base, err)
			return
		}
	}
	d, err := k.duration(&a.base, a.N.D)
	if err == nil && d <= 0 {
		err = event.Errorf(event.ValueError, "%s is %s, want more than 0", a.word(), event.FormatDuration(d))
	}
	if err != nil {
		k.failAttempt(&a.base, err)
		return
	}
	a.D = d
	k.timers.start(k, &a.base, d)
	a.Child = k.begin(&a.base, a.N.Body, a.Frame)
}

func (a *limitAct) word() string {
	if a.N.Total {
		return "total_timeout"
	}
	return "timeout"
}

// fired: unless an outer limit of the same instant was first, this one names the error.
func (a *limitAct) fired(k *Kernel) {
	if a.Stop != nil {
		return
	}
	a.Expired = &event.Cause{Why: event.WhyTimeout, By: k.step(&a.base).path(k), Limit: event.FormatDuration(a.D)}
	k.cancel(a.Child, a.Expired, soft)
}

func (a *limitAct) ended(k *Kernel, _ int32, o event.Outcome) {
	if a.Expired == nil || a.Stop != nil {
		k.endAs(&a.base, o)
		return
	}
	err := event.Errorf(event.TimeoutError, "%s of %s expired", a.word(), a.Expired.Limit)
	err.Fields = map[string]any{"limit": a.Expired.Limit, "scope": a.word(), "of": a.Expired.By}
	err.Attempts = max(1, int(k.step(&a.base).Attempt))
	err.Cause = o.Last
	if o.Status == event.Failed {
		err.Cause = o.Err
	} else if o.Err != nil {
		err.Cleanup = o.Err.Cleanup
	}
	out := k.failure(&a.base, err)
	out.Extra = o.Extra
	k.end(&a.base, out)
}

func (a *limitAct) cancel(k *Kernel, how force) {
	k.timers.stop(&a.base) // once cancelled, only the grace of the cleanups counts
	k.cancel(a.Child, a.Stop, how)
}

// shieldAct is `shield`: once an attempt has begun, a cancel is held back.
type shieldAct struct {
	base
	N     *plan.Shield
	Child id
}

func (a *shieldAct) begin(k *Kernel) { a.Child = k.begin(&a.base, a.N.Body, a.Frame) }

func (a *shieldAct) ended(k *Kernel, _ int32, o event.Outcome) { k.end(&a.base, o) }

// holds says whether the shield holds a cancel of the step back.
func (a *shieldAct) holds(s *stepAct, how force) bool {
	return how == soft && (s.Phase == inAttempt || s.Phase == handling)
}

func (a *shieldAct) cancel(k *Kernel, how force) {
	s := k.step(&a.base)
	if a.holds(s, how) {
		s.Shield, s.NoMore = true, true
		return
	}
	s.Shield = false
	if how == pierce {
		how = soft
	}
	k.cancel(a.Child, a.Stop, how)
}

// resultAct is `result`: it replaces the value of what succeeded.
type resultAct struct {
	base
	N     *plan.Result
	Child id
}

func (a *resultAct) begin(k *Kernel) { a.Child = k.begin(&a.base, a.N.Body, a.Frame) }

func (a *resultAct) ended(k *Kernel, _ int32, o event.Outcome) {
	if o.Status == event.Succeeded && a.Stop == nil {
		v, err := k.eval(&a.base, a.N.Value, nil)
		if err != nil {
			k.fail(&a.base, err)
			return
		}
		o.Value = v
	}
	k.endAs(&a.base, o)
}

func (a *resultAct) cancel(k *Kernel, how force) { k.cancel(a.Child, a.Stop, how) }
