package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestPastRuns looks at runs of which the last one was slow in its second step. They were played on a virtual clock.
func TestPastRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state, file := filepath.Join(dir, "state"), filepath.Join(dir, "ci.yaml")
	text := "flowrun: 1\nname: ci\nsteps: [{id: build, run: make}, {id: test, run: make test}, {value: 1}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := executor.Load(file, executor.LoadOptions{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i, test := range []time.Duration{40 * time.Second, 50 * time.Second, 45 * time.Second, 80 * time.Second} {
		ids = append(ids, fmt.Sprintf("01J%023d", i))
		played(t, state, file, ids[i], p, map[string]time.Duration{"build": 10 * time.Second, "test": test})
	}
	flowrun := func(args ...string) string {
		var out, errs bytes.Buffer
		code := cli.Main(append([]string{"flowrun", "--state-dir", state}, args...), cli.System{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Env: []string{"HOME=" + dir, "COLUMNS=80"},
		})
		if code != 0 {
			t.Errorf("%s: exit code %d\n%s", args, code, errs.String())
		}
		return out.String()
	}
	const (
		usual = "✓ succeeded  build  10s\n✓ succeeded  test  45s\n\n✓ ci succeeded in 55s: 3 succeeded\nslowest: test 45s, build 10s\n"
		slow  = "✓ succeeded  build  10s\n✓ succeeded  test  1m20s, slower than usual (45s)\n\n✓ ci succeeded in 1m30s: 3 succeeded\nslowest: test 1m20s, build 10s\n"
	)
	if got := flowrun("show", ids[2]); got != usual {
		t.Errorf("%s", got)
	}
	if got := flowrun("show", ids[3]); got != slow {
		t.Errorf("%s", got)
	}
	for args, want := range map[string]string{
		"":                                "total 55s\ncritical path: build 10s > test 45s\ndurations: 2 steps take as long as usual, by the last 4 runs that succeeded\n",
		"--durations none":                "total 2s\ncritical path: build 1s > test 1s\nassumed: 1s for each attempt of 2 steps without a duration\n",
		"--format json":                   `"steps_as_before":2,"past_runs":4,`,
		"--format json --durations none":  `"steps_as_before":0,"past_runs":0,`,
		"--durations " + dir + "/du.yaml": "total 3s\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "du.yaml"), []byte("build: 2s\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := flowrun(append([]string{"plan", "--simulate", file}, strings.Fields(args)...)...); !strings.Contains(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", args, got, want)
		}
	}
	if got := flowrun("history", "--prune", "1"); got != "removed 3 runs\n" {
		t.Error(got)
	}
	if kept, err := filepath.Glob(filepath.Join(state, "durations", "*", "*")); err != nil || len(kept) != 1 || filepath.Base(kept[0]) != ids[3] {
		t.Error(kept, err)
	}
}

// played is the folder of a run that was played.
func played(t *testing.T, state, file, id string, p *plan.Plan, took map[string]time.Duration) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := journal.Create(
		journal.Keep{Folder: journal.Of(state, id), Sources: []journal.Source{{Name: file, Path: file, Text: text}}},
		journal.Header{Run: id, Workflow: p.Name, File: file, Start: start, Plan: executor.Checksum(p)}, journal.Inputs{},
	)
	if err != nil {
		t.Fatal(err)
	}
	sim.Run(p, sim.Options{
		Kernel:  kernel.Options{RunID: id, Name: p.Name, Start: start},
		Observe: w.Observe,
		Work: func(_ *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
			return took[call.Step], event.Success(nil)
		},
	})
	if err := w.End(func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
}
