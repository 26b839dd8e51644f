package executor

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

func TestCollector(t *testing.T) {
	p := written("root", "a", "b", "c", "h")
	ok, bad := event.Success(1), event.Failure(event.Errorf("E", "bad"))
	for _, c := range []struct {
		name   string
		events []event.Event
		want   string
	}{
		{
			"argument order, whatever ends first",
			[]event.Event{
				start(p, 0, -1, 0, 0, 1), start(p, 1, 0, 0, 1, 1), start(p, 2, 0, 1, 2, 1),
				end(p, 2, 0, 1, 2, ok), end(p, 1, 0, 0, 1, bad), end(p, 0, -1, 0, 0, ok),
			},
			"root succeeded(a failed, b succeeded)",
		},
		{
			"what is heard of last may stand first",
			[]event.Event{
				start(p, 0, -1, 0, 0, 1), start(p, 1, 0, 2, 3, 1), end(p, 1, 0, 2, 3, ok),
				end(p, 2, 0, 0, 1, event.Passed("not reached")), end(p, 3, 0, 1, 2, ok), end(p, 0, -1, 0, 0, ok),
			},
			"root succeeded(a skipped, b succeeded, c succeeded)",
		},
		{
			"handlers stand behind the body",
			[]event.Event{
				start(p, 0, -1, 0, 0, 1), end(p, 1, 0, event.InFinally, 4, ok), end(p, 2, 0, event.InExcept, 3, ok),
				end(p, 3, 0, 0, 1, bad), end(p, 0, -1, 0, 0, ok),
			},
			"root succeeded(a failed, c succeeded, h succeeded)",
		},
		{
			"a new attempt takes the place of the former one",
			[]event.Event{
				start(p, 0, -1, 0, 0, 1), start(p, 1, 0, 0, 1, 1), start(p, 2, 1, 0, 2, 1), end(p, 3, 2, 0, 3, bad), end(p, 2, 1, 0, 2, bad),
				{Type: event.StepRetry, Where: event.Where{Step: 1, Node: 1}},
				start(p, 1, 0, 0, 1, 2), end(p, 4, 1, 0, 3, ok), end(p, 1, 0, 0, 1, ok), end(p, 0, -1, 0, 0, ok),
			},
			"root succeeded(a succeeded(c succeeded))",
		},
		{
			"a pause that is cut keeps the last attempt",
			[]event.Event{
				start(p, 0, -1, 0, 0, 1), start(p, 1, 0, 0, 1, 1), end(p, 2, 1, 0, 2, bad),
				{Type: event.StepRetry, Where: event.Where{Step: 1, Node: 1}},
				end(p, 1, 0, 0, 1, event.Stopped(&event.Cause{Why: event.WhySignal, By: "SIGINT"})), end(p, 0, -1, 0, 0, ok),
			},
			"root succeeded(a cancelled(b failed))",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := tree(collect(p, c.events).Root); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// collect gives events to a collector, with the run's around them.
func collect(p *plan.Plan, events []event.Event) *Result {
	c := newCollector(p, "R")
	c.observe(event.Event{Type: event.RunStart, Time: at(0), Where: event.Where{Parent: -1}})
	for _, e := range events {
		c.observe(e)
	}
	c.observe(event.Event{Type: event.RunEnd, Time: at(1500), Where: event.Where{Parent: -1}, Outcome: events[len(events)-1].Outcome})
	return c.result
}

func TestCollectorCountsReturnedErrors(t *testing.T) {
	p := written("root", "a")
	one := end(p, 1, 0, 0, 1, event.Success(nil))
	one.Returned = 2
	all := end(p, 0, -1, 0, 0, event.Success(nil))
	all.Returned = 1
	if got := collect(p, []event.Event{start(p, 0, -1, 0, 0, 1), one, all}).Returned; got != 3 {
		t.Errorf("%d errors returned, want 3", got)
	}
}

// A record may take 400 bytes, its path included.
func TestCollectorMemory(t *testing.T) {
	const n = 200_000
	p := written("root", "a")
	before := heap()
	c := newCollector(p, "R")
	c.observe(start(p, 0, -1, 0, 0, 1))
	for i := range int32(n) {
		e := start(p, i+1, 0, int64(i), 1, 1)
		e.Path = fmt.Sprintf("tests[%d]", i)
		c.observe(e)
		e.Type, e.Outcome = event.StepEnd, event.Success(nil)
		c.observe(e)
	}
	peak := heap() - before
	runtime.KeepAlive(c)
	if peak/n > 400 {
		t.Errorf("%d bytes a record, want at most 400", peak/n)
	}
	t.Logf("%d bytes a record", peak/n)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
