package executor

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// CheckInputs fills in the defaults of the workflow's inputs and checks what is given. The error is a diag.List
// with everything that is wrong. Run does the same; a program that only wants to know calls it by itself.
func CheckInputs(p *plan.Plan, given map[string]any) (map[string]any, error) {
	values, problems := inputs(p, given)
	return values, problems.Err()
}

func inputs(p *plan.Plan, given map[string]any) (map[string]any, diag.List) {
	var problems diag.List
	values := make(map[string]any, len(p.Main.Inputs))
	names := make([]string, 0, len(p.Main.Inputs))
	for _, in := range p.Main.Inputs {
		name := in.Name.Text
		names = append(names, name)
		v, ok := given[name]
		switch {
		case !ok && in.Required:
			problems = append(problems, diag.Diagnostic{
				Pos: in.Name.Pos, Code: "missing-input", Text: fmt.Sprintf("input %q is required and was not given", name),
				Help: fmt.Sprintf("give it: --input %s=...", name),
			})
		case !ok:
			values[name] = in.Default
		default:
			c, err := event.Canonical(v)
			text := ""
			if err != nil {
				text = err.Error()
			} else {
				text = spec.InputProblem(in, c)
			}
			if text != "" {
				problems.Add(in.Name.Pos, "bad-input", "input %q: %s", name, text)
			}
			values[name] = c
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			problems = append(problems, unknownInput(p, name, names))
		}
	}
	return values, problems
}

func unknownInput(p *plan.Plan, name string, names []string) diag.Diagnostic {
	d := diag.Diagnostic{
		Pos: diag.Pos{File: p.File}, Code: "unknown-input", Text: fmt.Sprintf("there is no input %q", name),
		Help: "the workflow has no inputs",
	}
	if len(names) > 0 {
		d.Help = "the inputs are " + diag.Names(names)
	}
	if near := diag.Nearest(name, names); near != "" {
		d.Help = "did you mean " + near + "?"
	}
	return d
}
