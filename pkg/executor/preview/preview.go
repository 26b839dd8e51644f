// Package preview says what is known of a plan before it runs: the values that hang on nothing but the inputs, how many children
// a generator makes, which steps are skipped, in what order and why, and how long everything can take at most.
//
//	plan.Plan, inputs ─► Of ─► Preview ─► WriteJSON, Text
//
// It runs nothing and asks nobody: what a step gives, what it prints and how it ends is not known here. Package simulation
// plays a run with times that are made up.
package preview

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Options are what a run of the plan would be given.
type Options struct {
	// Inputs are the values of all inputs of the main workflow (executor.CheckInputs). Those of secret ones are not looked at.
	Inputs map[string]any
	// Env is the environment, NAME=value. Conditions see it; its values are not shown.
	Env []string
	// Glob answers the function glob; nil: what it finds is not known.
	Glob func(pattern string) (any, error)
}

// Preview is what is known of a plan. Its JSON is that of schema/plan.schema.json.
type Preview struct {
	plan  *plan.Plan
	opt   Options
	steps map[*plan.Step]*Step
	b     *bounds
	// Workflows are all of the plan, the main one first. What a call gives to a workflow differs from call to call: it counts in
	// the bound of the call, and is not known in the workflow here.
	Workflows []*Workflow
	// Takers are the paths of the steps that take a semaphore, by its index in plan.Plan.Semaphores.
	Takers map[int32][]string
	// Worst is the longest that the run can take: see Step.Worst.
	Worst Bound
}

// Workflow is a workflow of the plan with its steps.
type Workflow struct {
	Workflow *plan.Workflow
	Body     *Step
	scope    *scope
}

// Step is one step as written, and what is known of all its runs.
type Step struct {
	Step *plan.Step
	// Path is that of results, with [*] for the number of a generated child.
	Path string
	// Part is what of the step around it it is: as_completed, except, else or finally; "": its body.
	Part string
	// Skipped says why the step is skipped in every run; "": as far as is known it is not.
	Skipped string
	// After are the steps that it begins after, or reads, and why.
	After []Edge
	// Children are those of a generator; nil: it is none, or how many there are is known in a run only.
	Children *Children
	// Worst is how long the step can take at most, with all its attempts, their pauses and its handlers, but without the time in
	// the queues of semaphores and of --jobs and that which a process takes to stop (its grace).
	Worst Bound
	Steps []*Step       // inside it, as plan.Items has them
	limit time.Duration // its own timeout
}

// EdgeKind says why a step comes after another.
type EdgeKind string

// The kinds of edges.
const (
	EdgeOrder  EdgeKind = "order"     // the step before it in a steps list
	EdgeNeeds  EdgeKind = "needs"     // written so
	EdgeReads  EdgeKind = "reference" // it reads it
	EdgeAwait  EdgeKind = "await"     // it waits for that task
	EdgeCancel EdgeKind = "cancel"    // it ends that task
)

// Edge leads to a step that a step comes after.
type Edge struct {
	Kind EdgeKind
	To   string   // its path
	Read []string // what is read of it, as steps.build.value
	// Requires: the other must have succeeded, else this one is skipped.
	Requires bool
}

// Children are those that a generator makes.
type Children struct {
	Count int
	// First are some of them.
	First []Child
}

// Child is a generated child.
type Child struct {
	Path    string
	Vars    []Var
	Skipped bool // by its own `if`
}

// Var is a loop variable with its value.
type Var struct {
	Name  string
	Value any
}

// maxFirst is how many children of a generator are listed.
const maxFirst = 10

// Of finds out what is known of p.
func Of(p *plan.Plan, opt Options) *Preview {
	v := &Preview{plan: p, opt: opt, steps: map[*plan.Step]*Step{}, Takers: map[int32][]string{}}
	v.b = &bounds{facts: newFacts(p, opt), known: map[key]Bound{}}
	for _, x := range p.Workflows {
		in := &scope{workflow: x, inputs: map[string]any{}}
		if x == p.Main {
			in.inputs = opt.Inputs
		}
		w := &Workflow{Workflow: x, scope: in}
		w.Body = v.step(x.Body, at{scope: in}, "")
		v.Workflows = append(v.Workflows, w)
	}
	v.Worst = v.Workflows[0].Body.Worst
	return v
}

// step looks at s, which lies at p (p.path is its own). Its block may say why it is not begun, and what it comes after.
func (v *Preview) step(s *plan.Step, p at, skipped string, after ...Edge) *Step {
	out := &Step{Step: s, Path: p.path, Worst: v.b.step(s, p)}
	v.steps[s] = out
	if out.Skipped = skipped; skipped == "" {
		out.Skipped = v.b.skipped(s, p)
	}
	if out.Skipped != "" {
		out.Worst = upTo(0)
	}
	out.After = edges(s, p, after)
	v.inside(out, s.Action(), p)
	plan.Walk(s.Body, func(n plan.Node) {
		if l, ok := n.(*plan.Limit); ok && out.limit == 0 {
			out.limit, _ = v.b.duration(l.D, p.scope)
		}
		if hold, ok := n.(*plan.Hold); ok && hold.Sem != plan.Slots {
			v.Takers[hold.Sem] = append(v.Takers[hold.Sem], p.path)
		}
		h, ok := n.(*plan.Handle)
		if !ok {
			return
		}
		for _, c := range h.Clauses {
			x := v.step(c.Step, p.below(c.Step), "")
			x.Part = "except"
			out.Steps = append(out.Steps, x)
		}
		if h.Else != nil {
			v.list(out, h.Else.Items, "else", p)
		}
		if h.Finally != nil {
			v.list(out, h.Finally.Items, "finally", p)
		}
	})
	return out
}

// inside looks at the steps of an action.
func (v *Preview) inside(out *Step, action plan.Node, p at) {
	switch n := action.(type) {
	case *plan.Sequence:
		v.list(out, n.Items, "", p)
	case *plan.Loop:
		v.generator(out, n.Gen, "steps", p)
	case *plan.Join:
		if n.Gen != nil {
			v.generator(out, n.Gen, n.Kind.String(), p)
		}
		reasons := v.b.skippedOf(n, p)
		for i, s := range n.Children {
			out.Steps = append(out.Steps, v.step(s, p.below(s), reasons[i], needed(n, s, p)...))
		}
		if n.Visit != nil {
			x := v.step(n.Visit.Step, visited(n.Visit, p), "")
			x.Part = "as_completed"
			out.Steps = append(out.Steps, x)
		}
	}
}

// list looks at items that come one after the other.
func (v *Preview) list(out *Step, items []*plan.Step, part string, p at) {
	before := ""
	for _, s := range items {
		var after []Edge
		if before != "" {
			after = []Edge{{Kind: EdgeOrder, To: before}}
		}
		before = pathOf(s, p)
		x := v.step(s, p.below(s), "", after...)
		x.Part = part
		out.Steps = append(out.Steps, x)
	}
}

func (v *Preview) generator(out *Step, g *plan.Generator, word string, p at) {
	if rows, ok := v.b.items(g, p.scope, false); ok {
		out.Children = &Children{Count: len(rows)}
		shown, ok := v.b.items(g, p.scope, true)
		for i := range min(len(rows), maxFirst) {
			inner := generated(g, word, p, rows[i], i)
			c := Child{Path: inner.path, Skipped: v.b.skipped(g.Do, inner) != ""}
			for j, name := range g.Vars {
				if ok {
					c.Vars = append(c.Vars, Var{name, shown[i][j]})
				}
			}
			out.Children.First = append(out.Children.First, c)
		}
	}
	out.Steps = append(out.Steps, v.step(g.Do, generated(g, word, p, nil, -1), ""))
}

// edges adds to those that a block gives to s the ones of its own values and tasks.
func edges(s *plan.Step, p at, out []Edge) []Edge {
	find := func(kind EdgeKind, to string) *Edge {
		i := slices.IndexFunc(out, func(e Edge) bool { return e.To == to && (e.Kind == kind || kind == EdgeReads) })
		if i < 0 {
			i = len(out)
			out = append(out, Edge{Kind: kind, To: to})
		}
		return &out[i]
	}
	switch n := s.Action().(type) {
	case *plan.Await:
		for _, t := range n.Tasks {
			find(EdgeAwait, p.at(t.Depth).prefix+t.ID)
		}
	case *plan.Cancel:
		for _, t := range n.Tasks {
			find(EdgeCancel, p.at(t.Depth).prefix+t.ID)
		}
	}
	s.EachValue(func(_ string, v *plan.Value) {
		for i := range v.Refs {
			r := &v.Refs[i]
			if r.Kind != plan.RefStep || r.Depth > p.depth { // of an iteration of its own
				continue
			}
			e := find(EdgeReads, p.at(r.Depth).prefix+r.Member)
			read := "steps." + r.Member
			if r.Field != "" {
				read += "." + r.Field
			}
			if !slices.Contains(e.Read, read) {
				e.Read = append(e.Read, read)
			}
		}
	})
	return out
}

// needed are the edges of a child of a block at p to its siblings.
func needed(n *plan.Join, s *plan.Step, p at) []Edge {
	var out []Edge
	for _, need := range needs(s) {
		e := Edge{Kind: EdgeNeeds, To: pathOf(n.Children[need.Child], p), Requires: need.Hard}
		if need.Why != "needs" {
			e.Kind, e.Read = EdgeReads, []string{need.Why}
		}
		out = append(out, e)
	}
	return out
}

func index(i int) string {
	if i < 0 {
		return "[*]"
	}
	return fmt.Sprintf("[%d]", i)
}
