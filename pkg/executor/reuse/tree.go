package reuse

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// tree is a take as its events tell of it, and what of it runs again. A further attempt of a step takes the place of what the
// former one had begun.
type tree struct {
	plan  *plan.Plan
	nodes []*node          // by event.Where.Step
	last  map[string]*node // the latest of each path
}

// node is one instance of a step.
type node struct {
	up    *node // nil: the workflow itself
	step  *plan.Step
	path  string
	order int64            // event.Where.Order
	kids  []*node          // but for handlers
	ends  []*node          // handlers
	tasks map[string]*node // background tasks that belong to it as a list, by their ids
	event.Outcome
	began bool
	gone  bool           // an attempt that is over
	did   *did           // what its leaf did; nil: it has none, or that is not known
	again bool           // it runs again, or something in it does
	any   int64          // the least order of a child that runs again
	first int64          // of one that later children, in the same list, wait for
	after map[int32]bool // children of a block that need one that runs again, in however many steps
	over  bool           // it is a block of which a child that runs again has ended
}

func newTree(p *plan.Plan) *tree { return &tree{plan: p, last: map[string]*node{}} }

// observe takes the next event. It gives the step that has ended, if it tells of that.
func (t *tree) observe(e event.Event) {
	switch e.Type {
	case event.StepQueued:
		t.node(e)
	case event.StepStart:
		n := t.node(e)
		n.began = true
		if e.Attempt > 1 {
			n.drop()
		}
	case event.StepEnd:
		n := t.node(e)
		n.Outcome = e.Outcome
		if t.takes(n) {
			n.mark()
		}
		if n.again && n.up != nil {
			n.up.over = true
		}
	}
}

func (t *tree) node(e event.Event) *node {
	for int(e.Where.Step) >= len(t.nodes) {
		t.nodes = append(t.nodes, nil)
	}
	if n := t.nodes[e.Where.Step]; n != nil {
		return n
	}
	n := &node{step: t.plan.Steps[e.Node], path: e.Path, order: e.Order, any: math.MaxInt64, first: math.MaxInt64}
	t.nodes[e.Where.Step] = n
	t.last[e.Path] = n
	if e.Parent < 0 {
		return n
	}
	n.up = t.nodes[e.Parent]
	if n.order < event.InExcept {
		n.up.kids = append(n.up.kids, n)
	} else {
		n.up.ends = append(n.up.ends, n)
	}
	switch {
	case n.step.Background:
		n.up.task(n)
	case n.up.up != nil && keeps(n.up.step):
		n.up.up.task(n)
	}
	return n
}

func (n *node) task(x *node) {
	if n.tasks == nil {
		n.tasks = map[string]*node{}
	}
	n.tasks[x.step.ID] = x
}

func keeps(s *plan.Step) bool {
	j, ok := s.Action().(*plan.Join)
	return ok && j.Keep
}

// drop forgets the body of a step that is tried again. Its handlers stand around all attempts.
func (n *node) drop() {
	for _, x := range n.kids {
		x.gone = true
		x.drop()
		for _, end := range x.ends {
			end.gone = true
			end.drop()
		}
	}
	n.kids = nil
}

// action is what a step does; of a call, what the workflow does that it calls.
func action(s *plan.Step) plan.Node {
	if c, ok := s.Action().(*plan.Call); ok {
		return c.Workflow.Body.Action()
	}
	return s.Action()
}

// works says whether a step does something outside the kernel: what runs again, or is kept.
func works(s *plan.Step) bool {
	l, ok := s.Action().(*plan.Leaf)
	return ok && l.Kind.Run != nil && l.Reraise == nil
}

// takes says whether n has waited for a task that runs again.
func (t *tree) takes(n *node) bool {
	var tasks []plan.Task
	switch a := n.step.Action().(type) {
	case *plan.Await:
		tasks = a.Tasks
	case *plan.Cancel:
		tasks = a.Tasks
	}
	for _, task := range tasks {
		for up := n.up; up != nil; up = up.up {
			if x := up.tasks[task.ID]; x != nil {
				if x.again {
					return true
				}
				break
			}
		}
	}
	return false
}

// mark says that n runs again.
func (n *node) mark() {
	for ; !n.again; n = n.up {
		n.again = true
		up := n.up
		if up == nil {
			return
		}
		up.any = min(up.any, n.order)
		block, ok := action(up.step).(*plan.Join)
		switch {
		case n.order >= event.InVisit:
			up.first = min(up.first, n.order)
		case ok:
			up.needed(block, int32(n.order))
		case !n.step.Background || n.step.Ready != nil: // else the list does not wait for it
			up.first = min(up.first, n.order)
		}
	}
}

// needed notes which children of a block come after the child i, which runs again.
func (n *node) needed(block *plan.Join, i int32) {
	if n.after == nil {
		n.after = map[int32]bool{}
	}
	for j, child := range block.Children {
		if j := int32(j); !n.after[j] && needs(child, i) {
			n.after[j] = true
			n.needed(block, j)
		}
	}
}

func needs(s *plan.Step, i int32) (yes bool) {
	plan.Walk(s.Body, func(x plan.Node) {
		if w, ok := x.(*plan.Needs); ok {
			yes = slices.ContainsFunc(w.On, func(on plan.Need) bool { return on.Child == i })
		}
	})
	return yes
}

// depends says whether something that runs again comes before n: in a list, by needs, as the body of a handler, as a service
// that it may talk to. What n reads of other steps comes before it in one of these ways, or by an await, which runs
// again with what it waits for.
func (n *node) depends() bool {
	for ; n.up != nil; n = n.up {
		if n.up.before(n) {
			return true
		}
	}
	return false
}

// before says whether a child of n that runs again ends before its child c begins.
func (n *node) before(c *node) bool {
	_, block := action(n.step).(*plan.Join)
	switch {
	case c.order >= event.InExcept:
		return n.any < c.order
	case c.order >= event.InVisit:
		return n.first < c.order || n.over // it may be about the child that has ended
	case block:
		return n.after[int32(c.order)]
	default:
		return n.first < c.order
	}
}

// service says whether n is a step that others may talk to while it works.
func (n *node) service() bool { return n.step.Ready != nil }
