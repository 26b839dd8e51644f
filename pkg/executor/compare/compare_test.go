package compare_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/compare"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

// TestText: a case in testdata is a file NAME.new, what it was before (NAME.old), and the text of what differs (NAME.want). Files
// lib.new and lib.old are there to be called, as lib.yaml.
func TestText(t *testing.T) {
	const path = "testdata/compare.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
	}
	for i, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".want")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			before, after := load(t, files, name, ".old"), load(t, files, name, ".new")
			got := compare.Text(compare.Plans(before, after))
			if *update {
				archive.Files[i].Data = []byte(got)
			} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for _, p := range []*plan.Plan{before, after} {
				if text := compare.Text(compare.Plans(p, p)); text != "" {
					t.Errorf("a file differs from itself:\n%s", text)
				}
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
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
