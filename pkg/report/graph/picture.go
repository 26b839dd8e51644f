package graph

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// picture is a plan as boxes and arrows.
type picture struct {
	flows  []*box // the workflows, the main one first
	arrows []arrow
	of     map[*plan.Step]*box // that are drawn
	left   int                 // workflows that are not drawn
}

// box is a step.
type box struct {
	step  *plan.Step
	path  string // as reports have it, with [*] for each of a generator's; a workflow's is that of its caller: ""
	title string // its id, its name, or ""
	kind  string
	text  string   // what it does, as written, on one line
	words []string // what became of it, and its modifiers
	// status is what became of it; "": that is not known.
	status string
	parts  []part
	// folded is how many steps inside it are not drawn.
	folded int
}

// part is one of the lists of steps inside a step.
type part struct {
	word  string // "" for its body, else as_completed, except, else, finally
	shape shape
	boxes []*box
	// left is how many steps are not drawn: before the last box of those in turn, else behind it.
	left int
}

// shape says how the steps of a part run.
type shape uint8

const (
	inTurn shape = iota // one after the other
	beside              // at the same time
	each                // one box stands for as many as there are items
)

// arrow leads from a step to one that waits for it.
type arrow struct {
	from, to *plan.Step
	word     string // needs, reads, awaits, cancels
	why      string // the reference of one that reads
}

// build makes the picture of p with nothing folded.
func build(p *plan.Plan, ran map[string]event.Status) *picture {
	b := builder{plan: p, picture: &picture{of: map[*plan.Step]*box{}}}
	for _, w := range p.Workflows {
		if b.ran = nil; w == p.Main {
			b.ran = ran
		}
		b.tasks = map[string]*plan.Step{}
		b.waiters = nil
		root := b.box(w.Body, "", "")
		root.title = line(flowName(w))
		b.flows = append(b.flows, root)
		for _, x := range b.waiters {
			if t := b.tasks[x.task]; t != nil {
				b.arrows = append(b.arrows, arrow{from: t, to: x.step, word: x.word})
			}
		}
	}
	return b.picture
}

// flowName is the name of a workflow, that of its file if it has none.
func flowName(w *plan.Workflow) string { return cmp.Or(w.Name, w.Body.Pos.File) }

type builder struct {
	plan *plan.Plan
	*picture
	ran     map[string]event.Status // of the steps of this workflow
	tasks   map[string]*plan.Step   // the steps of this workflow with an id
	waiters []waiter
}

// waiter is a step that names a task, which may stand behind it in the walk.
type waiter struct {
	step *plan.Step
	task string
	word string
}

// box is that of s, whose place among the others gives its path if it has no id. ids stand behind prefix.
func (b *builder) box(s *plan.Step, path, prefix string) *box {
	x := &box{step: s, path: path, kind: s.Kind}
	if s.ID != "" {
		x.path, x.title = prefix+s.ID, s.ID
		b.tasks[s.ID] = s
	}
	if s.Name != nil {
		x.title = line(written(s.Name.Src))
	}
	b.of[s] = x
	if status, known := b.ran[x.path]; known {
		x.status = status.String()
		x.words = []string{x.status}
	}
	x.words = append(x.words, b.modifiers(s)...)
	b.inside(x, s.Action(), prefix)
	plan.Walk(s.Body, func(n plan.Node) {
		if h, ok := n.(*plan.Handle); ok {
			b.handlers(x, h, prefix)
		}
	})
	return x
}

// inside is what the action of x is.
func (b *builder) inside(x *box, n plan.Node, prefix string) {
	switch n := n.(type) {
	case *plan.Leaf:
		x.text = line(action(n))
	case *plan.Sequence:
		x.list(b, "", inTurn, n.Items, prefix)
	case *plan.Loop:
		b.generator(x, n.Gen)
	case *plan.Join:
		x.words = append(x.words, join(n)...)
		if n.Gen != nil {
			b.generator(x, n.Gen)
		} else {
			x.list(b, "", beside, n.Children, prefix)
		}
		if n.Visit != nil {
			below := under(x.path, "as_completed") + "[*]"
			x.parts = append(x.parts, part{word: "as_completed", shape: each, boxes: []*box{b.box(n.Visit.Step, below, below+".")}})
		}
		for _, s := range n.Children {
			b.needs(s, n)
		}
	case *plan.Call:
		x.text = line(flowName(n.Workflow))
	case *plan.Await:
		b.names(x, n.Tasks, "awaits")
	case *plan.Cancel:
		b.names(x, n.Tasks, "cancels")
	default:
		panic(fmt.Sprintf("graph: no picture of %T", n))
	}
}

// needs are the arrows to s, a child of j.
func (b *builder) needs(s *plan.Step, j *plan.Join) {
	plan.Walk(s.Body, func(n plan.Node) {
		needs, ok := n.(*plan.Needs)
		if !ok {
			return
		}
		for _, on := range needs.On {
			a := arrow{from: j.Children[on.Child], to: s, word: "needs"}
			if on.Why != "needs" {
				a.word, a.why = "reads", on.Why
			}
			b.arrows = append(b.arrows, a)
		}
	})
}

func (b *builder) names(x *box, tasks []plan.Task, word string) {
	var ids []string
	for _, t := range tasks {
		ids = append(ids, t.ID)
		b.waiters = append(b.waiters, waiter{x.step, t.ID, word})
	}
	x.text = strings.Join(ids, ", ")
}

func (b *builder) generator(x *box, g *plan.Generator) {
	x.text = line(generator(g))
	below := cmp.Or(x.path, x.kind) + "[*]"
	x.parts = append(x.parts, part{shape: each, boxes: []*box{b.box(g.Do, below, below+".")}})
}

func (b *builder) handlers(x *box, h *plan.Handle, prefix string) {
	for _, c := range h.Clauses {
		word := "except"
		if len(c.Match) > 0 {
			word += " " + line(matches(c.Match))
		}
		x.list(b, word, inTurn, []*plan.Step{c.Step}, prefix)
	}
	if h.Else != nil {
		x.list(b, "else", inTurn, h.Else.Items, prefix)
	}
	if h.Finally != nil {
		x.list(b, "finally", inTurn, h.Finally.Items, prefix)
	}
}

// list adds a part of steps that are written out.
func (x *box) list(b *builder, word string, as shape, steps []*plan.Step, prefix string) {
	p := part{word: word, shape: as}
	for _, s := range steps {
		p.boxes = append(p.boxes, b.box(s, under(x.path, s.Piece), prefix))
	}
	x.parts = append(x.parts, p)
}

func under(path, piece string) string {
	if path == "" {
		return piece
	}
	return path + "." + piece
}

// inner are the boxes inside x.
func (x *box) inner() []*box {
	var out []*box
	for _, p := range x.parts {
		out = append(out, p.boxes...)
	}
	return out
}

// size is how many boxes x is with all inside it.
func (x *box) size() int {
	n := 1
	for _, y := range x.inner() {
		n += y.size()
	}
	return n
}

// follow calls then for each step of a list and the one that begins before it, or, with ready, when it is ready. A
// task in the background holds nobody back unless the list waits until it is ready. from is nil for what begins at
// once. No arrow leads over steps that are left out.
func (p part) follow(then func(from, to *box, ready bool)) {
	if p.shape != inTurn {
		return
	}
	var from *box
	for _, x := range p.boxes {
		if from != nil {
			then(from, x, from.step.Ready != nil)
		}
		if !x.step.Background || x.step.Ready != nil {
			from = x
		}
	}
}
