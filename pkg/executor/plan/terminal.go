package plan

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// The terminal is one thing that a step has to itself. That nobody else can have it meanwhile is known from where the
// step stands: no step around it runs beside others, and the workflows that hold it are called from such places only.
// (A semaphore would make the second wait. A person who types to one program would find himself in another.)

// terminals is the pass.
func (c *compiler) terminals() {
	held := c.holders()
	if len(held) == 0 {
		return
	}
	for _, u := range c.units {
		for _, p := range u.places {
			switch a := p.step.Action.(type) {
			case *ast.Leaf:
				if key := terminal(a); key != nil {
					c.alone(p, a, key)
				}
			case *ast.Call:
				if key := held[u.calls[a]]; key != nil {
					c.calledAlone(p, a, key)
				}
			}
		}
	}
}

// terminal is the key that gives l the terminal; nil: it does not have it.
func terminal(l *ast.Leaf) *ast.Pair {
	if len(l.Kind.Terminal) == 0 {
		return nil
	}
	for i := range l.Args {
		if a := &l.Args[i]; a.Key.Text == l.Kind.Terminal[0] && a.Value != nil && a.Value.Const == true {
			return a
		}
	}
	return nil
}

// holders are the workflows in which, or in what they call, a step has the terminal, each with the key of such a step.
func (c *compiler) holders() map[*unit]*ast.Pair {
	held := map[*unit]*ast.Pair{}
	callers := map[*unit][]*unit{}
	var queue []*unit
	for _, u := range c.units {
		for _, p := range u.places {
			switch a := p.step.Action.(type) {
			case *ast.Leaf:
				if key := terminal(a); key != nil && held[u] == nil {
					held[u] = key
					queue = append(queue, u)
				}
			case *ast.Call:
				if target := u.calls[a]; target != nil {
					callers[target] = append(callers[target], u)
				}
			}
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, u := range callers[queue[0]] {
			if held[u] == nil {
				held[u] = held[queue[0]]
				queue = append(queue, u)
			}
		}
	}
	return held
}

// alone checks a step that has the terminal.
func (c *compiler) alone(p *place, l *ast.Leaf, key *ast.Pair) {
	word := key.Key.Text
	for _, a := range l.Args {
		if slices.Contains(l.Kind.Terminal[1:], a.Key.Text) {
			c.add(a.Key.Pos, "interactive", "take it out, or take out "+word,
				"%s cannot stand beside %s: what the step reads and writes is the terminal, and nothing of it is kept", a.Key.Text, word)
		}
	}
	if q := p.beside(); q != nil {
		d := diag.Diagnostic{
			Pos: key.Key.Pos, Code: "interactive", Text: fmt.Sprintf("%s is for a step that runs alone: only one can have the terminal, and %s", word, q.company()),
			Help: "make it an item of a steps list",
		}
		if q != p {
			d.Other, d.OtherText = q.pos(), "the step"
		}
		c.say(d)
	}
}

// calledAlone checks a call of a workflow that holds a step that has the terminal.
func (c *compiler) calledAlone(p *place, call *ast.Call, key *ast.Pair) {
	if q := p.beside(); q != nil {
		c.say(diag.Diagnostic{
			Pos: call.Target.Pos, Code: "interactive",
			Text:  fmt.Sprintf("%s has a step that is %s, and such a step must run alone: only one can have the terminal, and %s", call.Target.Text, key.Key.Text, q.company()),
			Help:  "make the call an item of a steps list",
			Other: key.Key.Pos, OtherText: "the step that has the terminal",
		})
	}
}

// beside is the innermost of p and the steps around it that runs beside others; nil: none does.
func (p *place) beside() *place {
	for ; p != nil; p = p.parent {
		if p.step.Mode.Background || p.role == child || p.role == visit ||
			p.role == do && p.parent.block().Kind != ast.Steps {
			return p
		}
	}
	return nil
}

// company says beside what p runs.
func (p *place) company() string {
	switch {
	case p.step.Mode.Background:
		return p.title() + " is in the background"
	case p.role == visit:
		return "as_completed runs beside the children of its block"
	case p.role == do:
		return fmt.Sprintf("this %s runs the steps of its generator at the same time", p.parent.block().Kind)
	default:
		return fmt.Sprintf("%s is one of the steps of a %s", p.title(), p.parent.block().Kind)
	}
}
