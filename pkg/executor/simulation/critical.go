package simulation

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/critical"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Segment is a part of the critical path: a step that worked or paused, and whose end let the next one begin.
type Segment struct {
	Step     *Step
	What     SpanKind
	From, To time.Duration
}

// critical finds the critical path, and marks what it goes through.
func (r *Report) critical() {
	steps := make([]*critical.Step, len(r.Steps))
	of := make(map[*Step]*critical.Step, len(r.Steps))
	back := make(map[*critical.Step]*Step, len(r.Steps))
	for i, s := range r.Steps {
		c := &critical.Step{
			Parent: of[s.parent], Def: s.Def, Order: s.order, Depth: s.Depth,
			Leaf: len(s.inside) == 0, Cancelled: s.Status == event.Cancelled,
		}
		for _, x := range s.Spans {
			if x.What != Waiting {
				c.Spans = append(c.Spans, critical.Span{From: x.From, To: x.To, Pause: x.What == Pausing})
			}
		}
		steps[i], of[s], back[c] = c, c, s
	}
	for _, x := range critical.Path(steps, r.Total) {
		what := Working
		if x.Pause {
			what = Pausing
		}
		r.Critical = append(r.Critical, Segment{back[x.Step], what, x.From, x.To})
		for s := back[x.Step]; s != nil && !s.Critical; s = s.parent {
			s.Critical = true
		}
	}
}
