package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// conditions tells of conditions that are the same in every run.
func (w *warner) conditions(p *place) {
	tell := func(t *expr.Template, word, help string) {
		if t != nil && t.Shape == expr.Single && t.Expr.Constant() {
			w.add(t.Expr.Pos(), "constant-condition", help, "this `%s` reads nothing, so it is always the same", word)
		}
	}
	tell(p.step.Gate.If, "if", "read an input or a step in it, or take it out")
	if r := p.step.Retry; r != nil {
		tell(r.Until, "until", "read `value` in it")
	}
	if b := p.block(); b != nil && b.For != nil {
		tell(b.For.Exclude, "exclude", "read the variables of the matrix in it")
	}
}

// clauses tells of clauses of except that get nothing, for those before them take it all.
func (w *warner) clauses(p *place) {
	if len(p.step.Handlers.Except) < 2 {
		return
	}
	taken := map[string]diag.Pos{} // "" is everything but CancelledError; types; types with an exit code
	by := func(keys ...string) (diag.Pos, bool) {
		for _, k := range keys {
			if at, ok := taken[k]; ok {
				return at, true
			}
		}
		return diag.Pos{}, false
	}
	for _, c := range p.step.Handlers.Except {
		at, covered := by("")
		for i, m := range c.Match {
			first, ok := coveredBy(m, by)
			if i == 0 {
				at, covered = first, ok
			} else {
				covered = covered && ok
			}
		}
		pos := c.Step.Pos
		if len(c.Match) > 0 {
			pos = c.Match[0].Pos
		}
		if covered {
			w.say(diag.Diagnostic{
				Pos: pos, Code: "unreachable-clause", Text: "this clause gets no error: those before it take all that it matches",
				Help: "put it before them, or take it out", Why: "an error goes to the first clause that matches", Other: at, OtherText: "this one takes them",
			})
		}
		take(taken, c, pos)
	}
}

// coveredBy says whether everything that m matches is taken, and where first.
func coveredBy(m *ast.Match, by func(keys ...string) (diag.Pos, bool)) (at diag.Pos, ok bool) {
	if len(m.Types) == 0 {
		return by("")
	}
	for i, t := range m.Types {
		keys := []string{t.Text}
		if t.Text != event.CancelledError {
			keys = append(keys, "")
		}
		first, taken := by(keys...)
		if !taken && len(m.ExitCode) > 0 {
			taken = true
			for _, code := range m.ExitCode {
				pos, known := by(coded(t, code))
				first, taken = pos, taken && known
			}
		}
		if !taken {
			return at, false
		}
		if i == 0 {
			at = first
		}
	}
	return at, true
}

func coded(t ast.Name, code int) string { return t.Text + " " + strconv.Itoa(code) }

// take notes what the clause c takes whatever else is true.
func take(taken map[string]diag.Pos, c *ast.Clause, pos diag.Pos) {
	note := func(key string) {
		if _, ok := taken[key]; !ok {
			taken[key] = pos
		}
	}
	if len(c.Match) == 0 {
		note("")
	}
	for _, m := range c.Match {
		if m.When != nil || m.Message != "" {
			continue
		}
		for _, t := range m.Types {
			if len(m.ExitCode) == 0 {
				note(t.Text)
			}
			for _, code := range m.ExitCode {
				note(coded(t, code))
			}
		}
	}
}

// block looks at a block as a whole.
func (w *warner) block(u *unit, p *place, b *ast.Block) {
	if b.Kind == ast.Steps && b.For == nil {
		w.list(p.parts.body)
	}
	n, exact := len(b.Children), true
	if b.For != nil {
		n, exact = u.size(b.For)
		if n > manySteps {
			w.many(b.For, n, exact)
		}
	}
	limit, ok := wholeOf(b.Limit)
	switch {
	case !ok:
	case limit == 1 && b.Kind != ast.Wait && p.inTurn(b):
		w.add(b.Limit.Pos, "limit-of-one", "write steps, which is such a list and ends with the first error",
			"with limit: 1 this %s runs its steps one after the other", b.Kind)
	case limit > 1 && exact && n > 0 && limit >= n:
		w.add(b.Limit.Pos, "limit-without-effect", "write a smaller number, or take it out",
			"limit: %d has no effect, for there are only %d steps", limit, n)
	}
}

// inTurn says that the steps of b, a block with one slot, could as well be a list: they run one after the other, and nothing
// of b asks for all of their errors. A step has no slot in the pause of a retry and in its handlers.
func (p *place) inTurn(b *ast.Block) bool {
	return !b.ReturnExceptions && !b.GroupErrors && b.AsCompleted == nil && !slices.ContainsFunc(p.parts.body, func(q *place) bool {
		return q.retry() != nil || q.handled() || len(q.needs) > 0
	})
}

// manySteps is how many steps a generator may make before one is asked whether they are meant.
const manySteps = 10_000

func (w *warner) many(g *ast.Generator, n int, exact bool) {
	number, with := strconv.Itoa(n), ""
	if n >= tooMany {
		number = "more than " + strconv.Itoa(tooMany-1)
	}
	if !exact {
		with = ", if the inputs have their defaults"
	}
	w.say(diag.Diagnostic{
		Pos: g.Pos, Code: "many-steps", Text: fmt.Sprintf("this makes %s steps%s", number, with), Help: "let each of them do several of the things",
		Why: "each step has a state, and a line in reports and results",
	})
}

// size is how many steps a generator makes, as Generator.Size says.
func (u *unit) size(g *ast.Generator) (n int, exact bool) {
	return sizeOf(g.In, g.Lists, g.Exclude, u.ast.Inputs)
}

// list looks at the items of a steps list. What stands before an item that always runs gives its value to nobody but those
// who read it.
func (w *warner) list(items []*place) {
	followed, last := false, true
	for _, p := range slices.Backward(items) {
		s := p.step
		last = last && s.Mode.Background && s.Mode.Ready == nil
		if last && w.whole && len(p.ends) == 0 {
			w.say(diag.Diagnostic{
				Pos: s.Mode.ModePos, Code: "background-at-end", Text: "this is cancelled as soon as it has begun: the list ends here",
				Help: "await it, or take `background` out", Why: "a task in the background ends with the list that it is in",
			})
		}
		if followed && w.whole {
			w.unread(p)
		}
		_, isCancel := s.Action.(*ast.Cancel)
		followed = followed || s.Gate.If == nil && !s.Mode.Background && !isCancel
	}
	for i, p := range items[:max(0, len(items)-1)] {
		if p.leaf("fail") && p.step.Gate.If == nil && !p.step.Mode.Background && len(p.step.Handlers.Except) == 0 {
			w.say(diag.Diagnostic{
				Pos: items[i+1].step.Pos, Code: "unreachable-step", Text: "this never runs: the step before it always fails",
				Help: "write an `if` on the step before, or put this into its except or finally", Other: p.step.Pos, OtherText: "it fails here",
			})
			return
		}
	}
}

// leaf says that p is a step of this kind.
func (p *place) leaf(name string) bool {
	l, ok := p.step.Action.(*ast.Leaf)
	return ok && l.Kind.Name == name
}

// unread looks at a step whose value comes out of its list only for those who read it.
func (w *warner) unread(p *place) {
	if p.leaf("value") && p.step.ID.Text != "" && len(p.readers) == 0 && !p.step.Mode.Background {
		w.add(p.step.ID.Pos, "unused-id", fmt.Sprintf("read it as steps.%s.value, or take the step out", p.step.ID.Text),
			"the value of %q is read by nobody", p.step.ID.Text)
	}
	if b := p.block(); b != nil && b.Kind == ast.Wait {
		w.race(p, b)
	}
}

// What an expression reads of a wait that was first_completed.
var (
	readsFirst   = regexp.MustCompile(`\bfirst\b`)
	readsOutcome = regexp.MustCompile(`\b(status|error|done|pending|children|completed)\b`)
)

// race tells of programs or requests of which the first that ends is taken, also when it has failed.
func (w *warner) race(p *place, b *ast.Block) {
	if b.Return.Mode != ast.FirstCompleted || b.Return.Keep || b.AsCompleted != nil || len(p.parts.body) < 2 && b.For == nil {
		return
	}
	for _, q := range p.parts.body {
		if !q.limited() {
			return
		}
	}
	for _, e := range p.readers {
		if !readsFirst.MatchString(e.Src) || readsOutcome.MatchString(e.Src) {
			return
		}
	}
	help := "write return_when: first_success"
	if id := p.step.ID.Text; id != "" {
		help += fmt.Sprintf(", or read steps.%s.value.first.status", id)
	}
	w.say(diag.Diagnostic{
		Pos: b.Return.Pos, Code: "first-completed", Text: "the first of these to end may have failed, and nobody looks at that",
		Help: help, Why: "wait never fails because of a child, and a failure completes it, too",
	})
}
