package plan

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// stepRef resolves steps.Member at s.
func (u *unit) stepRef(s site, use expr.Use) (Ref, expr.Type, bool) {
	if use.Member == "" {
		u.c.add(use.Pos, "reference", "write steps.NAME, so that it is known before the run which step is read",
			"`steps` can only be read one named step at a time")
		return Ref{}, expr.Type{}, false
	}
	t := u.find(use.Member, use.MemberPos)
	if t == nil {
		return Ref{}, expr.Type{}, false
	}
	if why, help := u.refusal(s, t, use); why != "" {
		if u.vague(use.Member) {
			return Ref{}, expr.Type{}, false
		}
		u.c.say(diag.Diagnostic{
			Pos: use.MemberPos, Code: "reference", Text: fmt.Sprintf("%q cannot be read here: %s", use.Member, why), Help: help,
			Other: t.pos(), OtherText: "the step",
		})
		return Ref{}, expr.Type{}, false
	}
	ref := Ref{Kind: RefStep, Name: "steps", Member: use.Member, Field: use.Field, Depth: t.frame.depth, Slot: t.slots.own}
	return ref, t.stepType(), true
}

// stepType is what is known of steps.x. A kind of a program's own may add what it likes.
func (p *place) stepType() expr.Type {
	if p.step.Action == nil {
		return expr.Type{Kind: expr.Map}
	}
	l, ok := p.step.Action.(*ast.Leaf)
	switch {
	case ok && l.Kind.Run != nil && l.Kind.Name != "run" && l.Kind.Name != "http":
		return expr.Type{Kind: expr.Map}
	case ok && slices.ContainsFunc(l.Args, func(a ast.Pair) bool { return a.Key.Text == "artifacts" }):
		return keeperType
	}
	return stepType
}

// refusal says why t may not have ended when s is read, "" if it has for certain. Between children of one
// concurrent block it makes sure of that by an edge.
func (u *unit) refusal(s site, t *place, use expr.Use) (why, help string) {
	p := s.at
	switch {
	case t == p && s.when == handling || t.holds(p) && t != p:
		return own(s, t, use)
	case t == p:
		return "a step cannot read itself", ""
	case p.holds(t):
		return u.insideOf(s, t, use)
	}
	a, x := p, t // the branches below the nearest step around both
	for a.level > x.level {
		a = a.parent
	}
	for x.level > a.level {
		x = x.parent
	}
	for a.parent != x.parent {
		a, x = a.parent, x.parent
	}
	if why, help := hidden(x, t); why != "" {
		return why, help
	}
	switch {
	case a.role == visit:
		return "other children may still be running when as_completed runs", "the child that has ended is `task`"
	case x.role == visit || a.role.section() < x.role.section():
		return "it runs later", ""
	case a.role.section() > x.role.section():
		if a.parent.keeps() {
			return kept(x, t, use)
		}
		return "", "" // a handler reads the handled block
	case a.role == child:
		u.edge(a, x, use)
		return "", ""
	case a.index < x.index:
		return "it stands later in the list and has not run yet", ""
	}
	return u.before(p, x, t, use)
}

// own judges a reading of t from inside t.
func own(s site, t *place, use expr.Use) (why, help string) {
	if s.at == t || s.at.below(t).role.section() >= clause.section() {
		if use.Field == "children" || use.Field == "completed" {
			return "", ""
		}
		return "it has not ended: its handlers are part of it", "of the step that is handled only `children` and `completed` are there"
	}
	return "this step is inside it, so it has not ended", ""
}

// insideOf judges a reading of t, which is inside s.at.
func (u *unit) insideOf(s site, t *place, use expr.Use) (why, help string) {
	x := t.below(s.at)
	if why, help := hidden(x, t); why != "" {
		return why, help
	}
	switch {
	case s.when != after && s.when != handling:
		return "it is inside this step and has not run yet", "`result` may read it"
	case x.role.section() > 0:
		return "it runs later", ""
	case s.at.keeps():
		return kept(x, t, use)
	default:
		return "", ""
	}
}

// hidden judges whether t can be seen from outside x, which is t or around it.
func hidden(x, t *place) (why, help string) {
	for q := t; ; q = q.parent {
		switch q.role {
		case do:
			return "it is inside a generator, which makes many of it", outside(q.parent, "value")
		case visit:
			return "it is inside an as_completed, which runs once for each child", outside(q.parent, "completed")
		}
		if q == x {
			return "", ""
		}
	}
}

func outside(block *place, field string) string {
	if id := block.step.ID.Text; id != "" {
		return fmt.Sprintf("the list of all is steps.%s.%s", id, field)
	}
	return fmt.Sprintf("give the block around it an id; the list of all is then steps.ID.%s", field)
}

// kept judges a reading of t, in or at the child x of a wait that has returned but keeps what has not ended.
func kept(x, t *place, use expr.Use) (why, help string) {
	if t == x && use.Field == "status" {
		return "", ""
	}
	return "the wait keeps it, and it may still be running", fmt.Sprintf("the value of the wait has those that ended; only steps.%s.status may be read here", x.step.ID.Text)
}

// before judges a reading of t, in or at the earlier item x of a list that p is in.
func (u *unit) before(p, x, t *place, use expr.Use) (why, help string) {
	task := x // the background task that t is in or at
	switch {
	case x.step.Mode.Background:
	case x.keeps() && t != x && t.below(x).role == child:
		task = t.below(x)
	default:
		return "", ""
	}
	if u.awaited(p, task) || t == task && use.Field == "status" {
		return "", ""
	}
	help = "await the task first, in a step of its own before this one"
	if id := task.step.ID.Text; id != "" {
		help = fmt.Sprintf("write `- await: %s` before this step", id)
		if t == task {
			help += fmt.Sprintf("; without it only steps.%s.status may be read", id)
		}
	}
	if t != task {
		return "it is part of a background task, which may still be running", help
	}
	return "it runs in the background and may not have ended", help
}
