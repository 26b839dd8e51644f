// Package critical finds the critical path of a run, played or real: the chain of what lasted that made it as long as it was.
package critical

import (
	"math"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Step is a step of a run, or one iteration of a generator.
type Step struct {
	Parent    *Step // nil: the workflow itself
	Def       *plan.Step
	Order     int64 // event.Where.Order
	Depth     int   // that of the workflow is 0
	Leaf      bool  // nothing is inside it
	Cancelled bool
	Spans     []Span // in which it worked or paused; not those in which it waited for others
}

// Span is a time in which a step worked or, between two attempts, paused. It is in the time of the run.
type Span struct {
	From, To time.Duration
	Pause    bool
}

// Segment is a part of the path.
type Segment struct {
	Step *Step
	Span
}

// Path finds the path, from the end of the run backwards: before what begins at an instant comes what ended in it. Of several that
// ended there, it is the one that is nearest in the tree: the attempt or the pause before it, a sibling that it needs, one that held
// its slot. Where nothing has ended, the path begins.
func Path(steps []*Step, total time.Duration) []Segment {
	ends := map[time.Duration][]Segment{}
	for _, s := range steps {
		for _, x := range s.Spans {
			if x.To > x.From {
				ends[x.To] = append(ends[x.To], Segment{s, x})
			}
		}
	}
	var chain []Segment
	for t := total; t > 0; {
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
	path := make([]Segment, 0, len(chain))
	for i := len(chain) - 1; i >= 0; i-- {
		path = append(path, chain[i])
	}
	return path
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
		if x.Step.Leaf || x.Pause {
			n += 1 << 20
		}
		if x.Step.Cancelled { // it ended since something else did
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
	for s := after; s != nil; s = s.Parent {
		for _, x := range s.Spans {
			if !x.Pause && x.From < t && t <= x.To {
				return Segment{s, Span{From: x.From, To: t}}, true
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
		a = a.Parent
	}
	for b.Depth > a.Depth {
		b = b.Parent
	}
	for a != b {
		a, b = a.Parent, b.Parent
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
		s = s.Parent
	}
	for x.Depth > d {
		x = x.Parent
	}
	if s.Parent == nil || s.Parent != x.Parent {
		return false
	}
	found := false
	plan.Walk(s.Def.Body, func(n plan.Node) {
		if needs, ok := n.(*plan.Needs); ok {
			for _, on := range needs.On {
				found = found || int64(on.Child) == x.Order
			}
		}
	})
	return found
}
