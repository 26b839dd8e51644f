package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/schema"
)

var update = flag.Bool("update", false, "write the schemas anew")

func TestWorkflowIsFresh(t *testing.T) {
	want := spec.Schema(steps.Builtin())
	if *update {
		if err := os.WriteFile("workflow.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(schema.Workflow(), want) {
		t.Fatal("workflow.schema.json is stale: go test ./schema -update")
	}
}

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.LoadURL = func(string) (io.ReadCloser, error) { return nil, errors.New("nothing is loaded") }
	if err := c.AddResource("v1.json", bytes.NewReader(schema.Workflow())); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("v1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestWorkflowAsEditorsSeeIt holds the whole document, as editors use it, to some files.
func TestWorkflowAsEditorsSeeIt(t *testing.T) {
	s := compiled(t)
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{`{"flowrun": 1, "steps": []}`, true},
		{`{"flowrun": 1, "steps": [{"run": "make", "timeout": "10s", "if": true}]}`, true},
		{`{"flowrun": 1, "steps": [{"run": ["go", 1.25], "env": {"A": 1.10, "B": null}}]}`, true},
		{`{"flowrun": 1, "gather": {"for": "x", "in": "range(3)", "do": {"echo": "${{ x }}"}}, "limit": "${{ 2 }}"}`, true},
		{`{"flowrun": 1, "steps": [{"wait": [{"sleep": "1s"}], "return_when": {"completed": 1}}]}`, true},
		{`{"flowrun": 1, "steps": [{"value": 1, "except": [{"match": ["A", {"type": "B"}], "echo": "x"}]}]}`, true},
		{`{"flowrun": 1, "workflows": {"w": {"inputs": {"x": {"type": "string"}}, "steps": []}}, "steps": [{"call": "w", "with": {"x": 1}}]}`, true},
		{`{"steps": []}`, false},
		{`{"flowrun": 1}`, false},
		{`{"flowrun": 1, "steps": [], "gather": []}`, false},
		{`{"flowrun": 1, "steps": [{"run": "a", "echo": "b"}]}`, false},
		{`{"flowrun": 1, "steps": [{"run": "a", "tiemout": "1s"}]}`, false},
		{`{"flowrun": 1, "steps": [{"run": "a", "timeout": 10}]}`, false},
		{`{"flowrun": 1, "steps": [{"run": "a", "limit": 2}]}`, false},
		{`{"flowrun": 1, "steps": [{"gather": [{"rnu": "a"}]}]}`, false},
		{`{"flowrun": 1, "steps": [{"value": 1, "except": [{"if": true, "echo": "x"}]}]}`, false},
	} {
		var v any
		if err := json.Unmarshal([]byte(c.text), &v); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// keywords are those that the schemas may have. A validator passes over any other in silence, so
// a misspelt one would hold nothing.
var keywords = strings.Fields(`$schema $id $ref title description examples definitions type enum const anyOf allOf if then else properties required
	additionalProperties propertyNames items minItems maxItems uniqueItems minProperties maxProperties minLength maxLength pattern
	patternErrorMessage enumDescriptions doNotSuggest minimum maximum`)

// each visits a schema and all schemas in it.
func each(path string, v any, visit func(path string, schema map[string]any)) {
	schema, ok := v.(map[string]any)
	if !ok {
		return // true: any value
	}
	visit(path, schema)
	for _, key := range slices.Sorted(maps.Keys(schema)) {
		switch sub := schema[key].(type) {
		case []any:
			if key == "anyOf" || key == "allOf" {
				for i, x := range sub {
					each(fmt.Sprintf("%s/%s/%d", path, key, i), x, visit)
				}
			}
		case map[string]any:
			if key != "properties" && key != "definitions" {
				each(path+"/"+key, sub, visit)
				continue
			}
			for _, name := range slices.Sorted(maps.Keys(sub)) {
				each(path+"/"+key+"/"+name, sub[name], visit)
			}
		}
	}
}

func document(t testing.TB, name string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(schema.Named(name), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestKeywords: there are no misspelt keywords, a reference refers to what is there, and there is nothing that nobody
// refers to. In the schema of workflow files, which many programs read, a reference stands alone.
func TestKeywords(t *testing.T) {
	for _, name := range schema.Names() {
		t.Run(name, func(t *testing.T) {
			doc := document(t, name)
			defs, _ := doc["definitions"].(map[string]any)
			used := map[string]bool{}
			each("", doc, func(path string, s map[string]any) {
				for key := range s {
					if !slices.Contains(keywords, key) {
						t.Errorf("%s: unknown keyword %s", path, key)
					}
				}
				if ref, ok := s["$ref"].(string); ok {
					target := strings.TrimPrefix(ref, "#/definitions/")
					used[target] = true
					if defs[target] == nil {
						t.Errorf("%s: %s is not there", path, ref)
					}
					if len(s) > 1 && name == "workflow" {
						t.Errorf("%s: what stands beside %s is passed over", path, ref)
					}
				}
				if s["additionalProperties"] == false && s["title"] == nil && name == "workflow" {
					t.Errorf("%s: a closed mapping has a title", path)
				}
			})
			for target := range defs {
				if !used[target] {
					t.Errorf("nothing refers to %s", target)
				}
			}
		})
	}
}

// TestEveryKeyIsExplained: every key has a title, a sentence that says what it does, and examples that fit it.
func TestEveryKeyIsExplained(t *testing.T) {
	doc := document(t, "workflow")
	defs := doc["definitions"].(map[string]any)
	c := jsonschema.NewCompiler()
	if err := c.AddResource("v1.json", bytes.NewReader(schema.Workflow())); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	each("", doc, func(path string, s map[string]any) {
		props, _ := s["properties"].(map[string]any)
		for key, v := range props {
			p, ok := v.(map[string]any)
			if !ok || p["doNotSuggest"] != nil {
				continue
			}
			at := path + "/properties/" + key
			if ref, ok := p["$ref"].(string); ok {
				at = strings.TrimPrefix(ref, "#")
				p = defs[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
			}
			if seen[at] {
				continue
			}
			seen[at] = true
			title, _ := p["title"].(string)
			if title != key && !strings.HasSuffix(title, "."+key) {
				t.Errorf("%s: the title is %q", at, title)
			}
			about, _ := p["description"].(string)
			if !strings.HasSuffix(about, ".") || len(about) > 300 || strings.ToUpper(about[:1]) != about[:1] {
				t.Errorf("%s: the description is %q, not a sentence of 300 characters at most", at, about)
			}
			examples, _ := p["examples"].([]any)
			if len(examples) == 0 {
				t.Errorf("%s: it has no examples", at)
			}
			own, err := c.Compile("v1.json#" + at)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range examples {
				if err := own.Validate(e); err != nil {
					t.Errorf("%s: the example %v does not fit: %v", at, e, err)
				}
				if _, many := e.([]any); (many || reflect.ValueOf(e).Kind() == reflect.Map) && len(examples) == 1 && p["properties"] == nil && p["items"] == nil {
					t.Errorf("%s: editors would insert its only example, a list or a mapping, at the wrong depth", at)
				}
			}
		}
	})
	if len(seen) < 100 {
		t.Errorf("there are only %d keys", len(seen))
	}
}
