package kernel_test

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// The laws of services.

// list is the items of the list that l is one of, in the attempt that began it. A step and the workflow that it calls may have
// lists of the same section.
func (l *life) list() []*life {
	var items []*plan.Step
	for _, n := range append(slices.Clone(l.parent.chain), l.parent.inner()...) {
		lists := []*plan.Sequence{}
		switch n := n.(type) {
		case *plan.Sequence:
			lists = append(lists, n)
		case *plan.Handle:
			lists = append(lists, n.Else, n.Finally)
		}
		for _, list := range lists {
			if list != nil && slices.Contains(list.Items, l.step) {
				items = list.Items
			}
		}
	}
	var out []*life
	for _, c := range l.parent.kids {
		if slices.Contains(items, c.step) && c.attempt == l.attempt {
			out = append(out, c)
		}
	}
	return out
}

// ready: what stands behind a service begins when it is ready, or was skipped.
func ready(l *life, say func(string, ...any)) {
	if l.step.Ready == nil || l.parent == nil {
		return
	}
	for _, c := range l.list() {
		if c.index() <= l.index() || len(c.starts) == 0 {
			continue
		}
		if l.end.Status != event.Skipped && (l.ready == nil || c.starts[0].Seq < l.ready.Seq) {
			say("%q began before the service %q was ready", c.path(), l.path())
		}
	}
}

// services: when a service has ended that was not told to, nothing more of its list begins, and what runs is told to stop.
func services(l *life, say func(string, ...any)) {
	if l.step.Ready == nil || l.parent == nil || l.cancel != nil || l.end.Status == event.Skipped || l.isAwaited() {
		return
	}
	at := l.end.Instant
	for _, c := range l.list() {
		if c == l || c.step.Background {
			continue
		}
		if len(c.starts) > 0 && c.starts[0].Instant > at {
			say("the service %q had ended, and %q began", l.path(), c.path())
		}
		if !c.within(at) && c.first.Instant <= at && !c.shielded() && (c.cancel == nil || c.cancel.Instant > at) {
			say("the service %q had ended, and %q was not told to stop", l.path(), c.path())
		}
	}
}

// isAwaited says whether somebody waits for l when it ends.
func (l *life) isAwaited() bool {
	var look func(c *life) bool
	look = func(c *life) bool {
		if a, ok := c.action().(*plan.Await); ok && len(c.starts) > 0 && c.starts[0].Instant <= l.end.Instant && c.end.Instant >= l.end.Instant {
			for _, t := range a.Tasks {
				if t.ID == l.step.ID {
					return true
				}
			}
		}
		for _, k := range c.kids {
			if look(k) {
				return true
			}
		}
		return false
	}
	return look(l.parent)
}
