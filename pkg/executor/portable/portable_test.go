package portable_test

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
	"github.com/flowrun/flowrun/pkg/executor/portable"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

func check(t *testing.T, path string, opt executor.LoadOptions) diag.List {
	t.Helper()
	opt.Kinds = steps.Builtin()
	p, err := executor.Load(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	return portable.Check(p)
}

// TestCheck: of each file of testdata/portable.txtar is said what stands behind `#!` on its lines, and nothing else. An underscore
// in front of a name says that the file is there to be called.
func TestCheck(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/portable.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range archive.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	warnings := map[string]bool{}
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "_") {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var want, got []string
			n := 0
			for line := range strings.Lines(string(f.Data)) {
				n++
				if _, codes, ok := strings.Cut(line, "#!"); ok {
					for _, code := range strings.Fields(codes) {
						want = append(want, fmt.Sprintf("%s:%d %s", f.Name, n, code))
					}
				}
			}
			list := check(t, filepath.Join(dir, f.Name), executor.LoadOptions{})
			for _, d := range list {
				got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(d.Pos.File), d.Pos.Line, d.Code))
				if d.Warning {
					warnings[d.Code] = true
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s\n%s", diff, list.Error())
			}
		})
	}
	for _, code := range plan.EngineCodes() {
		if !warnings[code] {
			t.Errorf("no file has the warning %s", code)
		}
	}
	if !slices.IsSorted(plan.EngineCodes()) {
		t.Error("the codes are not sorted")
	}
}

// TestJobs: -j bounds how many steps want to work at once, and the descriptors of this machine do not.
func TestJobs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.yaml")
	text := "flowrun: 1\nsteps: [{gather: {for: i, in: 'range(5000)', do: {run: ['true', '${{ i }}']}}}]\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if list := check(t, path, executor.LoadOptions{Jobs: 100}); len(list) > 0 {
		t.Errorf("with -j 100: %s", list.Error())
	}
	if list := check(t, path, executor.LoadOptions{Room: 100}); len(list) != 1 {
		t.Errorf("with room for 100: %s", list.Error())
	}
}

// TestExamples: of the files that show what flowrun does only this is said, and it is true of them.
func TestExamples(t *testing.T) {
	known := map[string]bool{
		"gpu.yaml:7 remote-semaphore":                    true,
		"06a-timeout.yaml:5 remote-short-timeout":        true,
		"06b-timeout-retry.yaml:12 remote-short-timeout": true,
	}
	for _, pattern := range []string{"../../../examples/*.yaml", "../../../examples/*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, path := range paths {
			for _, d := range check(t, path, executor.LoadOptions{}) {
				if at := fmt.Sprintf("%s:%d %s", filepath.Base(d.Pos.File), d.Pos.Line, d.Code); !known[at] {
					t.Errorf("%s: %s", at, d)
				}
			}
		}
	}
}
