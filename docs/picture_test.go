package docs_test

import (
	"os"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/graph"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestPicture: the picture in README.md is that of the workflow in it, as flowrun graph draws it.
func TestPicture(t *testing.T) {
	const picture = "graph.svg"
	for _, b := range blocks(t, "../README.md") {
		if b.file != "flowrun.yaml" {
			continue
		}
		f, err := spec.Parse(b.file, []byte(b.text), spec.Options{Kinds: steps.Builtin()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, plan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := graph.Draw(p, "svg", nil)
		if *update {
			if err := os.WriteFile(picture, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if read(t, picture) != got {
			t.Errorf("%s is not the picture of the workflow; -update draws it", picture)
		}
		return
	}
	t.Error("README.md has no workflow")
}
