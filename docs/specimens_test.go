package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/schema"
)

// specimen is a file that has one key of the language, made of the examples of the schema.
type specimen struct {
	path         string
	about        string // the key's description
	file         any
	text         string // file as YAML
	line, column int    // of the key
	first        bool   // of those with this key
}

// specimens are a file for each example of each key of the schema, with what the key needs beside it.
func specimens(t *testing.T) []specimen {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(schema.Workflow(), &root); err != nil {
		t.Fatal(err)
	}
	w := &walker{defs: root["definitions"].(map[string]any), seen: map[string]bool{}}
	w.visit(root, nil, func(v any) any { return v })
	return w.out
}

type walker struct {
	defs map[string]any
	seen map[string]bool // definitions
	out  []specimen
}

// resolve follows a reference; false: somebody has followed it before.
func (w *walker) resolve(v any) (map[string]any, bool) {
	s, _ := v.(map[string]any)
	ref, ok := s["$ref"].(string)
	if !ok {
		return s, s != nil
	}
	name := strings.TrimPrefix(ref, "#/definitions/")
	fresh := !w.seen[name]
	w.seen[name] = true
	return w.defs[name].(map[string]any), fresh
}

// visit makes the specimens of all keys below a schema. whole is the file around one of its values, and path the way there.
func (w *walker) visit(v any, path []any, whole func(any) any) {
	s, fresh := w.resolve(v)
	if !fresh {
		return
	}
	common := map[string]any{}
	maps.Copy(common, member(s, "properties"))
	maps.Copy(common, member(member(s, "then"), "properties"))
	alternatives, _ := s["anyOf"].([]any)
	if alternatives == nil {
		alternatives = []any{map[string]any{}}
	}
	first := true // the keys of all alternatives are shown beside one of them
	for _, a := range alternatives {
		alt, fresh := w.resolve(a)
		if !fresh {
			continue
		}
		for _, holder := range []map[string]any{s, alt} {
			if items := holder["items"]; items != nil {
				w.visit(items, append(slices.Clone(path), 0), func(v any) any { return whole([]any{v}) })
			}
			if more, ok := holder["additionalProperties"].(map[string]any); ok {
				w.visit(more, append(slices.Clone(path), "NAME"), func(v any) any { return whole(map[string]any{"NAME": v}) })
			}
		}
		all, own := maps.Clone(common), map[string]any{}
		for _, props := range []map[string]any{member(alt, "properties"), member(member(alt, "then"), "properties")} {
			for key, p := range props {
				if sub, ok := p.(map[string]any); ok && sub["doNotSuggest"] == nil {
					all[key], own[key] = p, p
				}
			}
		}
		if first {
			own = all
		}
		first = false
		base := map[string]any{}
		for _, key := range append(required(s), required(alt)...) {
			base[key] = w.examples(all[key])[0]
		}
		for _, key := range slices.Sorted(maps.Keys(own)) {
			at := append(slices.Clone(path), key)
			with := func(v any) any {
				m := maps.Clone(base)
				m[key] = v
				return whole(m)
			}
			for i, example := range w.examples(all[key]) {
				w.add(all[key], at, with(example), i == 0)
			}
			w.visit(all[key], at, with)
		}
	}
}

func member(s map[string]any, key string) map[string]any {
	m, _ := s[key].(map[string]any)
	return m
}

func required(s map[string]any) []string {
	list, _ := s["required"].([]any)
	all, _ := s["allOf"].([]any)
	for _, sub := range all {
		more, _ := sub.(map[string]any)["required"].([]any)
		list = append(list, more...)
	}
	var out []string
	for _, name := range list {
		out = append(out, name.(string))
	}
	return out
}

func (w *walker) examples(v any) []any {
	s := v.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s = w.defs[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	return s["examples"].([]any)
}

func (w *walker) add(v any, path []any, file any, first bool) {
	s := v.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s = w.defs[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
	}
	p := &printer{wanted: fmt.Sprint(path)}
	p.print(file, nil)
	w.out = append(w.out, specimen{path: strings.Trim(fmt.Sprint(path), "[]"), about: s["description"].(string), file: file, text: p.b.String(), line: p.line, column: p.column, first: first})
}

// printer writes a value as YAML in flow style, with a line for each key, and notes where a key stands.
type printer struct {
	b            strings.Builder
	wanted       string
	line, column int
}

func (p *printer) print(v any, path []any) {
	switch v := v.(type) {
	case map[string]any:
		p.b.WriteString("{\n")
		for _, key := range slices.Sorted(maps.Keys(v)) {
			at := append(slices.Clone(path), key)
			p.b.WriteString(strings.Repeat(" ", len(at)))
			if fmt.Sprint(at) == p.wanted {
				text := p.b.String()
				p.line, p.column = strings.Count(text, "\n"), len(text)-strings.LastIndex(text, "\n")-1
			}
			fmt.Fprintf(&p.b, "%q: ", key)
			p.print(v[key], at)
			p.b.WriteString(",\n")
		}
		p.b.WriteString("}")
	case []any:
		p.b.WriteString("[")
		for i, x := range v {
			p.print(x, append(slices.Clone(path), i))
			p.b.WriteString(", ")
		}
		p.b.WriteString("]")
	default:
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		p.b.Write(b)
	}
}
