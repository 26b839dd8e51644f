package executor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// CheckInputs fills in the defaults of the workflow's inputs and checks those of opt. The error is a diag.List
// with everything that is wrong. Run does the same; a program that only wants to know calls it by itself.
func CheckInputs(p *plan.Plan, opt Options) (map[string]any, error) {
	values, _, problems := inputs(p, opt)
	return values, problems.Err()
}

// inputs also gives the texts to mask.
func inputs(p *plan.Plan, opt Options) (values map[string]any, masked []string, problems diag.List) {
	values = make(map[string]any, len(p.Main.Inputs))
	names := make([]string, 0, len(p.Main.Inputs))
	for _, in := range p.Main.Inputs {
		name := in.Name.Text
		names = append(names, name)
		v, given := opt.Inputs[name]
		if !given && in.Required {
			problems = append(problems, diag.Diagnostic{
				Pos: in.Name.Pos, Code: "missing-input", Text: fmt.Sprintf("input %q is required and was not given", name),
				Help: fmt.Sprintf("give it: --input %s=...", name),
			})
			continue
		}
		if !given {
			v = in.Default
		}
		c, err := event.Canonical(v)
		problem := ""
		switch {
		case err != nil:
			problem = err.Error()
		case given:
			problem = in.Problem(c)
		}
		if problem != "" {
			problems = append(problems, aboutInput(in, opt, "bad-input", fmt.Sprintf("input %q: %s", name, problem)))
			continue
		}
		values[name] = c
		if !in.Secret {
			continue
		}
		texts := textsIn(c, nil)
		if slices.ContainsFunc(texts, func(s string) bool { return len(s) < minSecret }) {
			problems = append(problems, aboutInput(in, opt, "short-secret",
				fmt.Sprintf("input %q is secret, shorter than %d characters, and cannot be masked", name, minSecret)))
		}
		masked = append(masked, texts...)
	}
	for _, name := range slices.Sorted(maps.Keys(opt.Inputs)) {
		if !slices.Contains(names, name) {
			problems = append(problems, unknownInput(p, opt, name, names))
		}
	}
	return values, masked, problems
}

// aboutInput is a problem with the value of an input: at the place where it was given, if that is known.
func aboutInput(in *ast.Input, opt Options, code, text string) diag.Diagnostic {
	d := diag.Diagnostic{Pos: in.Name.Pos, Code: code, Text: text}
	if at, ok := opt.Places[in.Name.Text]; ok {
		d.Pos, d.Other, d.OtherText = at, in.Name.Pos, "it is declared here"
	}
	return d
}

// textsIn appends what has to be masked where v is secret: its texts and numbers. An empty text is none.
func textsIn(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			to = append(to, v)
		}
	case int:
		to = append(to, strconv.Itoa(v))
	case float64:
		to = append(to, strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		for _, x := range v {
			to = textsIn(x, to)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			to = textsIn(v[k], to)
		}
	}
	return to
}

func unknownInput(p *plan.Plan, opt Options, name string, names []string) diag.Diagnostic {
	d := diag.Diagnostic{
		Pos: diag.Pos{File: p.File}, Code: "unknown-input", Text: fmt.Sprintf("there is no input %q", name),
		Help: cmp.Or(diag.Suggest(name, names), "the workflow has no inputs"),
	}
	if at, ok := opt.Places[name]; ok {
		d.Pos = at
	}
	return d
}
