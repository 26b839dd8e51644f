package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Value is one entry of a file of values.
type Value struct {
	V   any
	Pos diag.Pos // of the value
	// Wrong: the value could not be read, and the error says why.
	Wrong bool
}

// Values reads a file that is one mapping of names to values, as --inputs-file is. Values are data: nothing in them
// is an expression. A JSON text is read as JSON says. Of any other text the scalars are read as in a workflow file where any
// value may stand: what YAML 1.1 reads otherwise is refused.
//
// The error is a diag.List. The values are then what could be read; nil if nothing could.
func Values(path string, src []byte) (map[string]Value, error) {
	r := &reader{text: newText(path, src), lang: languageOf(nil)}
	if len(src) <= MaxBytes && strings.HasPrefix(strings.TrimLeft(r.text.src, " \t\r\n"), "{") && json.Valid([]byte(r.text.src)) {
		return r.jsonValues()
	}
	values := r.yamlValues(src)
	for i := range r.problems {
		r.problems[i].Fix = nil // validate --fix is for workflow files
	}
	return values, r.problems.Err()
}

func (r *reader) yamlValues(src []byte) map[string]Value {
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
		return nil
	}
	values := make(map[string]Value, len(root.Content)/2)
	for i := 0; i < len(root.Content); i += 2 {
		before := len(r.problems)
		n := root.Content[i+1]
		v := r.constant(n, 1)
		values[deref(root.Content[i]).Value] = Value{V: v, Pos: r.text.pos(n), Wrong: len(r.problems) > before || r.bad[deref(n)]}
	}
	return values
}

// constant is the value of n, in which `${{` is a text like any other.
func (r *reader) constant(n *yaml.Node, depth int) any {
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
		v, why, hard := scalar(n)
		if why.code != "" {
			r.doubtful(n, why, hard)
		}
		return v
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = r.constant(c, depth+1)
		}
		return list
	default:
		values := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			values[deref(n.Content[i]).Value] = r.constant(n.Content[i+1], depth+1)
		}
		return values
	}
}

// jsonValues reads the text as JSON, which it is: an object.
func (r *reader) jsonValues() (map[string]Value, error) {
	values := map[string]Value{}
	dec := json.NewDecoder(strings.NewReader(r.text.src))
	must := func(err error) {
		if err != nil {
			panic("spec: JSON that is valid and cannot be read: " + err.Error())
		}
	}
	_, err := dec.Token()
	for must(err); dec.More(); {
		key, err := dec.Token()
		must(err)
		var raw json.RawMessage
		must(dec.Decode(&raw))
		name, pos := key.(string), r.text.at(int(dec.InputOffset())-len(raw))
		var v any
		inside := json.NewDecoder(bytes.NewReader(raw))
		inside.UseNumber()
		must(inside.Decode(&v))
		before := len(r.problems)
		v = r.numbers(v, pos)
		first, twice := values[name]
		values[name] = Value{V: v, Pos: pos, Wrong: len(r.problems) > before}
		if twice {
			r.problems = append(r.problems, diag.Diagnostic{
				Pos: pos, Code: "duplicate-key", Text: fmt.Sprintf("the key %q stands here twice", brief(name)),
				Other: first.Pos, OtherText: "first here",
			})
		}
	}
	return values, r.problems.Err()
}

// numbers is v with values of the language for the numbers of JSON. What is wrong is reported at pos.
func (r *reader) numbers(v any, pos diag.Pos) any {
	switch v := v.(type) {
	case json.Number:
		n, why, hard := number(string(v))
		if hard {
			r.problems.Add(pos, why.code, "%s", why.text)
		}
		return n
	case []any:
		for i, x := range v {
			v[i] = r.numbers(x, pos)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = r.numbers(x, pos)
		}
	}
	return v
}
