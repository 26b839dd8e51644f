package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// edge is why a child of a concurrent block begins after a sibling has ended.
type edge struct {
	on   *place
	pos  diag.Pos
	why  string // "needs", or the reference
	hard bool   // the sibling must have succeeded
}

// edge notes that the child a reads of its sibling x, or of a step inside it.
func (u *unit) edge(a, x *place, use expr.Use) {
	e := u.between(a, x, use.Pos)
	if e.why == "" {
		e.why = "steps." + use.Member
		if use.Field != "" {
			e.why += "." + use.Field
		}
	}
	e.hard = e.hard || use.Field != "status"
}

// between is the edge from a to x, made if it is new.
func (u *unit) between(a, x *place, pos diag.Pos) *edge {
	key := [2]int32{a.num, x.num}
	e := u.edges[key]
	if e == nil {
		e = &edge{on: x, pos: pos}
		u.edges[key] = e
		a.needs = append(a.needs, e)
	}
	return e
}

// hard says whether the sibling must have succeeded for a to run.
func (p *place) hard(e *edge) bool { return e.hard && !p.byStatus }

// findEdges adds the edges of `needs` to those of the references and refuses cycles.
func (u *unit) findEdges() {
	for _, p := range u.places {
		if p.role == child {
			for _, n := range p.step.Gate.Needs {
				u.need(p, n)
			}
		}
	}
	for _, p := range u.places {
		if b := p.block(); b != nil && b.Kind != ast.Steps {
			u.cycles(p.parts.body)
		}
	}
}

// need enters one name of `needs`.
func (u *unit) need(p *place, n ast.Name) {
	t := u.find(n.Text, n.Pos)
	if t == nil {
		return
	}
	why := ""
	switch {
	case t == p:
		why = "a step cannot need itself"
	case t.holds(p):
		why = "this step is inside it"
	case p.parent.holds(t) && t.parent != p.parent && t.below(p.parent).role == child:
		x := t.below(p.parent)
		why = fmt.Sprintf("it lies deeper, inside %s: need that one", x.title())
	case t.parent != p.parent || t.role != child:
		why = fmt.Sprintf("it is not a child of the same %s", p.parent.block().Kind)
	}
	if why != "" && u.vague(n.Text) {
		return
	}
	if why != "" {
		u.c.say(diag.Diagnostic{
			Pos: n.Pos, Code: "needs", Text: fmt.Sprintf("%s cannot need %q: %s", p.title(), n.Text, why),
			Help: "needs names steps beside this one, in the same gather, wait or taskgroup", Other: t.pos(), OtherText: "the step",
		})
		return
	}
	e := u.between(p, t, n.Pos)
	e.pos, e.why, e.hard = n.Pos, "needs", true
}

// maxCycles bounds what is said of one block: a dense tangle has more cycles than anybody wants to read.
const maxCycles = 8

// cycles refuses children that wait for each other.
func (u *unit) cycles(children []*place) {
	const unseen, open, done = 0, 1, 2
	state := map[*place]int{}
	var path []*place
	found := 0
	var walk func(p *place)
	walk = func(p *place) {
		state[p] = open
		path = append(path, p)
		for _, e := range p.needs {
			switch state[e.on] {
			case unseen:
				walk(e.on)
			case open:
				if found++; found <= maxCycles {
					u.cycle(path[slices.Index(path, e.on):], e)
				}
			}
		}
		path = path[:len(path)-1]
		state[p] = done
	}
	for _, p := range children {
		if len(p.needs) > 0 && state[p] == unseen {
			walk(p)
		}
	}
}

// cycle says that the places of round wait for each other; last is the edge that closes the round.
func (u *unit) cycle(round []*place, last *edge) {
	words := make([]string, 0, 8)
	for i, p := range round {
		if i == 6 && len(round) > 8 {
			words = append(words, fmt.Sprintf("%d more", len(round)-i))
			break
		}
		words = append(words, strings.Trim(p.title(), `"`))
	}
	words = append(words, words[0])
	u.c.say(diag.Diagnostic{
		Pos: last.pos, Code: "cycle", Text: "these steps wait for each other: " + strings.Join(words, " -> "),
		Help: "take one of these needs or references away", Why: "a step waits for those that it needs and for those that it reads",
	})
}
