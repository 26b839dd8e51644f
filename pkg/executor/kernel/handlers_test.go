package kernel_test

import (
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
)

// The laws of except, else, finally.

// handlers: which of them ran, how often, and when.
func handlers(h *history, say func(string, ...any)) {
	for _, l := range h.lives {
		if l.handle() != nil && l.inner() == nil {
			l.handlers(h.killed() || l.killed(), say)
		}
	}
}

func (l *life) handlers(killed bool, say func(string, ...any)) {
	h := l.handle()
	ran := func(s *plan.Step) (out []*life) {
		for _, c := range l.kids {
			if c.step == s {
				out = append(out, c)
			}
		}
		return out
	}
	handled := 0
	for i := range h.Clauses {
		c := &h.Clauses[i]
		lives := ran(c.Step)
		if len(lives) > 1 {
			say("%q ran clause %d %d times", l.path(), i, len(lives))
		}
		if len(lives) == 0 {
			continue
		}
		if c.OnCancel {
			if l.cancel == nil {
				say("%q was not told to stop, and its clause for that ran", l.path())
			}
			continue
		}
		handled++
		if l.cancel != nil && lives[0].first.Seq > l.cancel.Seq {
			say("%q was told to stop, and then its clause %d ran", l.path(), i)
		}
	}
	if h.Else != nil && len(ran(h.Else.Items[0])) > 0 && handled > 0 {
		say("%q ran except and else", l.path())
	}
	if h.Finally == nil {
		return
	}
	n := len(ran(h.Finally.Items[0]))
	switch {
	case n > 1:
		say("%q ran finally %d times", l.path(), n)
	case n == 1 && len(l.starts) == 0 && (l.end.Status == event.Skipped || l.told == queued && handled == 0):
		say("%q had not begun, and ran finally", l.path())
	case n == 0 && len(l.starts) > 0 && !killed:
		say("%q ran no finally", l.path())
	}
}

// killed says whether somebody outside, or a standstill, ends everything at once: then no cleanup begins.
func (h *history) killed() bool {
	return h.end.Status == event.Failed && h.end.Err.Type == event.DeadlockError ||
		slices.ContainsFunc(h.Inputs, func(a sim.At) bool { return a.Input.Kind == kernel.Kill })
}

// killed says whether it was stopped inside a cleanup, which may have run out of time.
func (l *life) killed() bool {
	if l.cancel == nil {
		return false
	}
	for ; l != nil; l = l.parent {
		if l.section() >= event.InExcept {
			return true
		}
	}
	return false
}

// cleanups: from the later of the cancel and their begin on, cleanups have cleanup_timeout; leaves are then killed.
func cleanups(h *history, say func(string, ...any)) {
	for _, l := range h.lives {
		handle := l.handle()
		if handle == nil || l.cancel == nil || l.inner() != nil {
			continue
		}
		var begin time.Time
		for _, c := range l.kids {
			if c.section() >= event.InExcept && c.section() != event.InElse && c.first.Seq > l.cancel.Seq { // else is no cleanup
				begin = c.first.Time
				break
			}
		}
		if begin.IsZero() {
			begin = l.cancel.Time
			if len(l.kids) == 0 || l.kids[len(l.kids)-1].section() != event.InFinally {
				continue
			}
		}
		limit := time.Minute
		if handle.Cleanup != nil {
			limit, _ = time.ParseDuration(constantOf(handle.Cleanup).(string))
		}
		for _, c := range l.kids {
			if c.section() == event.InExcept && c.cancel != nil && c.cancel.Cause.Why == event.WhyCleanup && c.cancel.Cause.By == l.path() {
				limit *= 2 // the clause had all of it, and finally gets its own
			}
		}
		if took := l.end.Time.Sub(begin); took > limit {
			say("%q cleaned up for %s of %s", l.path(), took, limit)
		}
	}
}
