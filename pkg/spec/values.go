package spec

import (
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Values reads a YAML or JSON file that is one mapping of names to values, as --inputs-file is. The rules for
// scalars are those of a workflow file where any value may stand; there are no expressions. The error is a diag.List.
func Values(path string, src []byte) (map[string]any, error) {
	r := &reader{text: newText(path, src), lang: languageOf(nil)}
	root := r.tree(src)
	if root == nil {
		for i := range r.problems { // what is said of a workflow file does not fit
			switch p := &r.problems[i]; p.Code {
			case "empty-file":
				p.Help = "write {} for no values"
			case "wrong-type":
				p.Text, p.Help = "the file must be a mapping of names to values", ""
			}
		}
		return nil, r.problems.Err()
	}
	t := r.template(root, kind.Free)
	if err := r.err(); err != nil {
		return nil, err
	}
	if t.Shape != expr.Constant {
		r.problem(root, "no-expression", "values may not hold expressions")
		return nil, r.problems.Err()
	}
	return t.Const.(map[string]any), nil
}
