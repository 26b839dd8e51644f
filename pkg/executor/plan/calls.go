package plan

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// isFile says whether the target of a call names a file.
func isFile(target string) bool {
	return strings.Contains(target, "/") || strings.HasSuffix(target, ".yaml") || strings.HasSuffix(target, ".yml")
}

// link finds what a call calls, opening its file when it is the first to name it.
func (u *unit) link(call *ast.Call) {
	name := call.Target.Text
	if name == "" {
		return
	}
	if !isFile(name) {
		target, ok := u.file.named[name]
		if !ok {
			if u.lost(name) {
				return
			}
			var known []string
			for _, w := range u.file.ast.Workflows {
				known = append(known, w.Name.Text)
			}
			help := u.c.guess(name, known)
			if len(known) == 0 {
				help = "declare it under `workflows` at the top of the file; a file is named with a slash or its ending, as ./" + name + ".yaml"
			}
			u.c.add(call.Target.Pos, "unknown-workflow", help, "there is no workflow %q in this file", name)
			return
		}
		u.calls[call] = target
		return
	}
	if f := u.c.load(call.Target, u.file.ast.Dir); f != nil {
		u.calls[call] = f.main
	}
}

// load opens a file that a call names; nil if it cannot, which is said here, once for each place.
func (c *compiler) load(target ast.Name, dir string) *file {
	path := target.Text
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if f, ok := c.files[path]; ok {
		return f
	}
	if c.opt.Open == nil {
		c.add(target.Pos, "call", "", "other files cannot be called here")
		return nil
	}
	f, err := c.opt.Open(dir, target.Text)
	if err == nil {
		return c.open(path, f)
	}
	var list diag.List
	if errors.As(err, &list) {
		c.problems = append(c.problems, list...)
		if f != nil {
			return c.open(path, f)
		}
		c.files[path] = nil
		return nil
	}
	c.add(target.Pos, "call", "the path is relative to the folder of this file", "%s cannot be read: %v", target.Text, err)
	return nil
}

// with checks the arguments of a call against the inputs of what it calls.
func (u *unit) with(call *ast.Call, s site) {
	target := u.calls[call]
	s.argument = true
	given := map[string]bool{}
	sure := !s.at.step.Partial // that an input is missing: neither lost nor misspelt
	for _, a := range call.With {
		given[a.Key.Text] = true
		var in *ast.Input
		if target != nil {
			if in = input(target.ast.Inputs, a.Key.Text); in == nil {
				sure = false
			}
			if in == nil && !target.lost(a.Key.Text) {
				u.c.add(a.Key.Pos, "unknown-input", u.c.guess(a.Key.Text, inputNames(target.ast.Inputs)),
					"%s has no input %q", call.Target.Text, a.Key.Text)
			}
		}
		want := expr.Any
		s.secret = in == nil || in.Secret // of an unknown input enough is said
		if in != nil && a.Value != nil {
			want = typeOf(in.Type).Kind
			if v, ok := shapeOf(a.Value); ok {
				want = expr.Any // what is said of a constant here is not said again by the check of its type
				if text := u.c.problem(in, a.Value.Shape == expr.Constant, v); text != "" {
					u.c.add(a.Value.Pos, "bad-input", "", "the input %q of %s: %s", in.Name.Text, call.Target.Text, text)
				}
			}
		}
		u.value(a.Value, s, want)
	}
	if target == nil || !sure {
		return
	}
	for _, in := range target.ast.Inputs {
		if in.Required && !given[in.Name.Text] {
			u.c.add(call.Target.Pos, "missing-input", fmt.Sprintf("with: {%s: ...}", in.Name.Text),
				"%s needs the input %q", call.Target.Text, in.Name.Text)
		}
	}
}

func input(list []*ast.Input, name string) *ast.Input {
	i := slices.IndexFunc(list, func(in *ast.Input) bool { return in.Name.Text == name })
	if i < 0 {
		return nil
	}
	return list[i]
}

func inputNames(list []*ast.Input) []string {
	var out []string
	for _, in := range list {
		out = append(out, in.Name.Text)
	}
	return out
}

// shapeOf is a template as far as it is known whatever the expressions inside give: the value of a constant, an
// empty value of the shape of a text, list or mapping.
func shapeOf(t *expr.Template) (any, bool) {
	switch t.Shape {
	case expr.Constant:
		return t.Const, true
	case expr.Interpolated:
		return "", true
	case expr.Sequence:
		return []any{}, true
	case expr.Mapping:
		return map[string]any{}, true
	default:
		return nil, false
	}
}

// problem says what is wrong with v for in; of a value that is not whole only the type counts.
func (c *compiler) problem(in *ast.Input, whole bool, v any) string {
	if whole {
		return in.Problem(v)
	}
	ok := true
	switch in.Type {
	case "string":
		_, ok = v.(string)
	case "integer":
		f, isFloat := v.(float64)
		_, ok = v.(int)
		ok = ok || isFloat && f == float64(int(f))
	case "number":
		_, isInt := v.(int)
		_, ok = v.(float64)
		ok = ok || isInt
	case "boolean":
		_, ok = v.(bool)
	case "array":
		_, ok = v.([]any)
	case "object":
		_, ok = v.(map[string]any)
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("it must be %s, and this is not", article(in.Type))
}

func article(typ string) string {
	if strings.ContainsAny(typ[:1], "aio") {
		return "an " + typ
	}
	return "a " + typ
}

// inputTypes is the type of `inputs`.
func inputTypes(list []*ast.Input) expr.Type {
	fields := make(map[string]expr.Type, len(list))
	for _, in := range list {
		fields[in.Name.Text] = typeOf(in.Type)
	}
	return expr.Type{Kind: expr.Map, Fields: fields}
}

func typeOf(typ string) expr.Type {
	switch typ {
	case "string":
		return expr.Type{Kind: expr.String}
	case "integer":
		return expr.Type{Kind: expr.Int}
	case "number":
		return expr.Type{Kind: expr.Float}
	case "boolean":
		return expr.Type{Kind: expr.Bool}
	case "array":
		return expr.Type{Kind: expr.List}
	case "object":
		return expr.Type{Kind: expr.Map}
	default:
		return expr.Type{}
	}
}
