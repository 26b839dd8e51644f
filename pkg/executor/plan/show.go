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
func (p *Plan) String() string { return p.Annotated(Notes{}) }

// Notes are what somebody knows of a plan who knows how it is to be run. Each of them may be nil.
type Notes struct {
	// Input is the value of an input of the main workflow that is not secret.
	Input func(name string) (value any, known bool)
	// Value is that of v in every run of x; a value that is not known is shown as it is written.
	Value func(x *Workflow, v *Value) (value any, known bool)
	// Words stand behind the modifiers of s, Lines below it.
	Words, Lines func(x *Workflow, s *Step) []string
	// Semaphore is said of one, by its index in Plan.Semaphores.
	Semaphore func(sem int) string
}

// Action is what s, a step of x, does, in words: its action with its arguments.
func (p *Plan) Action(x *Workflow, s *Step, n Notes) string {
	w := &writer{plan: p, notes: n, in: x}
	return w.action(s, s.Action())
}

// Annotated is String with notes.
func (p *Plan) Annotated(n Notes) string {
	w := &writer{plan: p, notes: n}
	for i, x := range p.Workflows {
		if i > 0 {
			w.b.WriteByte('\n')
		}
		w.workflow(x)
	}
	title := "\nsemaphores\n"
	for i, s := range p.Semaphores {
		if s.Name == Room { // it is the machine's and not the file's
			continue
		}
		scope := ""
		if s.Machine {
			scope = ", on the whole machine"
		}
		if n.Semaphore != nil {
			scope += n.Semaphore(i)
		}
		fmt.Fprintf(&w.b, "%s  %s  %d%s\n", title, s.Name, s.Permits, scope)
		title = ""
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
	plan  *Plan
	notes Notes
	in    *Workflow // the one that is being written
	b     strings.Builder
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
		var v any
		known := false
		if x == w.plan.Main && w.notes.Input != nil && !in.Secret {
			v, known = w.notes.Input(in.Name.Text)
		}
		switch {
		case in.Secret:
			w.b.WriteString(", secret")
		case known:
			fmt.Fprintf(&w.b, " = %s", clip(constant(v)))
		case in.Required:
			w.b.WriteString(", required")
		default:
			fmt.Fprintf(&w.b, " = %s", clip(constant(in.Default)))
		}
		w.b.WriteByte('\n')
	}
	w.in = x
	w.step(x.Body, x.Body.Kind, 1, nil)
}

// step writes a line for s and what is inside; label is what it is called, outer the environment around it.
func (w *writer) step(s *Step, label string, depth int, outer *Env) {
	var words []string
	if s.Name != nil {
		words = append(words, "name "+w.source(s.Name))
	}
	if s.Background {
		words = append(words, "background")
	}
	if s.Ready != nil {
		words = append(words, "ready"+w.args(s.Ready.Probe.Args))
	}
	words = append(words, w.environment(s.Env, outer)...)
	m := w.modifiers(s.Body, words)
	head := strings.Repeat("  ", depth) + label
	if what := w.action(s, m.action); what != "" {
		head += "  " + what
	}
	if w.notes.Words != nil {
		m.words = append(m.words, w.notes.Words(w.in, s)...)
	}
	if len(m.words) > 0 {
		head += "  [" + strings.Join(m.words, "; ") + "]"
	}
	fmt.Fprintf(&w.b, "%s  # %s:%d\n", head, s.Pos.File, s.Pos.Line)
	if w.notes.Lines != nil {
		for _, line := range w.notes.Lines(w.in, s) {
			fmt.Fprintf(&w.b, "%s%s\n", strings.Repeat("  ", depth+1), line)
		}
	}
	w.inside(m.action, depth+1, s.Env)
	if m.result != nil {
		fmt.Fprintf(&w.b, "%sresult %s\n", strings.Repeat("  ", depth+1), w.source(m.result))
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
			say("%s %s", word, w.duration(x.D))
			n = x.Body
		case *Retry:
			say("%s", w.retry(x))
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

func (w *writer) retry(r *Retry) string {
	out := "retry " + w.source(r.Attempts)
	for _, x := range []struct {
		word string
		v    *Value
	}{{"delay", r.Delay}, {"factor", r.Factor}, {"max_delay", r.MaxDelay}, {"jitter", r.Jitter}} {
		switch {
		case x.v == nil:
		case strings.HasSuffix(x.word, "delay"):
			out += " " + x.word + " " + w.duration(x.v)
		default:
			out += " " + x.word + " " + w.source(x.v)
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
func (w *writer) environment(env, outer *Env) []string {
	var out []string
	for ; env != nil && env != outer; env = env.Outer {
		for i := len(env.Vars) - 1; i >= 0; i-- {
			word := "env -" + env.Vars[i].Name
			if v := env.Vars[i].Value; env.Dotenv {
				word = "env " + env.Vars[i].Name + " of " + filepath.Base(v.Pos.File)
			} else if v != nil {
				word = "env " + env.Vars[i].Name + "=" + w.source(v)
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
		return w.leaf(x)
	case *Sequence:
		return w.word(s, "steps")
	case *Loop:
		return w.word(s, "steps") + w.generator(x.Gen)
	case *Join:
		return w.word(s, x.Kind.String()) + w.join(x)
	case *Call:
		return "call " + x.Workflow.Title() + w.given(x)
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
	if s == w.in.Body {
		return ""
	}
	return word
}

func (w *writer) leaf(x *Leaf) string {
	out := x.Kind.Name
	for i, a := range x.Args {
		switch {
		case i == 0 && a.Key == x.Kind.Name:
			out += " " + w.source(a.Value)
		default:
			out += " " + a.Key + "=" + w.source(a.Value)
		}
	}
	if x.Reraise != nil {
		out += " (the same again)"
	}
	return out
}

func (w *writer) generator(g *Generator) string {
	out := " for " + strings.Join(g.Vars, ", ")
	if g.In != nil {
		out += " in " + bare(g.In)
	}
	for i, l := range g.Lists {
		word := ", "
		if i == 0 {
			word = " in "
		}
		out += word + w.source(l)
	}
	if g.Exclude != nil {
		out += " exclude " + bare(g.Exclude)
	}
	return out
}

func (w *writer) join(x *Join) string {
	out := ""
	if x.Gen != nil {
		out += w.generator(x.Gen)
	}
	if x.Limit != nil {
		out += " limit " + w.source(x.Limit)
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
		out += " return_when completed " + w.source(x.Return.Count)
	case ast.CountSucceeded:
		out += " return_when succeeded " + w.source(x.Return.Count)
	}
	if x.Return.After != nil {
		out += " return_after " + w.duration(x.Return.After)
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

func (w *writer) args(list []Arg) string {
	var out strings.Builder
	for _, a := range list {
		fmt.Fprintf(&out, " %s=%s", a.Key, w.source(a.Value))
	}
	return out.String()
}

// given are the arguments of a call. What it gives to a secret input is shown only where it is an expression, which tells nothing.
func (w *writer) given(c *Call) string {
	var out strings.Builder
	for _, a := range c.With {
		secret := slices.ContainsFunc(c.Workflow.Inputs, func(in *ast.Input) bool { return in.Secret && in.Name.Text == a.Key })
		switch {
		case !secret:
			fmt.Fprintf(&out, " %s=%s", a.Key, w.source(a.Value))
		case a.Value.Src.Shape == expr.Single:
			fmt.Fprintf(&out, " %s=%s", a.Key, a.Value.Written())
		default:
			fmt.Fprintf(&out, " %s=***", a.Key)
		}
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
			limit = " within " + w.duration(h.Cleanup)
		}
		fmt.Fprintf(&w.b, "%sfinally%s\n", pad, limit)
		w.list(h.Finally.Items, depth+1, env)
	}
}

// widest is how many characters of a value are shown.
const widest = 60

// source is a value: as far as it is known, else as written.
func (w *writer) source(v *Value) string {
	if v == nil || w.notes.Value == nil {
		return source(v)
	}
	return clip(w.resolved(v))
}

// resolved is v with what is known of its parts in their place.
func (w *writer) resolved(v *Value) string {
	if v.Src.Shape == expr.Constant {
		return template(v.Src)
	}
	if known, ok := w.notes.Value(w.in, v); ok {
		return constant(known)
	}
	parts := v.V.Parts(v.Src.Shape)
	part := func(i int, t *expr.Template) *Value { return &Value{V: parts[i], Refs: v.Refs, Pos: v.Pos, Src: t} }
	var b strings.Builder
	switch {
	case len(parts) == 0:
		return template(v.Src)
	case v.Src.Shape == expr.Interpolated:
		for i, p := range v.Src.Parts {
			if p.Expr == nil {
				b.WriteString(p.Text)
				continue
			}
			x := part(i, expr.NewExpr(v.Pos, p.Expr))
			if known, ok := w.notes.Value(w.in, x); !ok {
				b.WriteString(template(x.Src))
			} else if text, ok := known.(string); ok {
				b.WriteString(text)
			} else {
				b.WriteString(constant(known))
			}
		}
		return quoted(b.String())
	case v.Src.Shape == expr.Sequence:
		for i, t := range v.Src.List {
			if b.Len() > 4*widest { // far more than is shown
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(w.resolved(part(i, t)))
		}
		return "[" + b.String() + "]"
	case v.Src.Shape == expr.Mapping:
		for i, t := range v.Src.Vals {
			if b.Len() > 4*widest {
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.Src.Keys[i] + ": " + w.resolved(part(i, t)))
		}
		return "{" + b.String() + "}"
	}
	return template(v.Src)
}

// duration is source for a duration: a number that is known is one of seconds.
func (w *writer) duration(v *Value) string {
	if w.notes.Value != nil && v.Src.Shape != expr.Constant {
		known, _ := w.notes.Value(w.in, v)
		if d, err := event.Duration(known); err == nil {
			return event.FormatDuration(d)
		}
	}
	return source(v)
}

// Shown is a value on one line and not too long: a plain word as it is, anything else as JSON.
func Shown(value any) string { return clip(constant(value)) }

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

func clip(s string) string { return Clip(strings.Join(strings.Fields(s), " "), widest) }

// Clip is s cut to n characters, the last of which then says so.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
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
