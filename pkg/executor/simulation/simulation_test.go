package simulation_test

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/golden"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/simulation"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

// compile reads and compiles a file that calls no other. A first line "# jobs 2" is an option.
func compile(t *testing.T, name string, src []byte) *plan.Plan {
	t.Helper()
	f, err := spec.Parse(name, src, spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var opt plan.Options
	if strings.HasPrefix(string(src), "# jobs 2\n") {
		opt.Jobs = 2
	}
	p, err := plan.Compile(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestText: a case in testdata is a file NAME.yaml, durations if it has any (NAME.durations), and what comes of it (NAME.want): the
// text, 80 columns wide, or what is wrong with the durations.
func TestText(t *testing.T) {
	golden.Cases(t, "testdata/simulation.txtar", *update, simulate)
}

func simulate(t *testing.T, name string, files map[string][]byte) string {
	t.Helper()
	p := compile(t, name+".yaml", files[name+".yaml"])
	inputs, err := executor.CheckInputs(p, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var entries []simulation.Entry
	if src, ok := files[name+".durations"]; ok {
		values, err := spec.Values("durations", src)
		if err != nil {
			t.Fatal(err)
		}
		for path, v := range values {
			entries = append(entries, simulation.Entry{Path: path, Value: v.V, Pos: v.Pos})
		}
		slices.SortFunc(entries, func(a, b simulation.Entry) int { return a.Pos.Line - b.Pos.Line })
	}
	r, err := simulation.Run(p, simulation.Options{Inputs: inputs, Durations: entries})
	if err != nil {
		return err.Error() + "\n"
	}
	var lines []string
	for line := range strings.Lines(r.Text(80)) {
		if utf8.RuneCountInString(line) > 81 && strings.ContainsAny(line, "█░─") {
			t.Errorf("this is wider than 80 columns: %s", line)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// TestLarge: what is shown of a large run is small, and nothing of it is slow.
func TestLarge(t *testing.T) {
	p := compile(t, "large.yaml", []byte("flowrun: 1\nsteps: [{id: g, gather: {for: i, in: range(10000), do: {run: [t, \"${{ i }}\"]}}, limit: 10}]\n"))
	r, err := simulation.Run(p, simulation.Options{Durations: []simulation.Entry{{Path: "g[*]", Value: "2s"}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Total != 2000*time.Second || len(r.Critical) != 1000 || len(r.Limits) != 1 || r.Limits[0].Without != 2*time.Second {
		t.Errorf("total %s, critical path of %d, limits %v", r.Total, len(r.Critical), r.Limits)
	}
	if n := strings.Count(r.Text(100), "\n"); n > 100 {
		t.Errorf("the text has %d lines", n)
	}
}

// TestNoEnd: what has no end is stopped, and said to be.
func TestNoEnd(t *testing.T) {
	for _, step := range []string{
		`{run: x, retry: {attempts: 1000000000, until: "false"}}`,
		`{fail: x, retry: {attempts: 1000000000}}`,
		`{steps: {for: i, in: range(1000000), do: {echo: x}}}`,
	} {
		p := compile(t, "endless.yaml", []byte("flowrun: 1\nsteps: ["+step+"]\n"))
		r, err := simulation.Run(p, simulation.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Cut || !strings.Contains(r.Text(80), "no end is in sight") {
			t.Errorf("%s is not cut", step)
		}
	}
}

// TestEnvironmentIsNotShown: what the environment holds is not told, whatever fails with it.
func TestEnvironmentIsNotShown(t *testing.T) {
	for _, steps := range []string{
		`{fail: "cannot use ${{ env.TOKEN }}"}`,
		`{id: a, value: "${{ env.TOKEN }}"}, {fail: {type: "T", message: "${{ steps.a.value }}"}}`,
		`{env: {HERE: "x-${{ env.TOKEN }}"}, fail: "${{ env.HERE }}"}`,
		`{fail: "${{ toJSON(env) }}"}`,
		`{sleep: "${{ env.TOKEN }}"}`,
	} {
		p := compile(t, "fails.yaml", []byte("flowrun: 1\nsteps: ["+steps+"]\n"))
		r, err := simulation.Run(p, simulation.Options{Env: []string{"TOKEN=hunter2", "OTHER=cannot"}})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if r.Outcome.Err == nil || strings.Contains(b.String()+r.Text(80), "hunter2") {
			t.Errorf("%s: %s", steps, &b)
		}
	}
}
