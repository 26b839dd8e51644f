package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Semaphores that can lock each other out are found by the order in which they are nested: whoever waits for b
// while it holds a makes the edge a -> b, and edges must make no round. A step waits for a semaphore by taking it,
// inside of what it calls, and inside of the tasks that it awaits. A `needs` is no such wait: it stands outside
// of a step's own semaphores, and those around both siblings are around the other sibling, too. What depends on
// the run (a number of permits, `limit`) is left to the kernel, which ends a run in which nothing can move.
//
// Two runs can lock each other out by two semaphores of the machine, and nobody sees both files. So these are taken in one
// order everywhere: that of their names, and behind those of the run.

// holding is a semaphore, and where it is taken.
type holding struct {
	sem int32
	pos diag.Pos
}

// order is the pass.
type order struct {
	c     *compiler
	held  []holding
	after map[int32][]holding // what is taken while a semaphore is held, by that; each once, at its first place
	takes map[*unit][]holding // what a call takes: memo
}

// orders refuses nestings that can deadlock.
func (c *compiler) orders() {
	if len(c.plan.Semaphores) == 0 {
		return
	}
	o := &order{c: c, after: map[int32][]holding{}, takes: map[*unit][]holding{}}
	for i := range c.plan.Semaphores { // other runs take those of the machine in this order
		for j := range c.plan.Semaphores {
			if a, b := &c.plan.Semaphores[i], &c.plan.Semaphores[j]; a.Machine && b.Machine && a.Name < b.Name {
				o.after[int32(i)] = append(o.after[int32(i)], holding{int32(j), c.sems[b.Name].declared.Name.Pos})
			}
		}
	}
	for _, u := range c.units {
		o.step(u, u.places[0])
	}
}

// named is p's semaphores in the order in which they are taken: that of their declaration, then those of the machine.
func (u *unit) named(p *place) []holding {
	if len(p.step.Semaphores) == 0 {
		return nil
	}
	var out []holding
	for _, n := range p.step.Semaphores {
		if s, ok := u.c.sems[n.Text]; ok && u.file.sems[n.Text] {
			out = append(out, holding{s.index, n.Pos})
		}
	}
	slices.SortStableFunc(out, func(a, b holding) int {
		x, y := &u.c.plan.Semaphores[a.sem], &u.c.plan.Semaphores[b.sem]
		switch {
		case x.Machine && y.Machine:
			return strings.Compare(x.Name, y.Name)
		case x.Machine:
			return 1
		case y.Machine:
			return -1
		}
		return cmp.Compare(a.sem, b.sem)
	})
	return slices.CompactFunc(out, func(a, b holding) bool { return a.sem == b.sem })
}

// step goes through p with what is held around it.
func (o *order) step(u *unit, p *place) {
	around := len(o.held)
	for _, h := range u.named(p) {
		o.take(h)
		o.held = append(o.held, h)
	}
	if len(o.held) > 0 {
		for _, h := range o.waits(u, p) {
			o.take(h)
		}
	}
	o.behindServices(u, p.parts.body)
	for _, q := range p.parts.body {
		o.step(u, q)
	}
	if p.parts.visit != nil {
		o.step(u, p.parts.visit)
	}
	o.held = o.held[:around] // handlers run when the semaphores are given back
	o.behindServices(u, p.parts.orElse)
	o.behindServices(u, p.parts.finally)
	for _, list := range [][]*place{p.parts.except, p.parts.orElse, p.parts.finally} {
		for _, q := range list {
			o.step(u, q)
		}
	}
}

// behindServices refuses items of a list that would wait for ever: a service holds its semaphores as long as its list runs,
// and what stands behind it and takes the only permit of one would never get it.
func (o *order) behindServices(u *unit, list []*place) {
	type kept struct {
		holding
		service *place
	}
	var held []kept
	for _, q := range list {
		held = slices.DeleteFunc(held, func(k kept) bool { return slices.Contains(q.tasks, k.service) })
		waited := !q.step.Mode.Background || q.step.Mode.Ready != nil
		if len(held) > 0 && waited {
			s := &search{units: map[*unit]bool{}, tasks: map[*place]bool{}}
			s.task(u, q)
			for _, h := range s.found {
				if i := slices.IndexFunc(held, func(k kept) bool { return k.sem == h.sem }); i >= 0 {
					o.refuse(h, held[i].pos, "it is held from here on", "cancel the service before, or declare more permits",
						fmt.Sprintf("%q is taken behind the service %s, which holds it as long as the list runs: this would wait for ever", o.name(h.sem), held[i].service.title()))
				}
			}
		}
		if q.role.listed() && q.step.Mode.Ready != nil && q.step.Gate.If == nil {
			for _, h := range u.named(q) {
				if o.c.plan.Semaphores[h.sem].Permits == 1 {
					held = append(held, kept{h, q})
				}
			}
		}
	}
}

// waits is what p itself waits for by calling or awaiting.
func (o *order) waits(u *unit, p *place) []holding {
	switch a := p.step.Action.(type) {
	case *ast.Call:
		if target := u.calls[a]; target != nil {
			return o.inCall(target)
		}
	case *ast.Await:
		s := &search{units: map[*unit]bool{}, tasks: map[*place]bool{}}
		for _, t := range p.tasks {
			s.task(u, t)
		}
		return s.found
	}
	return nil
}

// inCall is every semaphore that a call of u takes, with all that it calls and awaits, each at its first place.
func (o *order) inCall(u *unit) []holding {
	list, ok := o.takes[u]
	if !ok {
		s := &search{units: map[*unit]bool{}, tasks: map[*place]bool{}}
		s.unit(u)
		list = s.found
		o.takes[u] = list
	}
	return list
}

// search collects the semaphores that are taken somewhere.
type search struct {
	units map[*unit]bool
	tasks map[*place]bool
	found []holding
}

func (s *search) unit(u *unit) {
	if !s.units[u] {
		s.units[u] = true
		s.span(u, u.places)
	}
}

func (s *search) task(u *unit, t *place) {
	if !s.tasks[t] {
		s.tasks[t] = true
		s.span(u, u.places[t.num:t.last+1])
	}
}

func (s *search) span(u *unit, places []*place) {
	for _, p := range places {
		for _, h := range u.named(p) {
			if !slices.ContainsFunc(s.found, func(f holding) bool { return f.sem == h.sem }) {
				s.found = append(s.found, h)
			}
		}
		switch a := p.step.Action.(type) {
		case *ast.Call:
			if target := u.calls[a]; target != nil {
				s.unit(target)
			}
		case *ast.Await:
			for _, t := range p.tasks {
				s.task(u, t)
			}
		}
	}
}

// take notes that h is waited for by a step that holds what is held.
func (o *order) take(h holding) {
	for _, outer := range o.held {
		if outer.sem == h.sem {
			o.refuse(h, outer.pos, "it is held from here on", "take it outside only, or inside only",
				fmt.Sprintf("%q is taken by a step inside one that holds it: it would wait for itself", o.name(h.sem)))
			return
		}
	}
	for _, outer := range o.held {
		a, b := &o.c.plan.Semaphores[outer.sem], &o.c.plan.Semaphores[h.sem]
		if a.Machine && b.Machine && a.Name > b.Name {
			o.refuse(h, outer.pos, "it is held from here on", fmt.Sprintf("take both in one step, as semaphore: [%s, %s], or this one outside", b.Name, a.Name),
				fmt.Sprintf("%q is taken by a step that holds %q; of the semaphores of the machine, who takes two takes them in the order of their names", b.Name, a.Name))
			return
		}
	}
	for _, outer := range o.held {
		if slices.ContainsFunc(o.after[outer.sem], func(n holding) bool { return n.sem == h.sem }) {
			continue
		}
		if first, ok := o.path(h.sem, outer.sem, map[int32]bool{}); ok {
			a, b := o.name(h.sem), o.name(outer.sem)
			o.refuse(h, first.pos, "the other order", fmt.Sprintf("take both in one step, as semaphore: [%s, %s], or always in the same order", b, a),
				fmt.Sprintf("%q is taken by a step that holds %q, and elsewhere one that holds %q comes to wait for %q: they can lock each other out", a, b, a, b))
			continue
		}
		o.after[outer.sem] = append(o.after[outer.sem], h)
	}
}

// path finds nestings that lead from semaphore a to b; first is what the one that begins them takes.
func (o *order) path(a, b int32, seen map[int32]bool) (first holding, ok bool) {
	seen[a] = true
	for _, n := range o.after[a] {
		if n.sem == b {
			return n, true
		}
		if !seen[n.sem] {
			if _, ok := o.path(n.sem, b, seen); ok {
				return n, true
			}
		}
	}
	return holding{}, false
}

func (o *order) name(sem int32) string { return o.c.plan.Semaphores[sem].Name }

func (o *order) refuse(h holding, other diag.Pos, what, help, text string) {
	o.c.say(diag.Diagnostic{
		Pos: h.pos, Code: "semaphore-order", Text: text, Help: help, Other: other, OtherText: what,
		Why: "steps that each hold what the other one wants would wait for ever",
	})
}
