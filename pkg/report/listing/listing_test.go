package listing_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/report/listing"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/schema"
)

// TestSchema: the lists of all examples fit the schema.
func TestSchema(t *testing.T) {
	s, err := jsonschema.CompileString("list", string(schema.List()))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../../../examples/*.yaml", "../../../examples/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal("no examples", err)
		}
		for _, f := range files {
			p, err := executor.Load(f, executor.LoadOptions{Kinds: steps.Builtin()})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := listing.Of(p).WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %#v", f, err)
			}
		}
	}
}
