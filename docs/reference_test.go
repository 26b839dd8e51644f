package docs_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	diffs "github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/schema"
)

// TestReference: reference.md is made from the schema, as it says. -update writes it.
func TestReference(t *testing.T) {
	const page = "reference.md"
	head, _, ok := strings.Cut(read(t, page), "\n## ")
	if !ok {
		t.Fatal("reference.md has no sections")
	}
	var root map[string]any
	if err := json.Unmarshal(schema.Workflow(), &root); err != nil {
		t.Fatal(err)
	}
	want := head + newReference(t, root).text()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := diffs.Diff(want, read(t, page)); diff != "" {
		t.Errorf("reference.md is stale: go test ./docs -update\n%s", diff)
	}
}

// reference writes the tables of all keys.
type reference struct {
	t     *testing.T
	root  map[string]any
	defs  map[string]any
	known map[string]bool // keys with a row of their own: what is in them is not told again inside of others
	b     strings.Builder
}

func newReference(t *testing.T, root map[string]any) *reference {
	r := &reference{t: t, root: root, defs: member(root, "definitions"), known: map[string]bool{}}
	for name := range r.defs {
		if _, key, ok := strings.Cut(name, "."); ok {
			r.known[key] = true
		}
	}
	return r
}

func (r *reference) resolve(v any) map[string]any {
	s, _ := v.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return member(r.defs, strings.TrimPrefix(ref, "#/definitions/"))
	}
	return s
}

func (r *reference) text() string {
	r.section("## The top of a file", member(r.root, "properties"))
	step, clause := r.resolve(r.defs["step"]), r.resolve(r.defs["clause"])
	common, inClause := member(member(step, "then"), "properties"), member(member(clause, "then"), "properties")
	r.section("## Every step", common)
	own := maps.Clone(inClause)
	maps.DeleteFunc(own, func(key string, _ any) bool { return common[key] != nil })
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(common)) {
		if inClause[key] == nil {
			missing = append(missing, "`"+key+"`")
		}
	}
	r.section("## A clause of `except`\n\nA clause is a step without "+strings.Join(missing, ", ")+".", own)
	blocks := member(member(r.resolve(r.defs["step.gather"]), "then"), "properties")
	r.section("## `defaults` and `result`\n\nBeside `steps`, `gather`, `wait` and `taskgroup`, and at the top of a file; `result` beside `call`, too.",
		map[string]any{"defaults": blocks["defaults"], "result": blocks["result"]})
	r.b.WriteString("\n## Actions\n\nA step has exactly one. What stands in its table may stand beside it.\n")
	for _, branch := range step["anyOf"].([]any) {
		b := r.resolve(branch)
		props := map[string]any{}
		for _, some := range []map[string]any{member(b, "properties"), member(member(b, "then"), "properties")} {
			for key, v := range some {
				if p := r.resolve(v); p["description"] != nil && key != "defaults" && key != "result" {
					props[key] = v
				}
			}
		}
		r.section("### "+b["title"].(string), props)
	}
	generator := r.resolve(r.defs["key.gather"])
	r.section("## A generator\n\nIn the place of the list of steps of `steps`, `gather`, `wait` and `taskgroup`.", inside(generator))
	return r.b.String()
}

func (r *reference) section(head string, props map[string]any) {
	fmt.Fprintf(&r.b, "\n%s\n\n| Key | What | Examples |\n| --- | --- | --- |\n", head)
	r.rows(props, "")
}

func (r *reference) rows(props map[string]any, path string) {
	for _, key := range slices.Sorted(maps.Keys(props)) {
		p := r.resolve(props[key])
		var examples []string
		for _, e := range p["examples"].([]any) {
			examples = append(examples, "`"+key+": "+r.flow(e)+"`")
		}
		row := fmt.Sprintf("`%s%s` | %s | %s", path, key, p["description"], strings.Join(examples, "<br>"))
		fmt.Fprintf(&r.b, "| %s |\n", row)
		steps := key == "steps" || key == "gather" || key == "wait" || key == "taskgroup" || p["if"] != nil
		if in := inside(p); !steps && len(in) > 0 && (path == "" || !r.known[key]) {
			below := path + key + "."
			if key == "inputs" || key == "semaphores" {
				below += "NAME."
			}
			r.rows(in, below)
		}
	}
}

// inside are the keys of a mapping that a value is, or its items, or its members.
func inside(p map[string]any) map[string]any {
	all, _ := p["anyOf"].([]any)
	for _, s := range append([]any{p}, all...) {
		for _, holder := range []map[string]any{s.(map[string]any), member(s.(map[string]any), "items"), member(s.(map[string]any), "additionalProperties")} {
			if props := member(holder, "properties"); props != nil {
				return props
			}
		}
	}
	return nil
}

var plainText = regexp.MustCompile(`^(\$\{\{ [^{}]* \}\}|[\w./][\w./() =!<>'-]*)$`)

// flow is a value as YAML in flow style, which is read again to be sure.
func (r *reference) flow(v any) string {
	text := flow(v, false)
	var again any
	if err := yaml.Unmarshal([]byte("x: "+text), &again); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	if got := again.(map[string]any)["x"]; fmt.Sprint(got) != fmt.Sprint(v) || reflect.TypeOf(got) == reflect.TypeFor[string]() != (reflect.TypeOf(v) == reflect.TypeFor[string]()) {
		r.t.Fatalf("%s is %v, not %v", text, got, v)
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

func flow(v any, inner bool) string {
	switch v := v.(type) {
	case map[string]any:
		var parts []string
		for _, key := range slices.SortedFunc(maps.Keys(v), asWritten) {
			parts = append(parts, key+": "+flow(v[key], true))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, flow(x, true))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		if plainText.MatchString(v) && (!inner || !strings.Contains(v, "{")) {
			var back any
			if yaml.Unmarshal([]byte(v), &back) == nil && back == any(v) {
				return v
			}
		}
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(b))
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// asWritten orders keys as people write them: the head of a generator, of a clause, of an input, then the alphabet.
func asWritten(a, b string) int {
	rank := func(key string) int { return slices.Index([]string{"match", "type", "do", "in", "for"}, key) }
	return cmp.Or(rank(b)-rank(a), strings.Compare(a, b))
}
