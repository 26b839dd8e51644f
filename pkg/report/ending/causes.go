// Package ending says how a run ended, and why, for all reports that tell its end: what failed at the root of it, as a tree; the
// step to each cause, and hints; the rows of a summary; the critical path, what waited the longest, what took the longest.
//
//	model.Run ─► Causes, Rows, Critical, LongestWait, Slowest
//
// All of it is data, and texts of whatever source are as they are: who shows them sees to it that they are harmless.
package ending

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Cause is an error in the tree that people see: a cause, or a group of at least two.
type Cause struct {
	Err  *event.Error
	Step *model.Step // that raised it; nil: it is not known
	// Number is from 1, in the order of the tree; of a group that of its first cause. Causes that are alike have one number.
	Number int
	Causes int // in it, those that are alike counted as one
	All    int // in it, each counted
	Below  []*Cause
	// Alike are others beside it that failed in the same way.
	Alike []*Cause
	// Siblings: an error that came out of a block, and those that did not. Err is the first of them; the block is not known.
	Siblings bool
}

// Causes is the tree of what r failed with; nil: it has no error. A chain of groups with one member each is that member, what a
// gather kept beside the error that came out stands beside it, and what was cancelled is no cause.
func Causes(r *model.Run) *Cause {
	if r.Outcome.Err == nil {
		return nil
	}
	steps := map[string]*model.Step{}
	r.Steps(func(s *model.Step) {
		// A list may fail with a service that was cancelled, or ended well.
		if s.State == model.Ended && (s.Status == event.Failed || s.Def.Ready != nil) {
			steps[s.Path] = s
		}
	})
	c := fold(r.Outcome.Err, steps)
	c.number(0)
	return c
}

// manyAlike is from which on what is alike is told once.
const manyAlike = 4

func fold(e *event.Error, steps map[string]*model.Step) *Cause {
	var below []*Cause
	for _, m := range e.Errors {
		below = append(below, fold(m, steps))
	}
	c := &Cause{Err: e, Step: steps[e.Step], Below: gathered(below)}
	if e.IsGroup() && len(c.Below) == 1 && len(c.Below[0].Alike) == 0 && e.Cleanup == nil {
		c = c.Below[0]
	}
	if len(e.Others) == 0 {
		return c
	}
	beside := []*Cause{c}
	for _, o := range e.Others {
		beside = append(beside, fold(o, steps))
	}
	return &Cause{Err: e, Step: c.Step, Below: gathered(beside), Siblings: true}
}

// gathered puts causes that are alike, if they are many, behind the first of them.
func gathered(list []*Cause) []*Cause {
	type kind struct {
		def          *plan.Step
		typ, message string
	}
	of := func(c *Cause) (kind, bool) {
		if len(c.Below) > 0 || c.Step == nil || c.Err.Cause != nil || c.Err.Cleanup != nil {
			return kind{}, false
		}
		return kind{c.Step.Def, c.Err.Type, c.Err.Message}, true
	}
	count := map[kind]int{}
	for _, c := range list {
		if k, ok := of(c); ok {
			count[k]++
		}
	}
	first := map[kind]*Cause{}
	var out []*Cause
	for _, c := range list {
		k, ok := of(c)
		switch {
		case !ok || count[k] < manyAlike:
			out = append(out, c)
		case first[k] == nil:
			first[k] = c
			out = append(out, c)
		default:
			first[k].Alike = append(first[k].Alike, c)
		}
	}
	return out
}

// number numbers what is in c, from the one behind last, and gives the last number.
func (c *Cause) number(last int) int {
	c.Number = last + 1
	if len(c.Below) == 0 {
		c.Causes, c.All = 1, 1+len(c.Alike)
		return c.Number
	}
	for _, x := range c.Below {
		last = x.number(last)
		c.All += x.All
	}
	c.Causes = last + 1 - c.Number
	return last
}

// Leaves are the causes in c, in the order of their numbers.
func (c *Cause) Leaves() []*Cause { return c.leaves(nil, int(^uint(0)>>1)) }

// First are the causes in c up to that number.
func (c *Cause) First(number int) []*Cause { return c.leaves(nil, number) }

func (c *Cause) leaves(list []*Cause, most int) []*Cause {
	if len(c.Below) == 0 {
		if c.Number <= most {
			list = append(list, c)
		}
		return list
	}
	for _, x := range c.Below {
		if x.Number > most {
			break
		}
		list = x.leaves(list, most)
	}
	return list
}

// Place is where in a file the step of c stands. Without a line it is not known.
func (c *Cause) Place(p *plan.Plan) diag.Pos {
	switch {
	case c.Step != nil:
		return c.Step.Def.Pos
	case c.Err.Line > 0:
		return diag.Pos{File: p.File, Line: c.Err.Line, Col: c.Err.Column}
	}
	return diag.Pos{}
}

// Action is where what the step of c does is written: of a leaf the value of its action, as the script of a run.
func (c *Cause) Action(p *plan.Plan) diag.Pos {
	if c.Step != nil {
		if leaf, ok := c.Step.Def.Action().(*plan.Leaf); ok {
			for _, a := range leaf.Args {
				if a.Key == leaf.Kind.Name && a.Value.Pos.Line > 0 {
					return a.Value.Pos
				}
			}
		}
	}
	return c.Place(p)
}

// Position is the place of s among the children of a concurrent block, which is its place in the block's value and in `children`: as
// gather[1]. It is "" where the path says it, and where there is no such place.
func Position(s *model.Step) string {
	if s == nil || s.Parent == nil || s.Def.ID == "" {
		return ""
	}
	j, ok := s.Parent.Def.Action().(*plan.Join)
	if !ok || j.Gen != nil {
		return ""
	}
	for i, c := range j.Children {
		if c == s.Def {
			return fmt.Sprintf("%s[%d]", s.Parent.Def.Kind, i)
		}
	}
	return ""
}
