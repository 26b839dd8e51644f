package simulation

import (
	"math"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Segment is a part of the critical path: a step that worked or paused, and whose end let the next one begin.
type Segment struct {
	Step     *Step
	What     SpanKind
	From, To time.Duration
}

// critical finds the chain of what lasted that makes the run as long as it is, from its end backwards: before what begins at
// an instant comes what ended in it. Of several that ended there, it is the one that is nearest in the tree: the attempt or the
// pause before it, a sibling that it needs, one that held its slot.
func (r *Report) critical() {
	ends := map[time.Duration][]Segment{}
	for _, s := range r.Steps {
		for _, x := range s.Spans {
			if x.To > x.From && x.What != Waiting {
				ends[x.To] = append(ends[x.To], Segment{s, x.What, x.From, x.To})
			}
		}
	}
	var chain []Segment
	for t := r.Total; t > 0; {
		var after *Step
		if len(chain) > 0 {
			after = chain[len(chain)-1].Step
		}
		next, ok := nearest(ends[t], after)
		if !ok {
			next, ok = around(after, t)
		}
		if !ok {
			break
		}
		chain = append(chain, next)
		t = next.From
	}
	for i := len(chain) - 1; i >= 0; i-- {
		r.Critical = append(r.Critical, chain[i])
		for s := chain[i].Step; s != nil && !s.Critical; s = s.parent {
			s.Critical = true
		}
	}
}

// nearest is the one of list that is nearest to the step after.
func nearest(list []Segment, after *Step) (best Segment, ok bool) {
	rank := math.MinInt
	for _, x := range list {
		// What works by itself goes before a block around it, then how near it is counts, then whether it is needed.
		n := 2 * shared(x.Step, after)
		if needed(after, x.Step) {
			n++
		}
		if len(x.Step.inside) == 0 || x.What == Pausing {
			n += 1 << 20
		}
		if x.Step.Status == event.Cancelled { // it ended since something else did
			n -= 1 << 21
		}
		if n > rank {
			best, rank, ok = x, n, true
		}
	}
	return best, ok
}

// around is the time before t of the step around a handler: nothing ends when a limit of it expires, or a cancel comes, and
// the handler begins.
func around(after *Step, t time.Duration) (Segment, bool) {
	for s := after; s != nil; s = s.parent {
		for _, x := range s.Spans {
			if x.What == Working && x.From < t && t <= x.To {
				return Segment{s, Working, x.From, t}, true
			}
		}
	}
	return Segment{}, false
}

// shared is how many steps stand around both a and b, each of them counting as around itself.
func shared(a, b *Step) int {
	if b == nil {
		return 0
	}
	for a.Depth > b.Depth {
		a = a.parent
	}
	for b.Depth > a.Depth {
		b = b.parent
	}
	for a != b {
		a, b = a.parent, b.parent
	}
	return a.Depth + 1
}

// needed says whether s, or a step around it, needs a sibling that x is or is in.
func needed(s, x *Step) bool {
	if s == nil {
		return false
	}
	d := shared(x, s)
	for s.Depth > d {
		s = s.parent
	}
	for x.Depth > d {
		x = x.parent
	}
	if s.parent == nil || s.parent != x.parent {
		return false
	}
	found := false
	plan.Walk(s.Def.Body, func(n plan.Node) {
		if needs, ok := n.(*plan.Needs); ok {
			for _, on := range needs.On {
				found = found || int64(on.Child) == x.order
			}
		}
	})
	return found
}
