package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// A warning is told of what is right in a file and yet hardly meant: what nobody reads, a limit that never expires, a
// step that is never reached. Each says only what is known for certain, for one false alarm costs the trust in all.
//
// They are looked for in files whose form is right. What nobody uses is told only when nothing at all is wrong: a name
// that is misspelt where it is read would else be told twice.

// WarningCodes are the codes of all warnings, sorted: those that a comment `# flowrun: allow` may name.
func WarningCodes() []string {
	return []string{
		"background-at-end", "constant-condition", "first-completed", "limit-of-one", "limit-without-effect", "many-steps",
		"pauses-too-long", "retry-once", "retry-without-delay", "retry-without-timeout", "script-without-effect",
		"secret-not-given", "timeout-never-expires", "unreachable-clause", "unreachable-step", "unused-allow", "unused-id",
		"unused-input", "unused-secret", "unused-semaphore", "unused-variable", "unused-workflow",
	}
}

// EngineCodes are the codes of warnings that are told of a plan only where it is to run on an engine beyond this machine
// (package portable), sorted. A comment may name them in any case.
func EngineCodes() []string {
	return []string{
		"remote-host-path", "remote-large-value", "remote-many-steps", "remote-semaphore", "remote-service", "remote-short-timeout",
	}
}

// warner looks for warnings.
type warner struct {
	*compiler
	found diag.List
	whole bool // nothing is wrong: what nobody reads is known
	// given are the secrets of a file that were told of where a step should have been given them.
	given map[usage]bool
}

func (w *warner) say(d diag.Diagnostic) {
	d.Warning = true
	w.found = append(w.found, d)
}

func (w *warner) add(pos diag.Pos, code, help, format string, args ...any) {
	w.say(diag.Diagnostic{Pos: pos, Code: code, Text: fmt.Sprintf(format, args...), Help: help})
}

// warnings are those of all files, but for what comments in them allow.
func (c *compiler) warnings() diag.List {
	w := &warner{compiler: c, given: map[usage]bool{}, whole: len(c.problems) == 0}
	for _, u := range c.units {
		w.whole = w.whole && u.file.ast.Lost == nil
	}
	for _, u := range c.units {
		if u.file.ast.Lost != nil {
			continue
		}
		w.limits(u)
		for _, p := range u.places {
			w.step(u, p)
		}
	}
	if w.whole {
		w.unused()
	}
	return w.allowed()
}

// step looks at one step by itself.
func (w *warner) step(u *unit, p *place) {
	w.conditions(p)
	w.clauses(p)
	if b := p.block(); b != nil {
		w.block(u, p, b)
	}
	w.list(p.parts.orElse)
	w.list(p.parts.finally)
	if l, ok := p.step.Action.(*ast.Leaf); ok {
		w.script(u, p, l)
	}
}

// unused tells of what is declared and read by nobody.
func (w *warner) unused() {
	for _, u := range w.units {
		for _, in := range u.ast.Inputs {
			if !w.used[usage{u, in.Name.Text}] && !w.used[usage{u, ""}] {
				w.add(in.Name.Pos, "unused-input", fmt.Sprintf("read it as inputs.%s, or take it out", in.Name.Text),
					"the input %q is read by nobody", in.Name.Text)
			}
		}
		if u == u.file.main {
			w.unusedIn(u.file)
		}
		for _, p := range u.places {
			if b := p.block(); b != nil && b.For != nil {
				w.unusedVariables(u, p, b.For)
			}
		}
	}
}

// unusedIn tells of what a file declares for all of its workflows.
func (w *warner) unusedIn(f *file) {
	for _, s := range f.ast.Secrets {
		name := s.Name.Text
		at := usage{f, "secrets." + name}
		if !w.used[at] && !w.given[at] {
			w.say(diag.Diagnostic{
				Pos: s.Name.Pos, Code: "unused-secret", Text: fmt.Sprintf("no step is given the secret %s", name),
				Help: fmt.Sprintf("give it to the step that needs it, as env: {%s: %q}, or take it out", name, "${{ secrets."+name+" }}"),
				Why:  "a secret that is declared is taken out of the environment of every step that does not name it",
			})
		}
	}
	for _, s := range f.ast.Semaphores {
		if !w.used[usage{nil, "semaphores." + s.Name.Text}] { // one space for all files
			w.add(s.Name.Pos, "unused-semaphore", fmt.Sprintf("write semaphore: %s on the steps that it limits, or take it out", s.Name.Text),
				"no step takes the semaphore %q", s.Name.Text)
		}
	}
	w.uncalled(f)
}

// uncalled tells of the workflows that nobody calls; of those that only they call enough is said then.
func (w *warner) uncalled(f *file) {
	reached, called := map[*unit]bool{}, map[*unit]bool{}
	var reach func(u *unit)
	reach = func(u *unit) {
		if u == nil || reached[u] {
			return
		}
		reached[u] = true
		for _, p := range u.places {
			if call, ok := p.step.Action.(*ast.Call); ok {
				if target := u.calls[call]; target != nil && target.file == f {
					called[target] = called[target] || target != u
					reach(target)
				}
			}
		}
	}
	reach(f.main)
	tell := func(u *unit) {
		w.add(u.ast.Name.Pos, "unused-workflow", fmt.Sprintf("call it with call: %s, or take it out", u.ast.Name.Text),
			"the workflow %q is called by nobody", u.ast.Name.Text)
	}
	var rest []*unit
	for _, x := range f.ast.Workflows {
		if u := f.named[x.Name.Text]; !reached[u] {
			rest = append(rest, u)
		}
	}
	for _, u := range rest {
		reach(u)
	}
	heads := slices.DeleteFunc(slices.Clone(rest), func(u *unit) bool { return called[u] })
	if len(heads) == 0 && len(rest) > 0 {
		heads = rest[:1] // they call each other
	}
	for _, u := range heads {
		tell(u)
	}
}

// unusedVariables tells of the variables of a generator that its body does not read. One over numbers may just count.
func (w *warner) unusedVariables(u *unit, p *place, g *ast.Generator) {
	f := p.parts.inner
	if n, exact := u.size(g); exact && n < 2 || w.used[usage{f, "loop"}] {
		return
	}
	if g.In != nil && counts(g.In) {
		return
	}
	for _, v := range g.Vars {
		if !w.used[usage{f, v.Text}] && !strings.HasPrefix(v.Text, "_") {
			w.say(diag.Diagnostic{
				Pos: v.Pos, Code: "unused-variable", Text: fmt.Sprintf("the body of this generator does not read %q", v.Text),
				Help: fmt.Sprintf("read it as ${{ %s }}, or call it _%s", v.Text, v.Text),
				Why:  "the same is done again and again; in a script, too, a variable is read as an expression",
			})
		}
	}
}

// counts says that t is a list of whole numbers.
func counts(t *expr.Template) bool {
	if list, ok := t.Const.([]any); ok && t.Shape == expr.Constant {
		return !slices.ContainsFunc(list, func(x any) bool { _, whole := x.(int); return !whole })
	}
	return t.Expr != nil && (strings.HasPrefix(strings.TrimSpace(t.Expr.Src), "range(") || strings.Contains(t.Expr.Src, ".."))
}
