package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// modifiers are those of s that have a word; what needs it has arrows, and handlers are parts.
func (b *builder) modifiers(s *plan.Step) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, line(fmt.Sprintf(format, args...))) }
	if s.Background && s.Ready == nil {
		say("background")
	}
	if s.Ready != nil {
		say("service, ready by %s", probe(s.Ready.Probe))
	}
	plan.Walk(s.Body, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Shield:
			say("shield")
		case *plan.When:
			say("if %s", bare(n.Cond))
		case *plan.Limit:
			word := "timeout"
			if n.Total {
				word = "total_timeout"
			}
			say("%s %s", word, bare(n.D))
		case *plan.Retry:
			if n.Until != nil {
				say("retry %s until %s", bare(n.Attempts), bare(n.Until))
			} else {
				say("retry %s", bare(n.Attempts))
			}
		case *plan.Hold:
			if n.Sem == plan.Slots {
				break // the block says its limit
			}
			if name := b.plan.Semaphores[n.Sem].Name; name != plan.Jobs && name != plan.Room {
				say("semaphore %s", name)
			}
		}
	})
	return out
}

// join are the words of a block that are no modifiers.
func join(j *plan.Join) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, line(fmt.Sprintf(format, args...))) }
	if j.Limit != nil {
		say("limit %s", bare(j.Limit))
	}
	switch j.Return.Mode {
	case ast.AllCompleted:
	case ast.FirstCompleted:
		say("first_completed")
	case ast.FirstException:
		say("first_exception")
	case ast.FirstSuccess:
		say("first_success")
	case ast.CountCompleted:
		say("%s completed", bare(j.Return.Count))
	case ast.CountSucceeded:
		say("%s succeeded", bare(j.Return.Count))
	default:
		panic("graph: no word for a mode of wait")
	}
	if j.Return.After != nil {
		say("return_after %s", bare(j.Return.After))
	}
	if j.Keep {
		say("rest keep")
	}
	if j.ReturnExceptions {
		say("return_exceptions")
	}
	if j.GroupErrors {
		say("errors group")
	}
	return out
}

// action is what a leaf does: the value of its own key.
func action(l *plan.Leaf) string {
	if l.Reraise != nil {
		return "the same error"
	}
	for _, a := range l.Args {
		if a.Key == l.Kind.Name {
			return begin(written(a.Value.Src))
		}
	}
	return ""
}

// begin is the first line of a text that says something: not all of a script.
func begin(text string) string {
	text = strings.TrimSpace(text)
	for strings.HasPrefix(text, "#") {
		_, rest, more := strings.Cut(text, "\n")
		if !more {
			break
		}
		text = strings.TrimSpace(rest)
	}
	if first, _, more := strings.Cut(text, "\n"); more {
		return first + " …"
	}
	return text
}

// probe is how a service is asked.
func probe(l *plan.Leaf) string {
	for _, a := range l.Args {
		switch a.Key {
		case "tcp", "http", "run", "log":
			return a.Key + " " + written(a.Value.Src)
		}
	}
	return l.Kind.Name
}

func generator(g *plan.Generator) string {
	out := "for " + strings.Join(g.Vars, ", ") + " in "
	if g.In != nil {
		out += bare(g.In)
	}
	for i, l := range g.Lists {
		if i > 0 {
			out += " × "
		}
		out += bare(l)
	}
	if g.Exclude != nil {
		out += " exclude " + bare(g.Exclude)
	}
	return out
}

func matches(list []plan.Match) string {
	var out []string
	for _, m := range list {
		words := []string{}
		if len(m.Types) > 0 {
			words = append(words, strings.Join(m.Types, "|"))
		}
		if len(m.ExitCode) > 0 {
			words = append(words, "exit_code "+strings.Trim(fmt.Sprint(m.ExitCode), "[]"))
		}
		if m.Message != nil {
			words = append(words, "message "+m.Message.String())
		}
		if m.When != nil {
			words = append(words, "when "+bare(m.When))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, ", ")
}

// bare is a value without the braces around what is one expression, and a list as a list.
func bare(v *plan.Value) string {
	list, isList := v.Src.Const.([]any)
	switch {
	case v.Src.Shape == expr.Single:
		return v.Src.Expr.Src
	case v.Src.Shape == expr.Sequence:
		return "[" + strings.Join(texts(v.Src.List), ", ") + "]"
	case isList:
		return "[" + strings.Join(constants(list), ", ") + "]"
	}
	return written(v.Src)
}

// written is a value as people say it: an argv as a command line, a mapping without its braces.
func written(t *expr.Template) string {
	switch t.Shape {
	case expr.Constant:
		return constant(t.Const)
	case expr.Single:
		return "${{ " + strings.TrimSpace(t.Expr.Src) + " }}"
	case expr.Interpolated:
		var b strings.Builder
		for _, p := range t.Parts {
			if p.Expr != nil {
				b.WriteString("${{ " + strings.TrimSpace(p.Expr.Src) + " }}")
			} else {
				b.WriteString(p.Text)
			}
		}
		return b.String()
	case expr.Sequence:
		return strings.Join(texts(t.List), " ")
	case expr.Mapping:
		var out []string
		for i, v := range t.Vals {
			out = append(out, t.Keys[i]+": "+written(v))
		}
		return strings.Join(out, ", ")
	default:
		panic("graph: a value of no shape")
	}
}

func texts(list []*expr.Template) []string {
	var out []string
	for _, t := range list {
		out = append(out, written(t))
	}
	return out
}

// constant is a value without expressions, in the form of written.
func constant(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		return strings.Join(constants(v), " ")
	case map[string]any:
		var out []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, k+": "+constant(v[k]))
		}
		return strings.Join(out, ", ")
	}
	j, err := event.Marshal(v)
	if err != nil {
		panic("graph: a constant is no JSON: " + err.Error())
	}
	return string(j)
}

func constants(list []any) []string {
	var out []string
	for _, x := range list {
		out = append(out, constant(x))
	}
	return out
}

// most is how many characters of any text are kept: more than any picture shows.
const most = 300

// line is a text on one line, without what drives a terminal or turns the direction of what stands beside it.
func line(s string) string {
	if len(s) > 4*most {
		s = strings.ToValidUTF8(s[:4*most], "") + "…"
	}
	return plan.Clip(strings.Join(strings.Fields(plain.Inert(s)), " "), most)
}
