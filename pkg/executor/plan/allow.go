package plan

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Silence takes the warnings out of found that comments in the files allow. With the rest come those comments that name one
// of codes and silence nothing.
func (p *Plan) Silence(found diag.List, codes []string) diag.List {
	out, used := silenced(found, p.Allows)
	for _, a := range p.Allows {
		for i := range a.Codes {
			if slices.Contains(codes, a.Codes[i].Text) && !used[&a.Codes[i]] {
				out = append(out, idle(a, a.Codes[i]))
			}
		}
	}
	return out
}

// silenced are the warnings that no comment allows, and what of the comments is of use.
func silenced(found diag.List, comments []*ast.Allow) (rest diag.List, used map[*ast.Name]bool) {
	type line struct {
		file string
		n    int
		what string
	}
	allows := map[line]*ast.Name{} // a comment before the first key has the line 0
	used = map[*ast.Name]bool{}
	for _, a := range comments {
		for i := range a.Codes {
			at := line{a.Pos.File, a.Line, a.Codes[i].Text}
			if allows[at] == nil {
				allows[at] = &a.Codes[i]
			}
		}
	}
	if len(allows) == 0 {
		return found, used
	}
	rest = slices.DeleteFunc(found, func(d diag.Diagnostic) bool {
		if !d.Warning {
			return false
		}
		here, above := allows[line{d.Pos.File, d.Pos.Line, d.Code}], allows[line{d.Pos.File, 0, d.Code}]
		used[here], used[above] = true, true
		return here != nil || above != nil
	})
	return rest, used
}

// allowed are the warnings that no comment allows. With them come the comments that do nothing.
func (w *warner) allowed() diag.List {
	out, used := silenced(w.found, w.plan.Allows)
	if w.whole {
		for _, a := range w.plan.Allows {
			out = append(out, w.vain(a, used)...)
		}
	}
	return out
}

// vain is what is wrong with a comment that allows warnings.
func (w *warner) vain(a *ast.Allow, used map[*ast.Name]bool) (out diag.List) {
	if len(a.Codes) == 0 {
		out = append(out, unusedAllow(a.Pos, "write # flowrun: allow CODE", "this comment allows nothing, for it names no warning"))
	}
	for i, name := range a.Codes {
		switch {
		case slices.Contains(WarningCodes(), name.Text):
			if !used[&a.Codes[i]] {
				out = append(out, idle(a, name))
			}
		case !slices.Contains(EngineCodes(), name.Text):
			known := slices.Concat(WarningCodes(), EngineCodes())
			out = append(out, unusedAllow(name.Pos, w.guess(name.Text, known), fmt.Sprintf("%q is the code of no warning, and only warnings can be allowed", name.Text)))
		}
	}
	return out
}

// idle says that a comment allows a warning that there is not.
func idle(a *ast.Allow, name ast.Name) diag.Diagnostic {
	where := "on this line"
	if a.Line == 0 {
		where = "in this file"
	} else if a.Line != a.Pos.Line {
		where = fmt.Sprintf("on line %d", a.Line)
	}
	return unusedAllow(name.Pos, "take it out", fmt.Sprintf("there is no warning %s %s that could be allowed", name.Text, where))
}

func unusedAllow(pos diag.Pos, help, text string) diag.Diagnostic {
	return diag.Diagnostic{Pos: pos, Code: "unused-allow", Text: text, Help: help, Warning: true}
}
