package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// trait is one thing that a file says of a step, under a word that the step has once. The text is whole.
type trait struct{ word, text string }

// declared are the traits of a workflow beside those of its steps.
func declared(p *plan.Plan, x *plan.Workflow) (list []trait) {
	for _, in := range x.Inputs {
		text := in.TypeName()
		more := maps.Clone(in.Schema)
		if delete(more, "type"); len(more) > 0 {
			text += " " + literal(more)
		}
		switch {
		case in.Secret:
			text += ", secret"
		case in.Required:
			text += ", required"
		default:
			text += " = " + literal(in.Default)
		}
		list = append(list, trait{"input " + in.Name.Text, text})
	}
	if x != p.Main {
		return list
	}
	for _, s := range p.Semaphores {
		if s.Name != plan.Room && s.Name != plan.Jobs {
			list = append(list, trait{"semaphore " + s.Name, fmt.Sprintf("%d%s", s.Permits, map[bool]string{true: ", on the whole machine"}[s.Machine])})
		}
	}
	for _, s := range p.Secrets {
		list = append(list, trait{"secret " + s.Name.Text, s.File})
	}
	return list
}

// traits are what the file says of a step itself: all but its name, its place, and the steps inside it.
func traits(p *plan.Plan, l *link) []trait {
	s := l.Step
	list := []trait{{"action", s.Kind}}
	add := func(word string, v *plan.Value) {
		if v != nil {
			list = append(list, trait{word, whole(v.Src)})
		}
	}
	flag := func(word string, set bool) {
		if set {
			list = append(list, trait{word, "true"})
		}
	}
	args := func(prefix string, args []plan.Arg) {
		for _, a := range slices.SortedStableFunc(slices.Values(args), func(a, b plan.Arg) int { return strings.Compare(a.Key, b.Key) }) {
			add(prefix+a.Key, a.Value)
		}
	}
	generator := func(g *plan.Generator) {
		if g == nil {
			return
		}
		list = append(list, trait{"for", strings.Join(g.Vars, ", ")})
		add("in", g.In)
		for i, v := range g.Lists {
			add("in of "+g.Vars[i], v)
		}
		add("exclude", g.Exclude)
	}
	flag("background", s.Background)
	if s.Ready != nil {
		args("ready ", s.Ready.Probe.Args)
	}
	var outer *plan.Env
	if l.up != nil {
		outer = l.up.Step.Env
	}
	list = append(list, environment(s.Env, outer)...)
	semaphores := 0
	plan.Walk(s.Body, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Leaf:
			args("", n.Args)
			flag("the same error again", n.Reraise != nil)
		case *plan.Loop:
			generator(n.Gen)
		case *plan.Join:
			generator(n.Gen)
			add("limit", n.Limit)
			if n.Return.Mode != ast.AllCompleted {
				list = append(list, trait{"return_when", modes()[n.Return.Mode]})
			}
			add("the number in return_when", n.Return.Count)
			add("return_after", n.Return.After)
			flag("rest: keep", n.Keep)
			flag("return_exceptions", n.ReturnExceptions)
			flag("errors: group", n.GroupErrors)
			flag("as_completed", n.Visit != nil)
		case *plan.Needs:
			var names []string
			for _, x := range n.On {
				if x.Why == "needs" {
					names = append(names, x.ID)
				}
			}
			if len(names) > 0 {
				list = append(list, trait{"needs", strings.Join(names, ", ")})
			}
		case *plan.When:
			add("if", n.Cond)
		case *plan.Limit:
			if n.Total {
				add("total_timeout", n.D)
			} else {
				add("timeout", n.D)
			}
		case *plan.Retry:
			add("retry attempts", n.Attempts)
			add("retry delay", n.Delay)
			add("retry factor", n.Factor)
			add("retry max_delay", n.MaxDelay)
			add("retry jitter", n.Jitter)
			add("retry until", n.Until)
			if len(n.Match) > 0 {
				list = append(list, trait{"retry match", patterns(n.Match)})
			}
		case *plan.Hold:
			if n.Sem != plan.Slots && p.Semaphores[n.Sem].Name != plan.Room && p.Semaphores[n.Sem].Name != plan.Jobs {
				semaphores++
				list = append(list, trait{strings.TrimSuffix(fmt.Sprintf("semaphore %d", semaphores), " 1"), p.Semaphores[n.Sem].Name})
			}
		case *plan.Handle:
			for _, x := range n.Clauses {
				word := "match of " + called(x.Step)
				if x.OnCancel {
					list = append(list, trait{word, event.CancelledError})
				} else {
					list = append(list, trait{word, patterns(x.Match)})
				}
			}
			add("cleanup_timeout", n.Cleanup)
		case *plan.Shield:
			flag("shield", true)
		case *plan.Result:
			add("result", n.Value)
		case *plan.Call:
			list = append(list, trait{"call", n.Workflow.Title()})
			args("with ", n.With)
		case *plan.Await:
			list = append(list, trait{"await", tasks(n.Tasks)})
		case *plan.Cancel:
			list = append(list, trait{"cancel", tasks(n.Tasks)})
		case *plan.Sequence:
		default:
			panic("compare: unknown node")
		}
	})
	return list
}

// environment are the traits for the layers of env that are not around the step already. What dotenv files say is not kept.
func environment(env, outer *plan.Env) []trait {
	said := map[string]string{}
	for ; env != nil && env != outer; env = env.Outer { // the innermost wins
		for _, v := range env.Vars {
			if _, known := said[v.Name]; known || env.Dotenv {
				continue
			}
			said[v.Name] = "null"
			if v.Value != nil {
				said[v.Name] = whole(v.Value.Src)
			}
		}
	}
	var list []trait
	for _, name := range slices.Sorted(maps.Keys(said)) {
		list = append(list, trait{"env " + name, said[name]})
	}
	return list
}

func patterns(list []plan.Match) string {
	var out []string
	for _, m := range list {
		text := strings.Join(m.Types, "|")
		if len(m.ExitCode) > 0 {
			text += " exit_code " + fmt.Sprint(m.ExitCode)
		}
		if m.Message != nil {
			text += " message " + literal(m.Message.String())
		}
		if m.When != nil {
			text += " when " + whole(m.When.Src)
		}
		out = append(out, strings.TrimSpace(text))
	}
	return strings.Join(out, ", ")
}

// whole is a template as a text that no other template has.
func whole(t *expr.Template) string {
	if s, ok := t.Const.(string); ok && t.Shape == expr.Constant && !json.Valid([]byte(s)) {
		return escaped(s)
	}
	if t.Shape == expr.Interpolated {
		return interpolated(t)
	}
	return inner(t)
}

// inner is a template inside another one: a text has its quotes.
func inner(t *expr.Template) string {
	var b strings.Builder
	switch t.Shape {
	case expr.Constant:
		return escaped(literal(t.Const))
	case expr.Single:
		return "${{ " + strings.TrimSpace(t.Expr.Src) + " }}"
	case expr.Interpolated:
		return literal(interpolated(t))
	case expr.Sequence:
		for i, x := range t.List {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(inner(x))
		}
		return "[" + b.String() + "]"
	case expr.Mapping:
		order := make([]int, len(t.Keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(t.Keys[i], t.Keys[j]) })
		for n, i := range order {
			if n > 0 {
				b.WriteString(", ")
			}
			b.WriteString(literal(t.Keys[i]) + ": " + inner(t.Vals[i]))
		}
		return "{" + b.String() + "}"
	default:
		panic("compare: unknown shape")
	}
}

func interpolated(t *expr.Template) string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr != nil {
			b.WriteString("${{ " + strings.TrimSpace(p.Expr.Src) + " }}")
		} else {
			b.WriteString(escaped(p.Text))
		}
	}
	return b.String()
}

// escaped is a text as a file has it: what looks like an expression is none.
func escaped(s string) string { return strings.ReplaceAll(s, "${{", "$${{") }

// literal is a value as JSON.
func literal(v any) string {
	j, err := event.Marshal(v)
	if err != nil {
		panic("compare: a constant is no JSON: " + err.Error())
	}
	return string(j)
}

func tasks(list []plan.Task) string {
	var names []string
	for _, t := range list {
		names = append(names, t.ID)
	}
	return strings.Join(names, ", ")
}

func modes() [6]string {
	return [...]string{
		ast.AllCompleted: "all_completed", ast.FirstCompleted: "first_completed", ast.FirstException: "first_exception",
		ast.FirstSuccess: "first_success", ast.CountCompleted: "completed", ast.CountSucceeded: "succeeded",
	}
}

// called is what a step is called in its block: its id, else its place there.
func called(s *plan.Step) string {
	if s.ID != "" {
		return s.ID
	}
	return s.Piece
}
