package plan

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// String is the plan as an indented tree, for people and for tests: a line for each step, with its id or path,
// its action, its modifiers as words and its place; names are those of the file.
//
//	tests  gather for shard in range(inputs.shards)  limit 2 · timeout 5m   # ci.yaml:12
func (p *Plan) String() string { return p.Show(nil) }

// Show is String with the values that the inputs of the main workflow have in a run. Those of secret inputs are not
// shown.
func (p *Plan) Show(values map[string]any) string {
	w := &writer{plan: p, values: values}
	for i, x := range p.Workflows {
		if i > 0 {
			w.b.WriteByte('\n')
		}
		w.workflow(x)
	}
	// Room is the machine's and not the file's.
	named := slices.DeleteFunc(slices.Clone(p.Semaphores), func(s Semaphore) bool { return s.Name == Room })
	if len(named) > 0 {
		w.b.WriteString("\nsemaphores\n")
		for _, s := range named {
			scope := ""
			if s.Machine {
				scope = ", on the whole machine"
			}
			fmt.Fprintf(&w.b, "  %s  %d%s\n", s.Name, s.Permits, scope)
		}
	}
	if len(p.Secrets) > 0 {
		w.b.WriteString("\nsecrets\n")
		for _, s := range p.Secrets {
			fmt.Fprintf(&w.b, "  %s\n", s.Name.Text)
		}
	}
	return w.b.String()
}

// writer writes a plan.
type writer struct {
	plan   *Plan
	values map[string]any // of the main workflow's inputs, as far as they are known
	body   *Step          // of the workflow that is being written
	b      strings.Builder
}

// Title is the workflow's name, that of its file if it has none.
func (x *Workflow) Title() string {
	if x.Name == "" {
		return x.Body.Pos.File
	}
	return x.Name
}

func (w *writer) workflow(x *Workflow) {
	fmt.Fprintf(&w.b, "workflow %s\n", x.Title())
	for _, in := range x.Inputs {
		fmt.Fprintf(&w.b, "  input %s  %s", in.Name.Text, in.TypeName())
		v, known := w.values[in.Name.Text]
		switch {
		case in.Secret:
			w.b.WriteString(", secret")
		case known && x == w.plan.Main:
			fmt.Fprintf(&w.b, " = %s", clip(constant(v)))
		case in.Required:
			w.b.WriteString(", required")
		default:
			fmt.Fprintf(&w.b, " = %s", clip(constant(in.Default)))
		}
		w.b.WriteByte('\n')
	}
	w.body = x.Body
	w.step(x.Body, x.Body.Kind, 1, nil)
}

// step writes a line for s and what is inside; label is what it is called, outer the environment around it.
func (w *writer) step(s *Step, label string, depth int, outer *Env) {
	var words []string
	if s.Name != nil {
		words = append(words, "name "+source(s.Name))
	}
	if s.Background {
		words = append(words, "background")
	}
	if s.Ready != nil {
		words = append(words, "ready"+args(s.Ready.Probe.Args))
	}
	words = append(words, environment(s.Env, outer)...)
	m := w.modifiers(s.Body, words)
	head := strings.Repeat("  ", depth) + label
	if what := w.action(s, m.action); what != "" {
		head += "  " + what
	}
	if len(m.words) > 0 {
		head += "  [" + strings.Join(m.words, "; ") + "]"
	}
	fmt.Fprintf(&w.b, "%s  # %s:%d\n", head, s.Pos.File, s.Pos.Line)
	w.inside(m.action, depth+1, s.Env)
	if m.result != nil {
		fmt.Fprintf(&w.b, "%sresult %s\n", strings.Repeat("  ", depth+1), source(m.result))
	}
	if m.handle != nil {
		w.handlers(m.handle, depth+1, s.Env)
	}
}

// called is the label of a step: its id, else its place in the block around it.
func called(s *Step) string {
	if s.ID != "" {
		return s.ID
	}
	return s.Piece
}

// modified is a step taken apart.
type modified struct {
	words  []string
	action Node
	handle *Handle
	result *Value
}

// modifiers reads the nodes around an action, outermost first.
func (w *writer) modifiers(n Node, words []string) modified {
	m := modified{words: words}
	say := func(format string, args ...any) { m.words = append(m.words, fmt.Sprintf(format, args...)) }
	for {
		switch x := n.(type) {
		case *Shield:
			say("shield")
			n = x.Body
		case *Needs:
			say("needs %s", needs(x.On))
			n = x.Body
		case *When:
			say("if %s", bare(x.Cond))
			n = x.Body
		case *Handle:
			m.handle = x
			n = x.Body
		case *Limit:
			word := "timeout"
			if x.Total {
				word = "total_timeout"
			}
			say("%s %s", word, source(x.D))
			n = x.Body
		case *Retry:
			say("%s", retry(x))
			n = x.Body
		case *Hold:
			switch {
			case x.Sem == Slots:
				say("slot")
			case w.plan.Semaphores[x.Sem].Name == Jobs:
				say("slot of %s", Jobs)
			case w.plan.Semaphores[x.Sem].Name == Room:
			default:
				say("semaphore %s", w.plan.Semaphores[x.Sem].Name)
			}
			n = x.Body
		case *Result:
			m.result = x.Value
			n = x.Body
		default:
			m.action = n
			return m
		}
	}
}

func needs(list []Need) string {
	var out []string
	for _, x := range list {
		name, why := x.ID, ""
		if name == "" {
			name = fmt.Sprintf("[%d]", x.Child)
		}
		if x.Why != "needs" {
			why = "reads " + x.Why
		}
		if !x.Hard {
			why = strings.TrimPrefix(why+", its end only", ", ")
		}
		if why != "" {
			name += " (" + why + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func retry(r *Retry) string {
	out := "retry " + source(r.Attempts)
	for _, x := range []struct {
		word string
		v    *Value
	}{{"delay", r.Delay}, {"factor", r.Factor}, {"max_delay", r.MaxDelay}, {"jitter", r.Jitter}} {
		if x.v != nil {
			out += " " + x.word + " " + source(x.v)
		}
	}
	if len(r.Match) > 0 {
		out += " match " + matches(r.Match)
	}
	if r.Until != nil {
		out += " until " + bare(r.Until)
	}
	return out
}

func matches(list []Match) string {
	var out []string
	for _, m := range list {
		var words []string
		if len(m.Types) > 0 {
			words = append(words, strings.Join(m.Types, "|"))
		}
		if len(m.ExitCode) > 0 {
			words = append(words, "exit_code "+strings.Trim(fmt.Sprint(m.ExitCode), "[]"))
		}
		if m.Message != nil {
			words = append(words, "message "+strconv.Quote(m.Message.String()))
		}
		if m.When != nil {
			words = append(words, "when "+bare(m.When))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, ", ")
}

// environment are the words for the layers of env that are not around the step already.
func environment(env, outer *Env) []string {
	var out []string
	for ; env != nil && env != outer; env = env.Outer {
		for i := len(env.Vars) - 1; i >= 0; i-- {
			word := "env -" + env.Vars[i].Name
			if v := env.Vars[i].Value; env.Dotenv {
				word = "env " + env.Vars[i].Name + " of " + filepath.Base(v.Pos.File)
			} else if v != nil {
				word = "env " + env.Vars[i].Name + "=" + source(v)
			}
			out = append([]string{word}, out...)
		}
	}
	return out
}

// action is a step's action in words; the steps inside are not in it.
func (w *writer) action(s *Step, n Node) string {
	switch x := n.(type) {
	case *Leaf:
		return leaf(x)
	case *Sequence:
		return w.word(s, "steps")
	case *Loop:
		return w.word(s, "steps") + generator(x.Gen)
	case *Join:
		return w.word(s, x.Kind.String()) + join(x)
	case *Call:
		return "call " + x.Workflow.Title() + args(x.With)
	case *Await:
		return "await " + taskNames(x.Tasks)
	case *Cancel:
		return "cancel " + taskNames(x.Tasks)
	default:
		panic(fmt.Sprintf("plan: no words for %T", n))
	}
}

// word is that for a block; a workflow's body has it as its label.
func (w *writer) word(s *Step, word string) string {
	if s == w.body {
		return ""
	}
	return word
}

func leaf(x *Leaf) string {
	out := x.Kind.Name
	for i, a := range x.Args {
		switch {
		case i == 0 && a.Key == x.Kind.Name:
			out += " " + source(a.Value)
		default:
			out += " " + a.Key + "=" + source(a.Value)
		}
	}
	if x.Reraise != nil {
		out += " (the same again)"
	}
	return out
}

func generator(g *Generator) string {
	out := " for " + strings.Join(g.Vars, ", ")
	if g.In != nil {
		out += " in " + bare(g.In)
	}
	for i, l := range g.Lists {
		word := ", "
		if i == 0 {
			word = " in "
		}
		out += word + source(l)
	}
	if g.Exclude != nil {
		out += " exclude " + bare(g.Exclude)
	}
	return out
}

func join(x *Join) string {
	out := ""
	if x.Gen != nil {
		out += generator(x.Gen)
	}
	if x.Limit != nil {
		out += " limit " + source(x.Limit)
		if x.Lazy {
			out += " lazily"
		}
	}
	switch x.Return.Mode {
	case ast.FirstCompleted:
		out += " return_when first_completed"
	case ast.FirstException:
		out += " return_when first_exception"
	case ast.FirstSuccess:
		out += " return_when first_success"
	case ast.CountCompleted:
		out += " return_when completed " + source(x.Return.Count)
	case ast.CountSucceeded:
		out += " return_when succeeded " + source(x.Return.Count)
	}
	if x.Return.After != nil {
		out += " return_after " + source(x.Return.After)
	}
	if x.Keep {
		out += " rest keep"
	}
	if x.ReturnExceptions {
		out += " return_exceptions"
	}
	if x.GroupErrors {
		out += " errors group"
	}
	return out
}

func args(list []Arg) string {
	var out strings.Builder
	for _, a := range list {
		fmt.Fprintf(&out, " %s=%s", a.Key, source(a.Value))
	}
	return out.String()
}

func taskNames(list []Task) string {
	var out []string
	for _, t := range list {
		out = append(out, t.ID)
	}
	return strings.Join(out, ", ")
}

// inside writes the steps of an action.
func (w *writer) inside(n Node, depth int, env *Env) {
	switch x := n.(type) {
	case *Sequence:
		w.list(x.Items, depth, env)
	case *Loop:
		w.each(x.Gen, depth, env)
	case *Join:
		w.list(x.Children, depth, env)
		if x.Gen != nil {
			w.each(x.Gen, depth, env)
		}
		if x.Visit != nil {
			w.step(x.Visit.Step, "as_completed", depth, env)
		}
	}
}

func (w *writer) list(steps []*Step, depth int, env *Env) {
	for _, s := range steps {
		w.step(s, called(s), depth, env)
	}
}

func (w *writer) each(g *Generator, depth int, env *Env) {
	label := "[*]"
	if g.Do.ID != "" {
		label += "." + g.Do.ID
	}
	w.step(g.Do, label, depth, env)
}

func (w *writer) handlers(h *Handle, depth int, env *Env) {
	pad := strings.Repeat("  ", depth)
	for _, c := range h.Clauses {
		match := ""
		if len(c.Match) > 0 {
			match = " " + matches(c.Match)
		}
		fmt.Fprintf(&w.b, "%sexcept%s\n", pad, match)
		w.step(c.Step, called(c.Step), depth+1, env)
	}
	if h.Else != nil {
		fmt.Fprintf(&w.b, "%selse\n", pad)
		w.list(h.Else.Items, depth+1, env)
	}
	if h.Finally != nil {
		limit := ""
		if h.Cleanup != nil {
			limit = " within " + source(h.Cleanup)
		}
		fmt.Fprintf(&w.b, "%sfinally%s\n", pad, limit)
		w.list(h.Finally.Items, depth+1, env)
	}
}

// widest is how many characters of a value are shown.
const widest = 60

// source is a value as written, on one line and not too long.
func source(v *Value) string {
	if v == nil {
		return "null"
	}
	return clip(template(v.Src))
}

// Written is v as the file has it, on one line and not too long. A text has no quotes.
func (v *Value) Written() string {
	if s, ok := v.Src.Const.(string); ok {
		return clip(s)
	}
	return source(v)
}

// bare is source without the braces around what is an expression by nature.
func bare(v *Value) string {
	if v.Src.Shape == expr.Single {
		return clip(strings.TrimSpace(v.Src.Expr.Src))
	}
	return source(v)
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > widest {
		return string(r[:widest-1]) + "…"
	}
	return s
}

func template(t *expr.Template) string {
	var b strings.Builder
	switch t.Shape {
	case expr.Constant:
		return constant(t.Const)
	case expr.Single:
		return "${{ " + strings.TrimSpace(t.Expr.Src) + " }}"
	case expr.Interpolated:
		for _, p := range t.Parts {
			if p.Expr != nil {
				b.WriteString("${{ " + strings.TrimSpace(p.Expr.Src) + " }}")
			} else {
				b.WriteString(p.Text)
			}
		}
		return quoted(b.String())
	case expr.Sequence:
		for i, x := range t.List {
			if b.Len() > 4*widest { // far more than is shown
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(template(x))
		}
		return "[" + b.String() + "]"
	default:
		for i, x := range t.Vals {
			if b.Len() > 4*widest {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(t.Keys[i] + ": " + template(x))
		}
		return "{" + b.String() + "}"
	}
}

// constant is a value as JSON, a plain word as it is.
func constant(v any) string {
	if s, ok := v.(string); ok {
		return quoted(s)
	}
	j, err := event.Marshal(v)
	if err != nil {
		panic("plan: a constant is no JSON: " + err.Error())
	}
	return string(j)
}

// quoted is s in quotes unless it reads well without.
func quoted(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\r\n\"'[]{},;#=") {
		return s
	}
	j, _ := event.Marshal(s)
	return string(j)
}
