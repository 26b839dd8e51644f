package schema_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

// beyond is what spec.Parse refuses in files that the schema takes, and why.
var beyond = []struct{ code, text, why string }{
	{"missing-key", "this generator has no in", "whether there must be `in` depends on the type of `for`"},
	{"matrix-in", "", "... and so does whether there may be one"},
	{"exclude-without-matrix", "", "... or an exclude"},
	{"bad-duration", "must be more than 0", "durations of all kinds have one definition"},
	{"expression-syntax", "", "the language of expressions is not regular"},
	{"no-expression", "", "... and what is read literally may be any text"},
	{"named-twice", "", "secrets have two forms, and uniqueItems would not see the name"},
	{"ready", "", "a probe asks in exactly one way: a oneOf would say so with an error for each"},
	{"bad-url", "", "kinds look at their arguments by code"},
	{"bad-value", "a GET with a body", "the same"},
	{"bad-value", "a request has one body", "the same"},
	{"bad-value", "a probe looks at the status only", "the same"},
	{"bad-value", "is no address", "the same"},
	{"bad-value", "no item of shell holds {0}", "the same"},
	{"bad-value", "with insecure: true", "the same"},
	{"bad-input", "", "an input declares a JSON Schema of its own"},
	{"bad-default", "", "... to which its default is held"},
	{"bad-pattern", "", "a regular expression is for its parser"},
	{"errors-and-return-exceptions", "", "two keys that are right by themselves"},
	{"reserved-name", "", "the list belongs to expressions"},
	{"empty-wait", "", "the blocks have one definition"},
	{"quorum-too-large", "", "the number of steps is another value"},
	{"cancel-in-retry", "", "types of errors are any names"},
	{"cancelled-mixed", "", "the same"},
	{"match-group", "", "the same"},
	{"bad-error-type", "", "the same"},
}

func isBeyond(d diag.Diagnostic) bool {
	for _, b := range beyond {
		if d.Code == b.code && strings.Contains(d.Text, b.text) {
			return true
		}
	}
	return false
}

// parse is what is wrong in the form of a file.
func parse(t *testing.T, src []byte) diag.List {
	t.Helper()
	_, err := spec.Parse("flow.yaml", src, spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	var list diag.List
	if err != nil && !errors.As(err, &list) {
		t.Fatal(err)
	}
	return list
}

// agree holds the schema and spec.Parse to each other: what the schema takes Parse takes, but for the reasons of beyond, and
// what the schema refuses Parse refuses. It says what the schema does.
func agree(t *testing.T, s *jsonschema.Schema, file any) bool {
	t.Helper()
	src, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	list := parse(t, src)
	refused := s.Validate(file)
	if refused == nil {
		for _, d := range list {
			if !isBeyond(d) {
				t.Errorf("the schema takes what is refused: %s\n%s", d, src)
			}
		}
	} else if len(list) == 0 {
		t.Errorf("the schema refuses what is right: %#v\n%s", refused, src)
	}
	return refused == nil
}

// maker makes files from the schema, and mistakes in them.
type maker struct {
	*rand.Rand
	root map[string]any
	keys []string // of the whole language
	left int      // how many more keys, so that files end
}

func newMaker(root map[string]any, seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 1)), root: root}
	for _, d := range root["definitions"].(map[string]any) {
		m.keys = append(m.keys, slices.Collect(maps.Keys(sub(d.(map[string]any), "properties")))...)
	}
	slices.Sort(m.keys)
	m.keys = slices.Compact(m.keys)
	return m
}

func sub(s map[string]any, key string) map[string]any {
	m, _ := s[key].(map[string]any)
	return m
}

func (m *maker) resolve(v any) map[string]any {
	s, _ := v.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return sub(sub(m.root, "definitions"), strings.TrimPrefix(ref, "#/definitions/"))
	}
	return s
}

// file is a file that is right, or nearly.
func (m *maker) file() any {
	m.left = 2 + m.IntN(30)
	return m.value(m.root)
}

// value is a value of a schema.
func (m *maker) value(v any) any {
	s := m.resolve(v)
	if examples, ok := s["examples"].([]any); ok && (m.left <= 0 || m.IntN(3) == 0) {
		return pick(m, examples)
	}
	if enum, ok := s["enum"].([]any); ok {
		return pick(m, enum)
	}
	props := maps.Clone(sub(s, "properties"))
	if props == nil {
		props = map[string]any{}
	}
	maps.Copy(props, sub(sub(s, "then"), "properties"))
	required := requiredOf(s)
	if all, ok := s["anyOf"].([]any); ok {
		s = m.resolve(pick(m, all))
		if s["type"] != "object" {
			return m.value(s)
		}
		required = append(required, requiredOf(s)...)
		for _, more := range []map[string]any{sub(s, "properties"), sub(sub(s, "then"), "properties")} {
			for key, p := range more {
				if p := m.resolve(p); p != nil && p["doNotSuggest"] == nil {
					props[key] = p
				}
			}
		}
	}
	switch types := typesOf(s); {
	case len(props) > 0:
		return m.mapping(props, required)
	case len(types) == 0:
		return m.junk(1)
	default:
		return m.typed(s, pick(m, types))
	}
}

func (m *maker) mapping(props map[string]any, required []string) any {
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(props)) {
		must := slices.Contains(required, key)
		if must || m.left > 0 && m.IntN(len(props)) < 2 {
			m.left--
			out[key] = m.value(props[key])
		}
	}
	return out
}

func (m *maker) typed(s map[string]any, typ string) any {
	switch typ {
	case "array":
		out := []any{}
		for range 1 + m.IntN(2) {
			out = append(out, m.value(s["items"]))
		}
		return out
	case "object":
		if s["properties"] != nil {
			return m.mapping(sub(s, "properties"), requiredOf(s))
		}
		return map[string]any{"a": m.value(s["additionalProperties"])}
	case "string":
		return pick(m, []string{"a", "b", "10s", "${{ 1 }}", "1MiB", "(", "CancelledError", "ExceptionGroup"})
	case "integer":
		return float64(m.IntN(3))
	case "number":
		return pick(m, []float64{0, 0.5, 2})
	case "boolean":
		return m.IntN(2) == 0
	}
	return nil
}

func requiredOf(s map[string]any) []string {
	list, _ := s["required"].([]any)
	all, _ := s["allOf"].([]any)
	for _, x := range all {
		more, _ := x.(map[string]any)["required"].([]any)
		list = append(list, more...)
	}
	var out []string
	for _, name := range list {
		out = append(out, name.(string))
	}
	return out
}

func typesOf(s map[string]any) []string {
	switch t := s["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, name := range t {
			out = append(out, name.(string))
		}
		return out
	}
	return nil
}

func pick[T any](m *maker, all []T) T { return all[m.IntN(len(all))] }

// junk is any value.
func (m *maker) junk(depth int) any {
	switch n := m.IntN(12); {
	case n < 2 && depth > 0:
		return []any{m.junk(depth - 1)}
	case n < 4 && depth > 0:
		return map[string]any{pick(m, m.keys): m.junk(depth - 1)}
	case n == 4:
		return []any{}
	case n == 5:
		return map[string]any{}
	}
	return pick(m, []any{true, false, 0.0, 1.0, -1.0, 1.5, 700.0, "", "a", "A b", "1a", "10", "10s", "${{ 1 }}", "group", "all_completed", "5 minutes", "10MiB"})
}

// mistake is file with something changed somewhere.
func (m *maker) mistake(v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		out := maps.Clone(v)
		if len(keys) == 0 || m.IntN(6) == 0 {
			out[pick(m, m.keys)] = m.junk(2)
			return out
		}
		key := pick(m, keys)
		switch m.IntN(8) {
		case 0:
			delete(out, key)
		case 1:
			delete(out, key)
			out[key+"x"] = v[key]
		default:
			out[key] = m.mistake(v[key])
		}
		return out
	case []any:
		if len(v) == 0 || m.IntN(5) == 0 {
			return append(slices.Clone(v), m.junk(2))
		}
		out := slices.Clone(v)
		i := m.IntN(len(v))
		out[i] = m.mistake(v[i])
		return out
	}
	return m.junk(2)
}

// agreeOn makes a file from a seed, then mistakes in it, one after the other.
func agreeOn(t *testing.T, doc map[string]any, s *jsonschema.Schema, seed uint64) (right, wrong int) {
	m := newMaker(doc, seed)
	file := m.file()
	for range 6 {
		if agree(t, s, file) {
			right++
		} else {
			wrong++
		}
		file = m.mistake(file)
	}
	return right, wrong
}

func TestAgree(t *testing.T) {
	doc, s := document(t, "workflow"), compiled(t)
	right, wrong := 0, 0
	for seed := range uint64(100) {
		r, w := agreeOn(t, doc, s, seed)
		right, wrong = right+r, wrong+w
	}
	if right < 50 || wrong < 200 {
		t.Errorf("%d files are right and %d wrong: it says little that all agree", right, wrong)
	}
}

func FuzzAgree(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed + 1000)
	}
	doc, s := document(f, "workflow"), compiled(f)
	f.Fuzz(func(t *testing.T, seed uint64) { agreeOn(t, doc, s, seed) })
}

// TestCasesFit: the schema takes every file of the cases of the language that is right.
func TestCasesFit(t *testing.T) {
	s := compiled(t)
	paths, err := filepath.Glob("../pkg/executor/testdata/cases/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".yaml") || len(parse(t, f.Data)) > 0 {
				continue
			}
			var v any
			if err := yaml.Unmarshal(f.Data, &v); err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(v) // an instance in the types of JSON
			if err == nil {
				err = json.Unmarshal(b, &v)
			}
			if err == nil {
				err = s.Validate(v)
			}
			if err != nil {
				t.Errorf("%s: %s: %#v", path, f.Name, err)
			}
		}
	}
}
