// Package compare says what differs between two plans, for who goes on with a run whose file was changed.
//
//	old, new plan.Plan ─► Plans ─► []Change ─► Text
//
// A step is the same one when it has the same path in the same workflow, and has changed when the file says something else
// of it. That a step was renamed is never guessed: it is gone, and another one is new.
package compare

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Change is what differs at one step between two plans. A step is the same one when it has the same path in the same workflow:
// that a step was renamed is never guessed.
type Change struct {
	Workflow string     // the title of the workflow that it is in; "": the main one
	Path     string     // as Item.Path; "" is the workflow itself
	Old, New *plan.Step // nil: it is not there
	Traits   []Differing
	Inside   int // of a step that is new or gone: so many others are so with it, inside it
}

// Differing is a trait of a step that is not what it was; "": it was or is not there.
type Differing struct{ Word, Old, New string }

// Plans finds what the files of two plans say in another way: steps that are new, gone, or defined in another way. Comments, layout,
// places, names for people and the order of keys are no difference, and what only one of the plans can know is none: variables
// of dotenv files and the defaults of secret inputs, which no run keeps. The order is that of the new file; what is gone stands behind
// what is left of its workflow.
func Plans(before, after *plan.Plan) []Change {
	var list []Change
	known := map[string]*plan.Workflow{}
	for i, x := range before.Workflows {
		known[titleOf(x, i)] = x
	}
	for i, x := range after.Workflows {
		title := titleOf(x, i)
		c := comparison{workflow: title, before: before, after: after}
		list = append(list, c.workflows(known[title], x)...)
		delete(known, title)
	}
	for i, x := range before.Workflows {
		if title := titleOf(x, i); known[title] == x {
			c := comparison{workflow: title, before: before, after: after}
			list = append(list, c.workflows(x, nil)...)
		}
	}
	return list
}

func titleOf(x *plan.Workflow, i int) string {
	if i == 0 {
		return ""
	}
	return x.Title()
}

// comparison compares the steps of one workflow.
type comparison struct {
	workflow      string
	before, after *plan.Plan
	list          []Change
}

func (c *comparison) workflows(old, new *plan.Workflow) []Change {
	was, is := linked(old), linked(new)
	for _, path := range is.paths {
		a, b := was.at[path], is.at[path]
		if a == nil {
			c.alone(Change{New: b.Step}, b, was)
			continue
		}
		var d []Differing
		if path == "" {
			d = differing(declared(c.before, old), declared(c.after, new))
		}
		d = append(d, differing(traits(c.before, a), traits(c.after, b))...)
		if at := moved(a, b, was, is); at != nil {
			d = append(d, *at)
		}
		if o := reordered(a, b, was, is); o != nil {
			d = append(d, *o)
		}
		if len(d) > 0 {
			c.list = append(c.list, Change{Workflow: c.workflow, Path: path, Old: a.Step, New: b.Step, Traits: d})
		}
	}
	for _, path := range was.paths {
		if is.at[path] == nil {
			c.alone(Change{Old: was.at[path].Step}, was.at[path], is)
		}
	}
	return c.list
}

// alone enters a step that only one of the plans has, or counts it at the one around it.
func (c *comparison) alone(x Change, l *link, other links) {
	if up := l.up; up != nil && other.at[up.Path] == nil {
		for up.up != nil && other.at[up.up.Path] == nil {
			up = up.up
		}
		i := slices.IndexFunc(c.list, func(y Change) bool { return y.Path == up.Path && (y.Old == nil) == (x.Old == nil) })
		c.list[i].Inside++
		return
	}
	x.Workflow, x.Path = c.workflow, l.Path
	c.list = append(c.list, x)
}

// link is a step with the one around it.
type link struct {
	plan.Item
	up    *link // nil: it is the workflow's body
	below []*link
}

// links are the steps of a workflow, by their paths and in their order.
type links struct {
	paths []string
	at    map[string]*link
}

func linked(x *plan.Workflow) links {
	out := links{at: map[string]*link{}}
	if x == nil {
		return out
	}
	var open []*link // by depth
	for _, item := range x.Items() {
		l := &link{Item: item}
		open = append(open[:item.Depth], l)
		if item.Depth > 0 {
			l.up = open[item.Depth-1]
			l.up.below = append(l.up.below, l)
		}
		out.at[item.Path] = l
		out.paths = append(out.paths, item.Path)
	}
	return out
}

// moved says that a step stands in another block, or in another part of it, than before; nil: it does not. A block without an id
// has another path when one before it is new or gone, and its steps have not moved by that.
func moved(a, b *link, was, is links) *Differing {
	if a.up == nil || b.up == nil {
		return nil
	}
	part := func(l *link) string {
		words := [...]string{"", "as_completed of ", "except of ", "else of ", "finally of "}
		name := l.up.Path
		if name == "" {
			name = "the workflow"
		}
		return words[l.Step.Order>>32] + name
	}
	elsewhere := a.up.Path != b.up.Path && (is.at[a.up.Path] != nil && was.at[b.up.Path] != nil)
	if elsewhere || a.Step.Order>>32 != b.Step.Order>>32 {
		return &Differing{"in", part(a), part(b)}
	}
	return nil
}

// reordered says that steps of a block stand in another order than before; nil: they do not.
func reordered(a, b *link, was, is links) *Differing {
	names := func(l *link, other *link) string {
		var out []string
		for _, x := range l.below {
			if slices.ContainsFunc(other.below, func(y *link) bool { return x.Path == y.Path }) {
				out = append(out, called(x.Step))
			}
		}
		return strings.Join(out, ", ")
	}
	if old, new := names(a, b), names(b, a); old != new {
		return &Differing{"order", old, new}
	}
	return nil
}

// differing are the traits that differ, in their order; what was there before and is no more stands behind.
func differing(old, new []trait) []Differing {
	var list []Differing
	for _, x := range new {
		i := slices.IndexFunc(old, func(y trait) bool { return y.word == x.word })
		switch {
		case i < 0:
			list = append(list, Differing{Word: x.word, New: x.text})
		case old[i].text != x.text:
			list = append(list, Differing{x.word, old[i].text, x.text})
		}
	}
	for _, x := range old {
		if !slices.ContainsFunc(new, func(y trait) bool { return y.word == x.word }) {
			list = append(list, Differing{Word: x.word, Old: x.text})
		}
	}
	return list
}
