package expr

import (
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Template is a value of the file that may hold expressions: a scalar, a list or a mapping. It is immutable.
// Exactly one shape is set; a constant has none of the others.
type Template struct {
	Pos   diag.Pos
	Const any    // the value, when no expression is inside; canonical JSON
	Expr  *Expr  // the whole scalar is one expression: the value keeps its type
	Parts []Part // a text with expressions inside: interpolated
	List  []*Template
	Keys  []string // of a mapping, in the order of the file
	Vals  []*Template
	KeyAt []diag.Pos
	Shape Shape
}

// Shape says which fields of a Template are set.
type Shape uint8

// The shapes.
const (
	Constant Shape = iota
	Single
	Interpolated
	Sequence
	Mapping
)

// Part is a piece of an interpolated text: Expr, or Text when Expr is nil.
type Part struct {
	Text string
	Expr *Expr
}

// New is the template of a constant, which must be canonical.
func New(pos diag.Pos, value any) *Template { return &Template{Pos: pos, Const: value} }

// NewExpr is the template of one expression.
func NewExpr(pos diag.Pos, e *Expr) *Template { return &Template{Pos: pos, Expr: e, Shape: Single} }

// maxTextProblems is after how many problems in one text the rest of it is not looked at.
const maxTextProblems = 100

// ParseText finds the expressions in a scalar. `$${{` stands for a literal `${{`. If the scalar, white space around it
// aside, is one expression, that is single and parts are nil. A text without any is one part, an empty one none.
// The end of an expression is found by its own quotes and braces, also on a later line: `${{ {"a": {"b": "}}"}} }}`.
func ParseText(text string, pos func(offset int) diag.Pos) (parts []Part, single *Expr, errs diag.List) {
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, Part{Text: plain.String()})
			plain.Reset()
		}
	}
	only := strings.TrimSpace(text)
	begin := strings.Index(text, only)
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$${{"):
			plain.WriteString("${{")
			i += len("$${{")
		case strings.HasPrefix(text[i:], "${{"):
			start := i + len("${{")
			end, quote := endOf(text, start)
			if end < 0 {
				return parts, nil, append(errs, unterminated(text, i, quote, pos))
			}
			e, problems := Parse(text[start:end], func(offset int) diag.Pos { return pos(start + offset) })
			errs = append(errs, problems...)
			if len(errs) >= maxTextProblems {
				return parts, nil, errs
			}
			if i == begin && end+len("}}") == begin+len(only) {
				return nil, e, errs
			}
			if e != nil {
				flush()
				parts = append(parts, Part{Expr: e})
			}
			i = end + len("}}")
		default:
			plain.WriteByte(text[i])
			i++
		}
	}
	flush()
	return parts, nil, errs
}

// unterminated tells why the expression at i has no end. A quote that is not closed, the usual reason, swallows the }}.
func unterminated(text string, i, quote int, pos func(offset int) diag.Pos) diag.Diagnostic {
	if quote >= 0 {
		if end := skipString(text, quote); end < 0 || strings.Contains(text[quote:end], "\n") {
			return diag.Diagnostic{Pos: pos(quote), Code: syntaxCode, Text: noClosingQuote}
		}
	}
	d := diag.Diagnostic{Pos: pos(i), Code: "expression-unterminated", Text: "this ${{ has no }}"}
	if quote >= 0 {
		d.Help = "a }} inside quotes does not end it: is a quote missing?"
	}
	return d
}

// endOf gives the offset of the }} that ends the expression at i, or -1. quote is where the first text begins that has no
// end or has a }} inside, or -1.
func endOf(text string, i int) (end, quote int) {
	depth := 0
	quote = -1
	for i < len(text) {
		switch c := text[i]; c {
		case '"', '\'', '`':
			after := skipString(text, i)
			if quote < 0 && (after < 0 || strings.Contains(text[i:after], "}}")) {
				quote = i
			}
			if after < 0 {
				return -1, quote
			}
			i = after
			continue
		case '{':
			depth++
		case '}':
			if depth == 0 && strings.HasPrefix(text[i:], "}}") {
				return i, quote
			}
			depth = max(0, depth-1)
		}
		i++
	}
	return -1, quote
}

// At is the place of a byte of a part of an interpolated text.
func (t *Template) At(part, offset int) diag.Pos {
	if part > 0 && t.Parts[part-1].Expr != nil {
		e := t.Parts[part-1].Expr
		return e.pos(len(e.Src) + len("}}") + offset)
	}
	if part+1 < len(t.Parts) && t.Parts[part+1].Expr != nil {
		return t.Parts[part+1].Expr.pos(offset - len(t.Parts[part].Text) - len("${{"))
	}
	return t.Pos
}

// Exprs lists the expressions inside t in the order of the file.
func (t *Template) Exprs() []*Expr {
	if t == nil {
		return nil
	}
	var out []*Expr
	switch t.Shape {
	case Constant:
	case Single:
		out = append(out, t.Expr)
	case Interpolated:
		for _, p := range t.Parts {
			if p.Expr != nil {
				out = append(out, p.Expr)
			}
		}
	case Sequence:
		for _, x := range t.List {
			out = append(out, x.Exprs()...)
		}
	case Mapping:
		for _, x := range t.Vals {
			out = append(out, x.Exprs()...)
		}
	default:
		panic("expr: unknown shape of a template")
	}
	return out
}

// Check checks every expression inside t. want is for the whole (a text with parts is always a String). A nil t, which
// stands where the file was wrong, gives nil.
func (t *Template) Check(names map[string]Type, want TypeKind) (*Value, diag.List) {
	if t == nil {
		return nil, nil
	}
	var errs diag.List
	v := &Value{shape: t.Shape, want: want}
	switch t.Shape {
	case Constant:
		c, err := convert(t.Const, want)
		if err != nil {
			errs.Add(t.Pos, typeCode, "%s", err.Message)
			return nil, errs
		}
		v.constant = c
		return v, nil
	case Single:
		p, problems := t.Expr.Check(names, want)
		v.items, errs = []item{{prog: p}}, problems
	case Interpolated:
		errs = t.wants(String, want)
		for _, part := range t.Parts {
			it := item{text: part.Text}
			if part.Expr != nil {
				p, problems := part.Expr.Check(names, Any)
				it.prog, errs = p, append(errs, problems...)
			}
			v.items = append(v.items, it)
		}
	case Sequence:
		errs = t.wants(List, want)
		v.items, errs = checkAll(t.List, nil, names, errs)
	case Mapping:
		errs = t.wants(Map, want)
		v.items, errs = checkAll(t.Vals, t.Keys, names, errs)
	default:
		panic("expr: unknown shape of a template")
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return v.fold(), nil
}

func (t *Template) wants(kind, want TypeKind) (errs diag.List) {
	if !fits(kind, want) {
		errs.Add(t.Pos, typeCode, "%s is wanted here, but this is %s", want, kind)
	}
	return errs
}

func checkAll(list []*Template, keys []string, names map[string]Type, errs diag.List) ([]item, diag.List) {
	items := make([]item, len(list))
	for i, t := range list {
		v, problems := t.Check(names, Any)
		errs = append(errs, problems...)
		items[i].value = v
		if keys != nil {
			items[i].text = keys[i]
		}
	}
	return items, errs
}

// Value is a checked template. Safe for use by several goroutines.
type Value struct {
	shape    Shape
	want     TypeKind
	constant any
	items    []item
}

// item is one part of a text, item of a list (value) or entry of a mapping (text is its key).
type item struct {
	text  string
	prog  *Program
	value *Value
}

// fold makes a list or a mapping of constants a constant.
func (v *Value) fold() *Value {
	if v.shape != Sequence && v.shape != Mapping {
		return v
	}
	for _, it := range v.items {
		if it.value == nil || it.value.shape != Constant {
			return v
		}
	}
	c, err := v.collection(nil)
	if err != nil {
		panic("expr: a constant cannot be evaluated: " + err.Error())
	}
	return &Value{want: v.want, constant: c}
}

// Literal is the value of a constant.
func Literal(constant any) *Value { return &Value{constant: constant} }

// Constant returns the value when it needs no evaluation.
func (v *Value) Constant() (any, bool) {
	return v.constant, v.shape == Constant
}

// Parts are the values that v is made of if it is one of that shape, each of the same names as v: the parts of a text, the
// items of a list, the values of a mapping. Nil if it is not.
func (v *Value) Parts(shape Shape) []*Value {
	if v.shape != shape {
		return nil
	}
	var out []*Value
	for _, it := range v.items {
		switch {
		case it.value != nil:
			out = append(out, it.value)
		case it.prog != nil:
			out = append(out, &Value{shape: Single, items: []item{it}})
		default:
			out = append(out, Literal(it.text))
		}
	}
	return out
}

// Eval gives the value: canonical JSON. The error is an *event.Error. See Program.Eval for env.
func (v *Value) Eval(env map[string]any) (any, error) {
	switch v.shape {
	case Constant:
		return v.constant, nil
	case Single:
		return v.items[0].prog.Eval(env)
	case Interpolated:
		return v.interpolate(env)
	default:
		return v.collection(env)
	}
}

// interpolate puts a text together: texts as they are, other values as JSON.
func (v *Value) interpolate(env map[string]any) (any, error) {
	b := newBudget()
	var out []byte
	for _, it := range v.items {
		if it.prog == nil {
			out = append(out, it.text...)
			continue
		}
		x, err := it.prog.Eval(env)
		if err != nil {
			return nil, err
		}
		s, failed := shown(b, x)
		if failed != nil {
			return nil, failed
		}
		if len(out)+len(s) > maxText {
			return nil, failure("the text has more than %d MiB", maxText>>20)
		}
		out = append(out, s...)
	}
	return string(out), nil
}

func shown(b *budget, x any) (s string, err *event.Error) {
	defer catch(&err)
	return b.show(x), nil
}

func (v *Value) collection(env map[string]any) (any, error) {
	list := make([]any, len(v.items))
	for i, it := range v.items {
		x, err := it.value.Eval(env)
		if err != nil {
			return nil, err
		}
		list[i] = x
	}
	if v.shape == Sequence {
		return list, nil
	}
	m := make(map[string]any, len(list))
	for i, it := range v.items {
		m[it.text] = list[i]
	}
	return m, nil
}
