package plan

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// names resolves the names of one value: addresses go into v, types into types. It is used for one value after
// the other, for most have one name or two and the maps would cost more than they hold.
type names struct {
	u      *unit
	v      *Value
	types  map[string]expr.Type
	steps  map[string]expr.Type // the members of `steps` that are read
	seen   map[Ref]bool
	secret bool // a secret is read
	cond   *expr.Expr
	uses   []expr.Use // of cond
	expr   *expr.Expr // at work
	use    int        // of expr
}

// begin turns to the next value.
func (n *names) begin(u *unit, v *Value) {
	if n.types == nil || len(n.types)+len(n.steps) > 64 {
		n.types, n.steps = map[string]expr.Type{}, map[string]expr.Type{}
	}
	clear(n.types)
	clear(n.steps)
	*n = names{u: u, v: v, types: n.types, steps: n.steps}
}

// channels are the members of an http request that may carry a secret.
var channels = []string{"headers", "body", "json", "form"}

func (n *names) template(t *expr.Template, s site) {
	switch t.Shape {
	case expr.Single:
		n.expression(t.Expr, s)
	case expr.Interpolated:
		for _, p := range t.Parts {
			if p.Expr != nil {
				n.expression(p.Expr, s)
			}
		}
	case expr.Sequence:
		s.channels = false
		for _, x := range t.List {
			n.template(x, s)
		}
	case expr.Mapping:
		for i, x := range t.Vals {
			in := s
			if s.channels {
				in.secret = slices.Contains(channels, t.Keys[i])
				in.channels = false
			}
			n.template(x, in)
		}
	}
}

func (n *names) expression(e *expr.Expr, s site) {
	uses := e.Uses()
	if s.condition {
		n.cond, n.uses = e, uses
	}
	for i, use := range uses {
		n.expr, n.use = e, i
		ref, typ, ok := n.name(use, s)
		if !ok {
			n.types[use.Root] = expr.Type{} // said already: whatever follows from it fits
			continue
		}
		n.put(use, typ)
		n.ref(ref)
		if use.Root == "steps" {
			n.u.ids[use.Member].readers = append(n.u.ids[use.Member].readers, e)
		}
	}
	for _, f := range []string{"success", "failure"} {
		if !e.Calls(f) {
			continue
		}
		if !s.condition {
			n.wrong(s, e.Pos(), "reference", "steps.NAME.status says how a step ended", f+"() can only stand in `if`")
			continue
		}
		s.at.byStatus = true
		n.ref(Ref{Kind: RefNeeds, Name: f})
	}
	if e.Calls("glob") {
		n.ref(Ref{Kind: RefGlob, Name: "glob"})
	}
}

// put notes the type of a name, unless it was refused before. Of steps only the members that are read are in it.
func (n *names) put(use expr.Use, typ expr.Type) {
	old, ok := n.types[use.Root]
	switch {
	case use.Root != "steps":
		if !ok {
			n.types[use.Root] = typ
		}
	case !ok:
		n.steps[use.Member] = typ
		n.types["steps"] = expr.Type{Kind: expr.Map, Fields: n.steps}
	case old.Fields != nil:
		old.Fields[use.Member] = typ
	}
}

// ref adds an address, each once.
func (n *names) ref(r Ref) {
	if len(n.v.Refs) < 8 {
		if !slices.Contains(n.v.Refs, r) {
			n.v.Refs = append(n.v.Refs, r)
		}
		return
	}
	if n.seen == nil {
		n.seen = make(map[Ref]bool, 16)
		for _, old := range n.v.Refs {
			n.seen[old] = true
		}
	}
	if !n.seen[r] {
		n.seen[r] = true
		n.v.Refs = append(n.v.Refs, r)
	}
}

func (n *names) wrong(s site, pos diag.Pos, code, help, text string) {
	if !s.again {
		n.u.c.add(pos, code, help, "%s", text)
	}
}

// The types of names that are alike everywhere.
var (
	runType  = closed(map[string]expr.TypeKind{"id": expr.String, "name": expr.String, "started_at": expr.String})
	loopType = closed(map[string]expr.TypeKind{"index": expr.Int})
	taskType = closed(map[string]expr.TypeKind{
		"id": expr.Any, "index": expr.Int, "status": expr.String, "value": expr.Any, "error": expr.Any,
	})
	stepType = closed(stepFields())
	// keeperType is that of a step that names artifacts.
	keeperType = closed(stepFields("artifacts"))
)

// stepFields are the members of steps.x, and more of them.
func stepFields(more ...string) map[string]expr.TypeKind {
	fields := map[string]expr.TypeKind{
		"status": expr.String, "value": expr.Any, "error": expr.Any, "attempts": expr.Any, "duration": expr.Any,
		"children": expr.Any, "completed": expr.Any, "stdout": expr.Any, "stderr": expr.Any, "exit_code": expr.Any,
		"outputs": expr.Any, "http": expr.Any,
	}
	for _, name := range more {
		fields[name] = expr.Any
	}
	return fields
}

func closed(fields map[string]expr.TypeKind) expr.Type {
	t := expr.Type{Kind: expr.Map, Fields: make(map[string]expr.Type, len(fields))}
	for name, k := range fields {
		t.Fields[name] = expr.Type{Kind: k}
	}
	return t
}

// name resolves one name; not ok means that it was refused.
func (n *names) name(use expr.Use, s site) (Ref, expr.Type, bool) {
	none := expr.Type{}
	switch use.Root {
	case "inputs":
		return n.input(use, s)
	case "env":
		return n.variable(use, s)
	case "secrets":
		return n.secrets(use, s)
	case "steps":
		if s.again {
			return Ref{}, none, false
		}
		if s.condition && use.Field == "status" {
			n.byStatus(s.at, use)
		}
		return n.u.stepRef(s, use)
	case "run":
		return Ref{Kind: RefRun, Name: "run"}, runType, true
	case "attempt":
		return n.attempt(s), expr.Type{Kind: expr.Int}, true
	case "error":
		ref, ok := n.error(use, s)
		return ref, none, ok
	case "value":
		if s.given&givenValue != 0 {
			return Ref{Kind: RefLocal, Name: "value"}, none, true
		}
		n.wrong(s, use.Pos, "unknown-name", "write steps.NAME.value", "`value` is known in `until` only")
		return Ref{}, none, false
	case "loop":
		for f := s.frame; f != nil; f = f.outer {
			if f.loop && f == s.frame && s.frame != s.at.frame {
				n.wrong(s, use.Pos, "unknown-name", "", "`loop` is not known in `exclude`: positions are counted after it")
				return Ref{}, none, false
			}
			if f.loop {
				n.u.c.use(f, "loop")
				return Ref{Kind: RefLoop, Name: "loop", Depth: f.depth}, loopType, true
			}
		}
		n.wrong(s, use.Pos, "unknown-name", "", "`loop` is known in the body of a generator only")
		return Ref{}, none, false
	}
	for f := s.frame; f != nil; f = f.outer {
		if i := slices.Index(f.vars, use.Root); i >= 0 {
			typ := none
			if use.Root == "task" {
				typ = taskType
			}
			n.u.c.use(f, use.Root)
			return Ref{Kind: RefVar, Name: use.Root, Depth: f.depth, Slot: int32(i)}, typ, true
		}
	}
	n.unknown(use, s)
	return Ref{}, none, false
}

// unknown says that there is no such name, and what may be meant.
func (n *names) unknown(use expr.Use, s site) {
	if use.Root == "task" {
		n.wrong(s, use.Pos, "unknown-name", "", "`task` is known in as_completed only")
		return
	}
	var known []string
	lost := n.u.lost(use.Root)
	for f := s.frame; f != nil; f = f.outer {
		known = append(known, f.vars...)
		lost = lost || f.lost
	}
	if lost {
		return
	}
	help := ""
	switch {
	case n.u.ids[use.Root] != nil:
		help = fmt.Sprintf("a step is read as steps.%s", use.Root)
	case input(n.u.ast.Inputs, use.Root) != nil:
		help = fmt.Sprintf("an input is read as inputs.%s", use.Root)
	default:
		known = append(known, "inputs", "env", "secrets", "steps", "run", "attempt")
		if n.u.c.mayGuess() {
			help = n.expr.Meant(n.use, known)
		}
	}
	n.wrong(s, use.Pos, "unknown-name", help, fmt.Sprintf("there is no name %q here", use.Root))
}

// byStatus notes that the `if` of p reads how a sibling ended.
func (n *names) byStatus(p *place, use expr.Use) {
	t := n.u.ids[use.Member]
	if p.role == child && t != nil && p.parent.holds(t) && t != p.parent && t.below(p.parent).role == child {
		p.byStatus = true
	}
}

func (n *names) input(use expr.Use, s site) (Ref, expr.Type, bool) {
	ref := Ref{Kind: RefInputs, Name: "inputs"}
	list := n.u.ast.Inputs
	n.u.c.use(n.u, use.Member)
	if use.Member == "" {
		if slices.ContainsFunc(list, secretInput) && !n.guard(use, s, "the inputs hold a secret") {
			return ref, expr.Type{}, false
		}
		return ref, n.u.inputs, true
	}
	in := input(list, use.Member)
	if in == nil && n.u.lost(use.Member) {
		return ref, expr.Type{}, false
	}
	if in == nil {
		help := n.u.c.guess(use.Member, inputNames(list))
		text := fmt.Sprintf("there is no input %q", use.Member)
		if s.again {
			help = "declare the input there too, or write this in the steps that need it"
			text = fmt.Sprintf("what stands at the top of the file holds in its workflows too, and %q has no input %q", n.u.ast.Name.Text, use.Member)
			if input(n.u.file.ast.Main.Inputs, use.Member) == nil {
				return ref, expr.Type{}, false
			}
		}
		n.u.c.add(use.MemberPos, "unknown-input", help, "%s", text)
		return ref, expr.Type{}, false
	}
	if in.Secret && !n.guard(use, s, fmt.Sprintf("the input %q is secret", in.Name.Text)) {
		return ref, expr.Type{}, false
	}
	return ref, n.u.inputs, true
}

// variable resolves env.Member. One that no layer defines is inherited, which is known at run time only.
func (n *names) variable(use expr.Use, s site) (Ref, expr.Type, bool) {
	ref := Ref{Kind: RefEnv, Name: "env", Member: use.Member, Env: s.env}
	typ := expr.Type{Kind: expr.Map}
	if len(n.u.secret) > 0 && n.u.holdsSecret(s.env, use.Member) {
		what := fmt.Sprintf("the variable %s holds a secret", use.Member)
		if use.Member == "" {
			what = "the environment holds a secret"
		}
		if !n.guard(use, s, what) {
			return ref, typ, false
		}
	}
	return ref, typ, true
}

// holdsSecret says whether the variable is made of a secret; any variable when name is "".
func (u *unit) holdsSecret(env *Env, name string) bool {
	for ; env != nil; env = env.Outer {
		for _, v := range env.Vars {
			if v.Name == name {
				return u.secret[v.Value]
			}
			if name == "" && u.secret[v.Value] {
				return true
			}
		}
	}
	return false
}

func (n *names) secrets(use expr.Use, s site) (Ref, expr.Type, bool) {
	ref := Ref{Kind: RefSecret, Name: "secrets", Member: use.Member}
	typ := expr.Type{Kind: expr.Map}
	if use.Member == "" {
		n.wrong(s, use.Pos, "secret", "write secrets.NAME", "secrets are read one by one, by name")
		return ref, typ, false
	}
	if !n.u.file.secrets[use.Member] && n.u.lost(use.Member) {
		return ref, typ, false
	}
	if !n.u.file.secrets[use.Member] {
		var known []string
		for _, d := range n.u.file.ast.Secrets {
			known = append(known, d.Name.Text)
		}
		help := n.u.c.guess(use.Member, known)
		if help == "" {
			help = fmt.Sprintf("declare it at the top of the file: secrets: [%s]", use.Member)
		}
		n.wrong(s, use.MemberPos, "unknown-secret", help, fmt.Sprintf("the secret %q is not declared", use.Member))
		return ref, typ, false
	}
	n.u.c.use(n.u.file, "secrets."+use.Member)
	return ref, typ, n.guard(use, s, fmt.Sprintf("%q is a secret", use.Member))
}

// guard refuses a secret where it could be seen by others.
func (n *names) guard(use expr.Use, s site, what string) bool {
	if s.secret {
		n.secret = true
		return true
	}
	if s.condition && n.tested(use) {
		return true
	}
	help := fmt.Sprintf("give it to the step by env: {NAME: ${{ %s }}}, or by stdin", spelled(use))
	if s.request {
		help = "in an http step it may stand in headers, body, json and form"
	}
	if s.condition {
		help = fmt.Sprintf(`in "if" only this can be asked: %s != ""`, spelled(use))
	}
	if !s.again {
		n.u.c.say(diag.Diagnostic{
			Pos: use.Pos, Code: "secret", Text: what + " and may not stand here: others could see it", Help: help, Len: width(use),
			Why: "an argv is seen by every user of the machine, and other texts are shown and kept",
		})
	}
	return false
}

// width is how many characters the name has with its member; 0 if they do not stand in one line.
func width(use expr.Use) int {
	if use.Member == "" || use.Pos.Line != use.MemberPos.Line || use.MemberPos.Col < use.Pos.Col {
		return 0
	}
	return use.MemberPos.Col - use.Pos.Col + utf8.RuneCountInString(use.Member)
}

func spelled(use expr.Use) string {
	if use.Member == "" {
		return use.Root
	}
	return use.Root + "." + use.Member
}

// tested says whether the condition compares the secret with "" wherever it reads it: the one question that it may ask.
func (n *names) tested(use expr.Use) bool {
	if use.Member == "" {
		return false
	}
	root, member := regexp.QuoteMeta(use.Root), regexp.QuoteMeta(use.Member)
	question := regexp.MustCompile(`\b` + root + `\s*(\.\s*` + member + `|\[\s*["']` + member + `["']\s*\])\s*[!=]=\s*(""|'')`)
	asked := 0
	for _, x := range n.uses {
		if x.Root == use.Root && x.Member == use.Member {
			asked++
		}
	}
	return len(question.FindAllString(n.cond.Src, -1)) == asked
}

func secretInput(in *ast.Input) bool { return in.Secret }

// attempt is the number of the attempt of the nearest step with a retry around the place.
func (n *names) attempt(s site) Ref {
	if s.given&givenValue != 0 {
		return Ref{Kind: RefLocal, Name: "attempt"}
	}
	p := s.at
	if s.when == before && p.retry() != nil {
		return Ref{Kind: RefConst, Name: "attempt"}
	}
	for ; p != nil; p = p.parent {
		if p.retry() != nil {
			return Ref{Kind: RefAttempt, Name: "attempt", Depth: p.frame.depth, Slot: p.slots.own}
		}
	}
	return Ref{Kind: RefConst, Name: "attempt", Slot: 1}
}

// error is the error that the nearest clause around the place handles.
func (n *names) error(use expr.Use, s site) (Ref, bool) {
	if s.given&givenError != 0 {
		return Ref{Kind: RefLocal, Name: "error"}, true
	}
	for p := s.at; p.parent != nil; p = p.parent {
		if p.role == clause {
			if onCancel(p.parent.step.Handlers.Except[p.index].Match) && reraised(s.at.step.Action) != nil {
				n.wrong(s, use.Pos, "reraise", "leave this step out", "a cancellation goes on by itself after its clause, and cannot be raised")
			}
			return Ref{Kind: RefError, Name: "error", Depth: p.parent.frame.depth, Slot: p.parent.slots.err}, true
		}
	}
	text := "`error` is known in the clauses of except only"
	switch s.at.role {
	case onElse:
		text += ", and this is else"
	case finally:
		text += ", and this is finally"
	}
	n.wrong(s, use.Pos, "unknown-name", "of a step that has ended it is steps.NAME.error", text)
	return Ref{}, false
}
