package compare_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/compare"
	"github.com/flowrun/flowrun/pkg/executor/golden"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

// TestText: a case in testdata is a file NAME.new, what it was before (NAME.old), and the text of what differs (NAME.want). Files
// lib.new and lib.old are there to be called, as lib.yaml.
func TestText(t *testing.T) {
	golden.Cases(t, "testdata/compare.txtar", *update, func(t *testing.T, name string, files map[string][]byte) string {
		before, after := load(t, files, name, ".old"), load(t, files, name, ".new")
		for _, p := range []*plan.Plan{before, after} {
			if text := compare.Text(compare.Plans(p, p)); text != "" {
				t.Errorf("a file differs from itself:\n%s", text)
			}
		}
		return compare.Text(compare.Plans(before, after))
	})
}

// load compiles one side of a case.
func load(t *testing.T, files map[string][]byte, name, side string) *plan.Plan {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string][]byte{"w.yaml": files[name+side], "lib.yaml": files["lib"+side]} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	p, err := executor.Load("w.yaml", executor.LoadOptions{Kinds: steps.Builtin(), Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
