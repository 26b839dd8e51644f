package problems_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/report/problems"
)

// official is the JSON Schema of SARIF 2.1.0 as OASIS has published it. go-sarif has it as a constant, and shows nobody but its own
// types to it, which leave out what they do not know.
func official(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && len(lit.Value) > len(text) {
			text = lit.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil || !strings.Contains(text, `"title": "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"`) {
		t.Fatal("this is not the schema of SARIF", err)
	}
	return text
}

// TestSARIFIsOfficial holds a log, and one without problems, against the schema.
func TestSARIFIsOfficial(t *testing.T) {
	schema, err := jsonschema.CompileString(sarif.NewReport().Schema, official(t))
	if err != nil {
		t.Fatal(err)
	}
	list, src := several()
	var b bytes.Buffer
	if err := problems.SARIF(&b, "v1", list, src); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{b.String(), strings.ReplaceAll(b.String(), `"level":`, `"severity":`)} {
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); (err == nil) != (text == b.String()) {
			t.Errorf("%#v", err)
		}
	}
	b.Reset()
	if err := problems.SARIF(&b, "", nil, src); err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%#v", err)
	}
}
