package portable

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

const (
	// manyPending is how many steps of a run Temporal can have under way at once.
	manyPending = 2000
	// window is how many of them workers get.
	window = 500
)

// pending finds out how many steps that workers carry out can be at work at once.
type pending struct {
	*checker
	known map[*plan.Workflow]load
	told  map[*plan.Step]bool // it was said of it, or of one inside it
}

func newPending(c *checker) *pending {
	return &pending{checker: c, known: map[*plan.Workflow]load{}, told: map[*plan.Step]bool{}}
}

// load is how many steps want to work at once, by the semaphore that bounds them; -1: none does.
type load map[int]int

// most bounds what is counted.
const most = 1_000_000_000

// add adds a load that is there at the same time.
func (l load) add(m load) {
	for sem, n := range m {
		l[sem] = min(l[sem]+n, most)
	}
}

// or takes what is more of a load that is there at another time.
func (l load) or(m load) {
	for sem, n := range m {
		l[sem] = max(l[sem], n)
	}
}

func (l load) times(n int) load {
	out := make(load, len(l))
	for sem, one := range l {
		if out[sem] = most; n == 0 || one <= most/n {
			out[sem] = one * n
		}
	}
	return out
}

// total is how many can work.
func (p *pending) total(l load) int {
	sum := 0
	for sem, n := range l {
		if sem >= 0 {
			n = min(n, p.plan.Semaphores[sem].Permits)
		}
		sum += n
	}
	return sum
}

// of is the load of a workflow. Of one that calls itself the call is not counted.
func (p *pending) of(w *plan.Workflow) load {
	if _, ok := p.known[w]; !ok {
		p.known[w] = nil
		around := p.workflow
		p.workflow = w
		p.known[w] = p.step(w.Body)
		p.workflow = around
	}
	return p.known[w]
}

// step is the load of s, or of its handlers, which come after it.
func (p *pending) step(s *plan.Step) load {
	out := load{}
	switch n := s.Action().(type) {
	case *plan.Leaf:
		if n.Kind.Run != nil {
			sem, _ := p.bound(s)
			out[sem] = 1
		}
	case *plan.Sequence:
		out = p.list(n.Items)
	case *plan.Loop:
		out = p.step(n.Gen.Do)
	case *plan.Join:
		out = p.join(s, n)
	case *plan.Call:
		out.add(p.of(n.Workflow))
		p.told[s] = p.told[n.Workflow.Body]
	}
	plan.Walk(s.Body, func(n plan.Node) {
		h, ok := n.(*plan.Handle)
		if !ok {
			return
		}
		for _, c := range h.Clauses {
			out.or(p.step(c.Step))
		}
		for _, l := range []*plan.Sequence{h.Else, h.Finally} {
			if l != nil {
				out.or(p.list(l.Items))
			}
		}
	})
	s.Inside(func(x *plan.Step) { p.told[s] = p.told[s] || p.told[x] })
	return out
}

// list is one item after the other, and beside them those in the background.
func (p *pending) list(items []*plan.Step) load {
	turn, beside := load{}, load{}
	for _, x := range items {
		if l := p.step(x); x.Background {
			beside.add(l)
		} else {
			turn.or(l)
		}
	}
	turn.add(beside)
	return turn
}

// join is all children at once, as many as its limit and the semaphores of its children let through.
func (p *pending) join(s *plan.Step, n *plan.Join) load {
	limit := most
	if n.Limit != nil {
		limit = 1 // a computed one: whoever writes it has thought of this
		if c, ok := n.Limit.Src.Const.(int); ok {
			limit = c
		}
	}
	out := load{}
	if n.Gen != nil {
		size, _ := n.Gen.Size(p.workflow.Inputs)
		_, permits := p.bound(n.Gen.Do)
		out = p.step(n.Gen.Do).times(min(size, limit, permits))
	} else {
		widest := load{}
		for _, x := range n.Children {
			l := p.step(x)
			out.add(l)
			widest.or(l)
		}
		if limit < len(n.Children) {
			out = widest.times(limit)
		}
	}
	if n.Visit != nil {
		out.add(p.step(n.Visit.Step))
	}
	inside := false
	s.Inside(func(x *plan.Step) { inside = inside || p.told[x] })
	if all := p.total(out); all > manyPending && !inside {
		p.told[s] = true
		p.warn(s.Pos, "remote-many-steps", fmt.Sprintf("write limit: %d, or less: what waits for a slot has not begun", window),
			"up to %d steps may begin at once here, and workers get %d of a run at a time: the others wait as if they were at work", all, window)
	}
	return out
}

// bound is the semaphore that lets the fewest of s work at once, and how many; -1: none does.
func (p *pending) bound(s *plan.Step) (sem, permits int) {
	sem, permits = -1, most
	plan.Walk(s.Body, func(n plan.Node) {
		h, ok := n.(*plan.Hold)
		if !ok || h.Sem == plan.Slots || p.plan.Semaphores[h.Sem].Name == plan.Room {
			return
		}
		if x := p.plan.Semaphores[h.Sem].Permits; x < permits {
			sem, permits = int(h.Sem), x
		}
	})
	return sem, permits
}
