// Package portable says what of a plan is not the same on an engine beyond this machine, where each step may be carried out on
// another worker.
//
//	plan.Plan ─► Check ─► errors: what cannot work there
//	                      warnings: what works, and hardly as it is meant
//
// It looks at the plan alone, and says only what is known for certain of it: one false alarm costs the trust in all. What a
// script does inside, and which workers there are, is not known here.
package portable

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Check is what of p is not portable, sorted, without the warnings that comments in the files allow (plan.EngineCodes).
func Check(p *plan.Plan) diag.List {
	c := &checker{plan: p, seen: map[*plan.Env]bool{}, secret: map[*plan.Value]bool{}}
	c.semaphores()
	for _, s := range p.Secrets {
		if s.File != "" && ofHost(s.File) {
			c.warn(s.Name.Pos, "remote-host-path", "write a path below the workflow's folder, or give the workers the secret by their environment",
				"%s is a path of this machine, and workers look for the secret on theirs", s.File)
		}
	}
	pending := newPending(c)
	for _, w := range p.Workflows {
		c.workflow = w
		c.inputs(w)
		c.step(w.Body)
		pending.of(w)
	}
	return p.Silence(c.found, plan.EngineCodes()).Sorted()
}

// checker looks at one plan.
type checker struct {
	plan     *plan.Plan
	workflow *plan.Workflow // at work
	found    diag.List
	seen     map[*plan.Env]bool   // layers that were looked at
	secret   map[*plan.Value]bool // variables: whether they hold one
}

func (c *checker) say(d diag.Diagnostic) { c.found = append(c.found, d) }

func (c *checker) warn(pos diag.Pos, code, help, format string, args ...any) {
	c.say(diag.Diagnostic{Pos: pos, Code: code, Text: fmt.Sprintf(format, args...), Help: help, Warning: true})
}

func (c *checker) refuse(pos diag.Pos, code, help, format string, args ...any) {
	c.say(diag.Diagnostic{Pos: pos, Code: code, Text: fmt.Sprintf(format, args...), Help: help})
}

// step looks at s, and at all steps inside it.
func (c *checker) step(s *plan.Step) {
	for e := s.Env; e != nil && !c.seen[e]; e = e.Outer {
		c.seen[e] = true
		for _, v := range e.Vars {
			c.value(v.Value)
		}
	}
	own := *s
	own.Env = nil
	own.EachValue(func(_ string, v *plan.Value) { c.value(v) })
	c.limits(s)
	c.service(s)
	switch n := s.Action().(type) {
	case *plan.Leaf:
		c.leaf(n)
	case *plan.Join:
		c.sum(s, n.Gen, n.Children)
	case *plan.Loop:
		c.sum(s, n.Gen, nil)
	case *plan.Call:
		c.given(n)
	}
	s.Inside(c.step)
}

// value looks at the expressions of v; nil: there is none.
func (c *checker) value(v *plan.Value) {
	if v == nil {
		return
	}
	for _, e := range v.Src.Exprs() {
		c.computed(v, e)
		if _, all := e.Literals("glob"); !all {
			c.refuse(e.Pos(), "remote-glob", `write the pattern out, as glob("src/**/*.go"), or find the files in a step`,
				"glob looks for files where the run is started, before it begins, so its pattern cannot be computed")
		}
	}
}

// leaf looks at the arguments of an action.
func (c *checker) leaf(l *plan.Leaf) {
	if l.Terminal() {
		c.refuse(argument(l, l.Kind.Terminal[0]).Pos, "remote-terminal", "leave it out, or run this file with --engine local",
			"%s is for a step that is carried out where somebody sits, and a worker has no terminal", l.Kind.Terminal[0])
	}
	c.paths(l)
	if at, n := kept(l); n > largeValue {
		c.large(at.Pos, "this value may grow to", n)
	}
}

// argument is the value of a key of l; nil: it is not written.
func argument(l *plan.Leaf, key string) *plan.Value {
	for _, a := range l.Args {
		if a.Key == key {
			return a.Value
		}
	}
	return nil
}
