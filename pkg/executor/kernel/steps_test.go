package kernel_test

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// The laws of every step: attempts, cancels, limits, ends.

func endsOnce(l *life, say func(string, ...any)) {
	if l.end == nil {
		say("%q has not ended", l.path())
	} else if !l.end.Status.Ended() {
		say("%q ended as %s", l.path(), l.end.Status)
	}
}

// What a wait keeps belongs to the list around the wait from then on.
func endsAfterChildren(l *life, say func(string, ...any)) {
	if l.parent == nil {
		return
	}
	owner := l.parent
	if l.kept() && l.end.Seq > owner.end.Seq {
		owner = owner.parent
	}
	if l.end.Seq > owner.end.Seq {
		say("%q ended after %q", l.path(), owner.path())
	}
}

func attemptEndsAfterChildren(l *life, say func(string, ...any)) {
	for _, r := range l.retries {
		for _, c := range l.kids {
			if c.first.Seq < r.Seq && c.end.Seq > r.Seq {
				say("%q ran on after attempt %d of %q", c.path(), r.Attempt, l.path())
			}
		}
	}
	// Handlers begin when the body is over.
	over := int64(0)
	for _, c := range l.kids {
		if c.section() < event.InExcept && !c.kept() {
			over = max(over, c.end.Seq)
		} else if c.section() >= event.InExcept && c.first.Seq < over && l.inner() == nil {
			say("the handler %q began before the body of %q was over", c.path(), l.path())
		}
	}
}

func attempts(l *life, say func(string, ...any)) {
	for i, s := range l.starts {
		if s.Attempt != i+1 {
			say("%q began attempt %d as number %d", l.path(), s.Attempt, i+1)
		}
		if i == 0 {
			continue
		}
		if r := l.retries[i-1]; s.Time.Before(r.Time.Add(r.In)) {
			say("%q paused for %s, not %s", l.path(), s.Time.Sub(r.Time), r.In)
		}
	}
	if len(l.retries) > len(l.starts) {
		say("%q paused %d times in %d attempts", l.path(), len(l.retries), len(l.starts))
	}
	most := 1
	if r, ok := nodeOf[*plan.Retry](l); ok {
		most = constantOf(r.Attempts).(int)
	}
	if len(l.starts) > most {
		say("%q had %d attempts of %d", l.path(), len(l.starts), most)
	}
}

func cancelledNeverFails(l *life, say func(string, ...any)) {
	if l.cancel == nil {
		return
	}
	if l.end.Status != event.Cancelled {
		say("%q was told to stop (%s), and %s", l.path(), l.cancel.Cause, l.end.Status)
	} else if *l.end.Cause != *l.cancel.Cause {
		say("%q was told to stop by %s, and says %s", l.path(), l.cancel.Cause, l.end.Cause)
	}
}

func cancelledWasTold(l *life, say func(string, ...any)) {
	if l.end.Status == event.Cancelled && l.cancel == nil && l.first.Type != event.StepEnd {
		say("%q", l.path())
	}
	if l.end.Status == event.Cancelled && l.end.Cause == nil {
		say("%q was cancelled without a cause", l.path())
	}
	if l.end.Status == event.Failed && l.end.Err.Type == event.CancelledError {
		say("%q failed with a cancellation", l.path())
	}
}

// Below a step that was told to stop everything hears the same cause; its cleanups may be stopped for another, and a shield
// may give way to a later cancel, but keeps the cause of the one that it held back.
func oneCause(l *life, say func(string, ...any)) {
	p := l.parent
	if l.cancel == nil || p == nil || p.cancel == nil || l.shielded() || l.section() >= event.InExcept || l.cancel.Seq < p.cancel.Seq || p.end.Seq < l.cancel.Seq {
		return
	}
	if *l.cancel.Cause != *p.cancel.Cause {
		say("%q heard %s, and below it %q heard %s", p.path(), p.cancel.Cause, l.path(), l.cancel.Cause)
	}
}

func nothingBeginsAfterCancel(l *life, say func(string, ...any)) {
	if l.cancel == nil {
		return
	}
	for _, s := range l.starts {
		if s.Seq > l.cancel.Seq {
			say("%q began attempt %d after it was told to stop", l.path(), s.Attempt)
		}
	}
	for _, c := range l.kids {
		if c.section() < event.InExcept && len(c.starts) > 0 && c.starts[0].Seq > l.cancel.Seq {
			say("%q was told to stop, and then %q began", l.path(), c.path())
		}
	}
}

// Only handlers may keep it, and only if it had begun.
func leavesAtOnce(l *life, say func(string, ...any)) {
	if l.cancel == nil || l.told != queued && l.told != pausing {
		return
	}
	if l.handle() != nil && len(l.starts) > 0 || len(l.inner()) > 1 {
		return
	}
	if l.end.Instant != l.cancel.Instant || l.end.Time != l.cancel.Time {
		say("%q was %s when it was told to stop, and ended %s later", l.path(), l.told, l.end.Time.Sub(l.cancel.Time))
	}
}

// A step that succeeded by itself did so before its limit; a leaf that its limit stopped ended in its grace.
func limits(l *life, say func(string, ...any)) {
	if len(l.starts) == 0 || l.cancel != nil || l.handle() != nil {
		return
	}
	last := l.starts[len(l.starts)-1]
	check := func(limit *plan.Limit, since time.Time) {
		if limit == nil {
			return
		}
		text, fixed := constantOf(limit.D).(string)
		d, err := time.ParseDuration(text)
		if !fixed || err != nil {
			return
		}
		took := l.end.Time.Sub(since)
		if l.end.Status == event.Succeeded && took >= d {
			say("%q succeeded after %s of %s", l.path(), took, d)
		}
		if leaf, ok := l.action().(*plan.Leaf); ok && took > d+graceOfLeaf(leaf) {
			say("%q ended after %s; its limit is %s", l.path(), took, d)
		}
	}
	if len(l.retries) < len(l.starts) { // else it ended in a pause
		check(l.limit(false), last.Time)
	}
	if !has[*plan.Needs](l) {
		check(l.limit(true), l.first.Time)
	}
}

func graceOfLeaf(l *plan.Leaf) time.Duration {
	for _, a := range l.Args {
		if a.Key == "grace" {
			return seconds(constantOf(a.Value))
		}
	}
	return 0
}

// constantOf is the value of a constant, nil of an expression.
func constantOf(v *plan.Value) any {
	c, _ := v.V.Constant()
	return c
}

func paths(h *history, say func(string, ...any)) {
	living := map[string]int32{}
	for _, m := range h.moments {
		if m.Type == event.RunStart || m.Type == event.RunEnd {
			continue
		}
		if other, ok := living[m.Path]; ok && other != m.Step {
			say("%q is the name of two living steps", m.Path)
		}
		living[m.Path] = m.Step
		if m.Type == event.StepEnd {
			delete(living, m.Path)
		}
	}
}

func outcome(h *history, say func(string, ...any)) {
	root := h.lives[0].end.Outcome
	if h.end.Status == event.Failed && h.end.Err.Type == event.DeadlockError {
		if !h.Unsafe {
			say("it came to a standstill: %s", h.end.Err.Message)
		}
		return
	}
	if text(root.Value) != text(h.end.Value) || root.Status != h.end.Status {
		say("the workflow %s with %s, the run %s with %s", root.Status, text(root.Value), h.end.Status, text(h.end.Value))
	}
}
