// Package examples_test runs the examples and compares what they print with the golden files beside them.
package examples_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

func compile(t *testing.T, file string) *plan.Plan {
	t.Helper()
	f, err := spec.Load(file, strings.NewReader(""), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs p and returns its result with the lines that it echoed.
func run(t *testing.T, p *plan.Plan, inputs map[string]any) (*executor.Result, []string) {
	t.Helper()
	var lines []string
	r, err := executor.Run(context.Background(), p, executor.Options{
		Inputs: inputs, Machine: t.TempDir(),
		Observe: []func(event.Event){func(e event.Event) {
			if e.Type == event.StepOutput && e.Stream == "echo" {
				lines = append(lines, strings.Split(strings.TrimSuffix(e.Text, "\n"), "\n")...)
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, lines
}

// TestAsyncio runs the cells of the chapter, on a clock that does not wait.
func TestAsyncio(t *testing.T) {
	files, err := filepath.Glob("asyncio/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			p := compile(t, file)
			var b strings.Builder
			synctest.Test(t, func(t *testing.T) {
				r, lines := run(t, p, nil)
				if r.Root.Status != event.Succeeded {
					t.Fatalf("%s: %v", r.Root.Status, r.Root.Err)
				}
				value, err := json.Marshal(r.Root.Value)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "value: %s\n", value)
				for _, l := range lines {
					fmt.Fprintf(&b, "echo: %s\n", l)
				}
			})
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("want:\n%sgot:\n%s", want, b.String())
			}
		})
	}
}

// need skips a test on a machine without these programs.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

func TestHello(t *testing.T) {
	need(t, "echo")
	r, lines := run(t, compile(t, "hello.yaml"), nil)
	if got := strings.Join(lines, "|"); got != "hello, world!" || r.Exit != 0 {
		t.Errorf("echoed %q, exit %d: %v", got, r.Exit, r.Root.Err)
	}
}

// TestFanout runs the job on a small folder: the list is in the order of the names, the report counts all of it.
func TestFanout(t *testing.T) {
	need(t, "find", "sha256sum", "wc")
	folder := t.TempDir()
	for name, text := range map[string]string{
		"b.md": "one two three\n", "a.go": "package a\n", "c.txt": "not counted\n", "sub/with space.md": "four\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, lines := run(t, compile(t, "fanout.yaml"), map[string]any{"folder": folder})
	if r.Exit != 0 {
		t.Fatalf("%s: %v", r.Root.Status, r.Root.Err)
	}
	if got := strings.Join(lines, "|"); got != "3 files, 6 words|longest: ./b.md (3 words)" {
		t.Errorf("echoed %q", got)
	}
	for _, s := range r.Root.Children {
		if s.Path != "files" {
			continue
		}
		var names []string
		for _, x := range s.Value.([]any) {
			names = append(names, x.(map[string]any)["file"].(string))
		}
		if got := strings.Join(names, "|"); got != "./a.go|./b.md|./sub/with space.md" {
			t.Errorf("the list is %s", got)
		}
	}
}

// TestRelease: a title that a shell would run stays a title.
func TestRelease(t *testing.T) {
	need(t, "sh", "bash", "wc", "cat")
	folder := t.TempDir()
	r, lines := run(t, compile(t, "release.yaml"), map[string]any{"folder": folder})
	if got := strings.Join(lines, "|"); got != "release-1.3.md: # It's here; $(reboot)" || r.Exit != 0 {
		t.Errorf("echoed %q, exit %d: %v", got, r.Exit, r.Root.Err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "release-1.3.md"))
	if want := "# It's here; $(reboot)\nBuilt by run " + r.Run + ".\n"; err != nil || string(page) != want {
		t.Errorf("the page is %q, want %q: %v", page, want, err)
	}
}

func TestGPU(t *testing.T) {
	need(t, "printf", "wc")
	r, lines := run(t, compile(t, "gpu.yaml"), nil)
	if got := strings.Join(lines, "|"); got != "trained 3 models" || r.Exit != 0 {
		t.Errorf("echoed %q, exit %d: %v", got, r.Exit, r.Root.Err)
	}
}

// TestServices: the services are there for the test, and with the run they are gone, and so is their folder.
func TestServices(t *testing.T) {
	need(t, "mktemp", "mkfifo", "tr", "date", "cat", "rm")
	t.Setenv("TMPDIR", t.TempDir())
	r, lines := run(t, compile(t, "services.yaml"), nil)
	if got := strings.Join(lines, "|"); got != "HELLO, SERVICES" || r.Exit != 0 {
		t.Errorf("echoed %q, exit %d: %v", got, r.Exit, r.Root.Err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestArtifacts: what the builds keep is packed.
func TestArtifacts(t *testing.T) {
	need(t, "sh", "mkdir", "chmod", "cat")
	folder := t.TempDir()
	r, lines := run(t, compile(t, "artifacts.yaml"), map[string]any{"folder": folder})
	if got := strings.Join(lines, "|"); got != "2 builds, 41 bytes: I am for darwin" || r.Exit != 0 {
		t.Errorf("echoed %q, exit %d: %v", got, r.Exit, r.Root.Err)
	}
}

// TestCompile looks at what is too much for a test to run.
func TestCompile(t *testing.T) { compile(t, "ci.yaml") }
