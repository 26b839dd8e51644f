package docs_test

import (
	"encoding/xml"
	"os"
	"strings"
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

// TestMovingPicture: the picture of a run in README.md is text and nothing else, is small, and shows what a run looks like. It is
// the picture of a real run, so it is not made again here: docs/record does that.
func TestMovingPicture(t *testing.T) {
	const picture = "run.svg"
	text := read(t, picture)
	if err := xml.Unmarshal([]byte(text), new(struct{})); err != nil {
		t.Error(err)
	}
	if n := len(text); n > 100<<10 {
		t.Errorf("it has %d bytes", n)
	}
	for _, bad := range []string{"<script", "<image", "<foreignObject", "@import", "url(", "href=\"http", "/tmp/"} {
		if strings.Contains(text, bad) {
			t.Errorf("it has %s", bad)
		}
	}
	for _, want := range []string{"flowrun run", "running", "retry", "pending", "recovered", "succeeded in", "prefers-color-scheme:dark", "prefers-reduced-motion"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %s", want)
		}
	}
	if !strings.Contains(read(t, "../README.md"), "](docs/"+picture+")") {
		t.Error("README.md does not show it")
	}
}
