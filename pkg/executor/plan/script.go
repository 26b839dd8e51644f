package plan

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// program says whether an argument of a leaf is a program with expressions in it.
func program(k *kind.Kind, arg ast.Pair) bool {
	if arg.Value == nil || arg.Value.Shape != expr.Single && arg.Value.Shape != expr.Interpolated {
		return false
	}
	if k.Probe {
		return arg.Key.Text == "run"
	}
	for i := range k.Keys {
		if k.Keys[i].Name == arg.Key.Text {
			return k.Keys[i].Mode == kind.Script
		}
	}
	return false
}

// script resolves a program with expressions. Its value is no text but the map of kind.Quoted, so that no value can become
// a part of the program.
func (u *unit) script(p *place, a *ast.Leaf, t *expr.Template, s site) {
	exprs := t.Exprs()
	q := kind.Quoted{Wrong: []kind.Misplaced{{Text: "an expression cannot stand here: its value would be read as code"}}}
	if p.step.Partial || u.lost("shell") {
		q = kind.Quoted{} // what reads it is not known
		for i := range exprs {
			q.Reads = append(q.Reads, i)
		}
	} else if a.Kind.Quote != nil {
		q = a.Kind.Quote(pieces(t), sources(exprs), constants(p.args(a)))
	}
	for _, w := range q.Wrong {
		d := diag.Diagnostic{Pos: t.Pos, Code: "script-expression", Text: w.Text, Help: w.Help}
		if w.Expr >= 0 {
			d.Pos, d.Why = exprs[w.Expr].Pos(), "a value in a script is data, never code; here it would be read as code"
			if d.Help == "" {
				d.Help = fmt.Sprintf(`put the value into env, as env: {NAME: "${{ %s }}"}, and write "$NAME" in the script`,
					strings.TrimSpace(exprs[w.Expr].Src))
			}
		} else if t.Shape == expr.Interpolated {
			d.Code, d.Pos = "script-syntax", scriptPos(t, w.Piece, w.Offset)
		}
		u.c.say(d)
	}
	values := &expr.Template{Pos: t.Pos, Shape: expr.Sequence}
	for _, i := range q.Reads {
		values.List = append(values.List, &expr.Template{
			Pos: exprs[i].Pos(), Shape: expr.Interpolated, Parts: []expr.Part{{Expr: exprs[i]}},
		})
	}
	u.valueFor(t, &expr.Template{
		Pos: t.Pos, Shape: expr.Mapping, Keys: []string{kind.QuotedText, kind.QuotedValues},
		KeyAt: []diag.Pos{t.Pos, t.Pos}, Vals: []*expr.Template{expr.New(t.Pos, q.Text), values},
	}, s, expr.Any)
}

// pieces are the texts around the expressions of a template.
func pieces(t *expr.Template) []string {
	out := []string{""}
	for _, p := range t.Parts {
		if p.Expr != nil {
			out = append(out, "")
		} else {
			out[len(out)-1] = p.Text
		}
	}
	if t.Shape == expr.Single {
		out = append(out, "")
	}
	return out
}

// sources are expressions as written.
func sources(exprs []*expr.Expr) []string {
	out := make([]string, len(exprs))
	for i, e := range exprs {
		out[i] = strings.TrimSpace(e.Src)
	}
	return out
}

// scriptPos is the place of a byte of a piece of the text.
func scriptPos(t *expr.Template, piece, offset int) diag.Pos {
	for i, p := range t.Parts {
		if piece == 0 && p.Expr == nil {
			return t.At(i, offset)
		}
		if p.Expr != nil {
			if piece == 0 {
				return p.Expr.Pos()
			}
			piece--
		}
	}
	return t.Pos
}

// constants are the arguments that are known when the file is read.
func constants(args []ast.Pair) map[string]any {
	out := make(map[string]any, len(args))
	for _, a := range args {
		if a.Value != nil && a.Value.Shape == expr.Constant {
			out[a.Key.Text] = a.Value.Const
		}
	}
	return out
}
