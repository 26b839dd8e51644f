package spec

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// retry reads the modifier of that name.
func (r *reader) retry(key, n *yaml.Node) *ast.Retry {
	out := &ast.Retry{Pos: r.text.pos(key)}
	for k, v := range r.entries(n) {
		switch k.Value {
		case "attempts":
			out.Attempts = r.count(v)
		case "delay":
			out.Delay = r.pause(v)
		case "factor":
			out.Factor = r.template(v, kind.Typed)
		case "max_delay":
			out.MaxDelay = r.pause(v)
		case "jitter":
			out.Jitter = r.template(v, kind.Typed)
		case "match":
			out.Match = r.matches(v)
			for _, m := range out.Match {
				if i := slices.IndexFunc(m.Types, isCancelled); i >= 0 {
					r.problems.Add(m.Types[i].Pos, "cancel-in-retry", "a cancellation is never tried again")
				}
			}
		case "until":
			out.Until = r.condition(v)
		}
	}
	return out
}

// defaults reads what holds for the run and http steps below.
func (r *reader) defaults(key, n *yaml.Node) *ast.Defaults {
	out := &ast.Defaults{Pos: r.text.pos(key)}
	for k, v := range r.entries(n) {
		switch k.Value {
		case "timeout":
			out.Timeout = r.limit(v)
		case "retry":
			out.Retry = r.retry(k, v)
		case "env":
			out.Env = r.env(v)
		default:
			out.Args = append(out.Args, ast.Pair{Key: r.name(k), Value: r.template(v, r.lang.defaultsMode(k.Value))})
		}
	}
	return out
}

// clauses reads `except`.
func (r *reader) clauses(n *yaml.Node, depth int) []*ast.Clause {
	n = deref(n)
	if n.Kind != yaml.SequenceNode {
		r.mismatch(n)
		return nil
	}
	out := make([]*ast.Clause, 0, len(n.Content))
	for _, c := range n.Content {
		c = deref(c)
		clause := &ast.Clause{Step: r.step(c, inExcept, depth+1)}
		if c.Kind != yaml.MappingNode || r.bad[c] {
			out = append(out, clause)
			continue
		}
		if m := field(c, "match"); m != nil && !r.bad[m] {
			clause.Match = r.matches(m)
			r.checkCancelled(clause.Match)
		}
		out = append(out, clause)
	}
	return out
}

// checkCancelled refuses CancelledError beside other types: such a clause would be two.
func (r *reader) checkCancelled(match []*ast.Match) {
	var cancelled *ast.Name
	others := false
	for _, m := range match {
		others = others || len(m.Types) == 0
		for i := range m.Types {
			if isCancelled(m.Types[i]) {
				cancelled = &m.Types[i]
			} else {
				others = true
			}
		}
	}
	if cancelled != nil && others {
		r.problems.Add(cancelled.Pos, "cancelled-mixed", "CancelledError stands alone in a match: its clause cleans up and goes on being cancelled")
		r.help("write a clause of its own for it")
	}
}

func isCancelled(n ast.Name) bool { return n.Text == "CancelledError" }

// matches reads a pattern over errors, or a list of them.
func (r *reader) matches(n *yaml.Node) []*ast.Match {
	n = deref(n)
	if n.Kind != yaml.SequenceNode {
		return []*ast.Match{r.match(n)}
	}
	out := make([]*ast.Match, 0, len(n.Content))
	for _, c := range n.Content {
		out = append(out, r.match(deref(c)))
	}
	return out
}

func (r *reader) match(n *yaml.Node) *ast.Match {
	out := &ast.Match{Pos: r.text.pos(n)}
	switch {
	case r.bad[n]:
	case n.Kind == yaml.ScalarNode:
		out.Types = r.types(n)
	case n.Kind == yaml.MappingNode:
		for k, v := range r.entries(n) {
			r.matchKey(out, k.Value, v)
		}
	default:
		r.mismatch(n)
	}
	return out
}

func (r *reader) matchKey(out *ast.Match, key string, v *yaml.Node) {
	switch key {
	case "type":
		out.Types = r.types(v)
	case "exit_code":
		out.ExitCode = r.exitCodes(v)
	case "message":
		out.Message = r.regexp(v)
	case "when":
		out.When = r.condition(v)
	}
}

// types reads names of error types. A group is never matched as such: clauses take its members.
func (r *reader) types(n *yaml.Node) []ast.Name {
	out := r.names(n)
	for _, t := range out {
		if t.Text == "ExceptionGroup" {
			r.problems.Add(t.Pos, "match-group", "a group is not matched as a whole: a clause takes the members that fit")
			r.help("name the types of the members, or leave match out")
		}
	}
	return out
}

func (r *reader) exitCodes(n *yaml.Node) []int {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	out := make([]int, 0, len(items))
	for _, c := range items {
		v, _, _ := scalar(deref(c))
		code, ok := v.(int)
		if !ok {
			r.mismatch(c)
			continue
		}
		out = append(out, code)
	}
	return out
}

func (r *reader) regexp(n *yaml.Node) string {
	name := r.name(n)
	if _, err := regexp.Compile(name.Text); err != nil {
		r.problem(n, "bad-pattern", "not a regular expression: %s", regexpReason(err))
		r.help("the syntax is RE2's: no lookahead, no back references")
	}
	return name.Text
}

func regexpReason(err error) string {
	var e *syntax.Error
	if errors.As(err, &e) {
		return string(e.Code) + ": " + brief(e.Expr)
	}
	return err.Error()
}
