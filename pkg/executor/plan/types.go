package plan

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// errorTypes refuses the type in a match that no error has, if it is nearly one that there is. Any other name may be that
// of an error of a program's own kind.
func (c *compiler) errorTypes() {
	known := event.Types()
	for _, u := range c.units {
		for _, p := range u.places {
			typ, ok := failType(p.step.Action)
			if !ok {
				return // the run will tell
			}
			if typ != "" {
				known = append(known, typ)
			}
		}
	}
	for _, u := range c.units {
		for _, p := range u.places {
			for _, m := range matchesOf(p.step) {
				for _, name := range m.Types {
					if near := nearType(name.Text, known); near != "" && !slices.Contains(known, name.Text) && c.mayGuess() {
						c.add(name.Pos, "unknown-error-type", diag.DidYouMean(near), "no error has the type %s", name.Text)
					}
				}
			}
		}
	}
}

// nearType is diag.Nearest for types. That both end in Error does not make them alike, and short ones often are by chance.
func nearType(name string, known []string) string {
	const end, least = "Error", 5
	stem, ok := strings.CutSuffix(name, end)
	if !ok {
		return diag.Nearest(name, known)
	}
	if len(stem) < least {
		return ""
	}
	var stems []string
	for _, k := range known {
		stems = append(stems, strings.TrimSuffix(k, end))
	}
	if i := slices.Index(stems, diag.Nearest(stem, stems)); i >= 0 {
		return known[i]
	}
	return ""
}

// matchesOf are all patterns over errors that a step has of its own.
func matchesOf(s *ast.Step) []*ast.Match {
	var out []*ast.Match
	for _, clause := range s.Handlers.Except {
		out = append(out, clause.Match...)
	}
	if s.Retry != nil {
		out = append(out, s.Retry.Match...)
	}
	if s.Defaults != nil && s.Defaults.Retry != nil {
		out = append(out, s.Defaults.Retry.Match...)
	}
	return out
}

// failType is the type that a fail gives its error, "" for none of its own; not ok: it is computed.
func failType(a ast.Action) (string, bool) {
	leaf, ok := a.(*ast.Leaf)
	if !ok || leaf.Kind.Name != "fail" || len(leaf.Args) == 0 || leaf.Args[0].Value == nil {
		return "", true
	}
	t := leaf.Args[0].Value
	switch t.Shape {
	case expr.Constant:
		m, _ := t.Const.(map[string]any)
		typ, _ := m["type"].(string)
		return typ, true
	case expr.Mapping:
		i := slices.Index(t.Keys, "type")
		if i < 0 {
			return "", true
		}
		typ, ok := t.Vals[i].Const.(string)
		return typ, ok && t.Vals[i].Shape == expr.Constant
	case expr.Single:
		return "", t.Expr.IsName("error") // which one of those that there are
	}
	return "", true
}
