package schema_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
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

func compiled(t *testing.T) *jsonschema.Schema {
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

// TestKeywords finds misspelt keywords, which a validator passes over in silence, and keys without a description.
func TestKeywords(t *testing.T) {
	known := strings.Fields(`$schema $id $ref title description examples definitions type enum anyOf properties required
		additionalProperties propertyNames items minItems maxItems uniqueItems minProperties maxProperties minLength pattern
		patternErrorMessage minimum maximum`)
	var root map[string]any
	if err := json.Unmarshal(schema.Workflow(), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(path, x)
			}
		case map[string]any:
			for key, x := range v {
				if !slices.Contains(known, key) {
					t.Errorf("%s: unknown keyword %s", path, key)
				}
				switch key {
				case "enum", "required", "examples":
				case "properties", "definitions":
					for name, sub := range x.(map[string]any) {
						walk(path+"/"+name, sub)
					}
				default:
					walk(path+"/"+key, x)
				}
			}
		}
	}
	walk("", root)
	for name, d := range root["definitions"].(map[string]any) {
		props, _ := d.(map[string]any)["properties"].(map[string]any)
		if !strings.Contains(name, ".") {
			continue
		}
		for key, p := range props {
			about, _ := p.(map[string]any)["description"].(string)
			if !strings.HasSuffix(about, ".") {
				t.Errorf("%s/%s: the description is %q, not a sentence", name, key, about)
			}
		}
	}
}
