package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// The marks of an expression in a text.
const (
	open    = "${{"
	closing = "}}"
)

// template reads a value that may hold expressions. What is wrong in it is reported and left out; nil if that is all.
func (r *reader) template(n *yaml.Node, mode kind.Mode) *expr.Template {
	if n = deref(n); n.Kind != yaml.ScalarNode {
		if v, ok := r.whole(n, mode, 1); ok {
			return &expr.Template{Pos: r.text.pos(n), Const: v}
		}
	}
	return r.templateAt(n, mode, 1)
}

// whole is the value of a list or mapping that holds no expression and nothing to report. Most are such, and a template
// for each value inside would be much of what a file costs.
func (r *reader) whole(n *yaml.Node, mode kind.Mode, depth int) (any, bool) {
	if n = deref(n); r.bad[n] || depth > MaxDepth {
		return nil, false
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if strings.Contains(n.Value, open) {
			return nil, false
		}
		v, why, hard := r.constantScalar(n, mode)
		return v, why.code == "" || !hard && mode != kind.Free
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			v, ok := r.whole(c, mode, depth+1)
			if !ok {
				return nil, false
			}
			list[i] = v
		}
		return list, true
	default:
		values := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			v, ok := r.whole(n.Content[i+1], mode, depth+1)
			if !ok {
				return nil, false
			}
			values[deref(n.Content[i]).Value] = v
		}
		return values, true
	}
}

// constantScalar is the value of a scalar without expressions.
func (r *reader) constantScalar(n *yaml.Node, mode kind.Mode) (v any, why doubt, hard bool) {
	if mode != kind.Text && mode != kind.Script {
		return scalar(n)
	}
	if n.Value == "" && n.Style&quoted == 0 {
		return nil, doubt{}, false
	}
	return n.Value, doubt{}, false
}

func (r *reader) templateAt(n *yaml.Node, mode kind.Mode, depth int) *expr.Template {
	n = deref(n)
	if r.bad[n] {
		return nil
	}
	if depth > MaxDepth {
		r.problem(n, "too-deep", "lists and mappings are nested more than %d deep", MaxDepth)
		return nil
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return r.scalarTemplate(n, mode)
	case yaml.SequenceNode:
		return r.list(n, mode, depth)
	default:
		return r.mapping(n, mode, depth)
	}
}

func (r *reader) list(n *yaml.Node, mode kind.Mode, depth int) *expr.Template {
	if mode == kind.Script {
		mode = kind.Text // the items of an argv are data
	}
	t := &expr.Template{Pos: r.text.pos(n), Shape: expr.Sequence, List: make([]*expr.Template, 0, len(n.Content))}
	for _, c := range n.Content {
		if item := r.templateAt(c, mode, depth+1); item != nil { // the rest is looked at all the same
			t.List = append(t.List, item)
		}
	}
	return t
}

func (r *reader) mapping(n *yaml.Node, mode kind.Mode, depth int) *expr.Template {
	if mode == kind.Script {
		mode = kind.Text
	}
	size := len(n.Content) / 2
	t := &expr.Template{
		Pos: r.text.pos(n), Shape: expr.Mapping,
		Keys: make([]string, 0, size), KeyAt: make([]diag.Pos, 0, size), Vals: make([]*expr.Template, 0, size),
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		value := r.templateAt(n.Content[i+1], mode, depth+1)
		if value == nil {
			continue
		}
		t.Keys = append(t.Keys, deref(key).Value)
		t.KeyAt = append(t.KeyAt, r.text.pos(key))
		t.Vals = append(t.Vals, value)
	}
	return t
}

func (r *reader) scalarTemplate(n *yaml.Node, mode kind.Mode) *expr.Template {
	pos := r.text.pos(n)
	if strings.Contains(n.Value, open) {
		return r.interpolation(n, mode)
	}
	v, why, hard := r.constantScalar(n, mode)
	if why.code != "" && (hard || mode == kind.Free) {
		r.doubtful(n, why, hard)
		return nil
	}
	return &expr.Template{Pos: pos, Const: v}
}

// doubtful reports a scalar that has no value, or two.
func (r *reader) doubtful(n *yaml.Node, why doubt, hard bool) {
	r.problem(n, why.code, "%s", why.text)
	if why.code == "ambiguous-scalar" {
		r.why("YAML 1.1 and 1.2 are both in use, and an editor or another program may read the other one")
	}
	switch help := `write "` + brief(n.Value) + `" if a text is meant`; {
	case hard && why.code == "bad-tag":
	case !hard && yaml11Bool(n.Value):
		r.help(help + ", true or false if not")
	default:
		r.help(help)
	}
	// Values are JSON, which knows neither instants nor the base 60: it can be a text only.
	if !hard && (date(n.Value) || sexagesimal(n.Value)) {
		r.mendToken(n, quotes(n.Value))
	}
}

// interpolation reads a scalar with `${{` in it.
func (r *reader) interpolation(n *yaml.Node, mode kind.Mode) *expr.Template {
	if r.cutExpression(n) {
		return nil
	}
	pos := r.text.pos(n)
	parts, single, problems := expr.ParseText(n.Value, r.text.inside(n))
	if len(problems) > 0 {
		r.problems = append(r.problems, problems...)
		r.mark(n)
		if !slices.ContainsFunc(parts, func(p expr.Part) bool { return p.Expr != nil }) {
			return nil
		}
		return &expr.Template{Pos: pos, Shape: expr.Interpolated, Parts: parts}
	}
	if single != nil {
		parts = []expr.Part{{Expr: single}}
	}
	first := -1
	for i, p := range parts {
		if p.Expr != nil {
			first = i
			break
		}
	}
	switch {
	case first < 0: // only `$${{`
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(p.Text)
		}
		return &expr.Template{Pos: pos, Const: b.String()}
	case mode == kind.Literal:
		r.problemAt(parts[first].Expr.Pos(), n, "no-expression", "an expression may not stand here: this is read literally")
		r.why("what stands here is known before a run, so that the whole file can be checked")
		return nil
	case single != nil:
		return &expr.Template{Pos: pos, Shape: expr.Single, Expr: single}
	}
	return &expr.Template{Pos: pos, Shape: expr.Interpolated, Parts: parts}
}

// condition reads a scalar that is an expression by nature: the braces may be left out.
func (r *reader) condition(n *yaml.Node) *expr.Template {
	n = deref(n)
	if r.bad[n] {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		r.mismatch(n)
		return nil
	}
	pos := r.text.pos(n)
	text := strings.TrimSpace(n.Value)
	if strings.HasPrefix(text, open) && strings.HasSuffix(text, closing) || r.cutExpression(n) {
		t := r.template(n, kind.Typed)
		if t != nil && t.Shape != expr.Single {
			r.problem(n, "not-an-expression", "one expression is wanted here, and this is a text with expressions in it")
			return nil
		}
		return t
	}
	if text == "" {
		r.problem(n, "not-an-expression", "an expression is missing here")
		return nil
	}
	inside, before := r.text.inside(n), strings.Index(n.Value, text)
	e, problems := expr.Parse(text, func(offset int) diag.Pos { return inside(before + offset) })
	if len(problems) > 0 && r.cutByComment(n) {
		return nil
	}
	if len(problems) > 0 {
		r.problems = append(r.problems, problems...)
		r.mark(n)
		return nil
	}
	return &expr.Template{Pos: pos, Shape: expr.Single, Expr: e}
}

// sequenceOrCondition reads `in`: an expression or a list.
func (r *reader) sequenceOrCondition(n *yaml.Node) *expr.Template {
	if deref(n).Kind == yaml.SequenceNode {
		return r.template(n, kind.Free)
	}
	return r.condition(n)
}
