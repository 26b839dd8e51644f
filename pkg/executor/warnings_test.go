package executor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

// warned are the warnings of a file as "line code", in their order.
func warned(t *testing.T, path string) (out []string, list diag.List) {
	t.Helper()
	p, err := executor.Load(path, executor.LoadOptions{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Warnings {
		if !d.Warning {
			t.Errorf("%s is no warning", d)
		}
		out = append(out, fmt.Sprintf("%s:%d %s", filepath.Base(d.Pos.File), d.Pos.Line, d.Code))
	}
	return out, p.Warnings
}

// wanted are the warnings that a file asks for: `#! CODE` stands at the end of the line that it is about. An underscore in front
// of a name says that the file is there to be called.
func wanted(name, text string) []string {
	var out []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		if _, codes, ok := strings.Cut(line, "#!"); ok {
			for _, code := range strings.Fields(codes) {
				out = append(out, fmt.Sprintf("%s:%d %s", name, n, code))
			}
		}
	}
	return out
}

// TestWarnings: each file of testdata/warnings.txtar has the warnings that it asks for, and no others.
func TestWarnings(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/warnings.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seen := map[string]bool{}
	called := map[string][]string{}
	for _, f := range archive.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.Name, "_") {
			called[f.Name] = wanted(f.Name, string(f.Data))
		}
	}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "_") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			want := wanted(f.Name, string(f.Data))
			for name, more := range called {
				if strings.Contains(string(f.Data), name) {
					want = append(want, more...)
				}
			}
			got, list := warned(t, filepath.Join(dir, f.Name))
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s\n%s", diff, list.Error())
			}
			for _, w := range got {
				seen[w[strings.IndexByte(w, ' ')+1:]] = true
			}
		})
	}
	for _, code := range plan.WarningCodes() {
		if !seen[code] {
			t.Errorf("no file has the warning %s", code)
		}
	}
	if !slices.IsSorted(plan.WarningCodes()) {
		t.Error("the codes are not sorted")
	}
}

// TestNoFalseAlarms: of the files that show what flowrun does, and of those that asyncio has answered for, only the ones below have
// something to say, and it is true of them: they are tests of just that.
func TestNoFalseAlarms(t *testing.T) {
	known := map[string]bool{
		"deep_outer_deadline_over_everything.yaml:20 timeout-never-expires": true,
		"deep_outer_deadline_over_everything.yaml:27 pauses-too-long":       true,
		"timeout_outer_first.yaml:19 timeout-never-expires":                 true,
		"fuzz_009064.yaml:16 unreachable-clause":                            true,
	}
	n := 0
	for _, pattern := range []string{"testdata/conformance/*/*.yaml", "../../examples/*.yaml", "../../examples/*/*.yaml"} {
		for _, path := range files(t, pattern) {
			n++
			got, _ := warned(t, path)
			for _, w := range got {
				if !known[w] {
					t.Errorf("%s: %s", path, w)
				}
			}
		}
	}
	if n < 90 {
		t.Errorf("only %d files", n)
	}
}
