package executor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// TestRetakeRandom: of random workflows in which something fails in the first take, the second take comes to what a run comes to in
// which nothing fails. Nothing is done in it twice, nor what stands in a list before all that failed. It comes to the same,
// and does nothing else, when its process dies anywhere and it is resumed.
func TestRetakeRandom(t *testing.T) {
	n := 15
	if os.Getenv("FLOWRUN_LONG") != "" {
		n = 2000
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { random(t, dir, rand.New(rand.NewPCG(uint64(seed), 5))) })
		})
	}
}

func random(t *testing.T, dir string, r *rand.Rand) {
	w := &workers{}
	text := []byte(randomFlow(r))
	p := compileWith(t, w.kinds(), "w.yaml", text, nil)
	opt := executor.Options{RunID: "R", Earlier: executor.Earlier{Plan: p}, Keep: journal.Keep{
		Folder: filepath.Join(dir, "runs", "R"), Sources: []journal.Source{{Name: "w.yaml", Path: filepath.Join(dir, "w.yaml"), Text: text}},
	}}
	do := func(take int, run func(context.Context, *plan.Plan, executor.Options) (*executor.Result, error), opt executor.Options) (string, []string) {
		w.take, w.begun = take, nil
		result, err := run(context.Background(), p, opt)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return statuses(result.Root), w.begun
	}
	want, _ := do(9, executor.Run, executor.Options{})
	do(1, executor.Run, opt)
	got, begun := do(2, executor.Retake, opt)
	if got != want {
		t.Fatalf("got\n%swant\n%sof\n%s", got, want, text)
	}
	slices.Sort(begun)
	if twice := slices.Compact(slices.Clone(begun)); len(twice) != len(begun) {
		t.Errorf("twice in one take: %v\n%s", begun, text)
	}
	whole, err := os.ReadFile(filepath.Join(opt.Keep.Folder, "journal.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for range 4 {
		cut := 2 + r.IntN(len(lines)-3) // behind the header and what was given
		copied := opt
		copied.Keep.Folder = filepath.Join(dir, "runs", fmt.Sprintf("C%d", r.Int()))
		if err := errors.Join(os.CopyFS(copied.Keep.Folder, os.DirFS(opt.Keep.Folder)),
			os.WriteFile(filepath.Join(copied.Keep.Folder, "journal.ndjson"), bytes.Join(lines[:cut], nil), 0o600),
			os.Remove(filepath.Join(copied.Keep.Folder, "result.json"))); err != nil {
			t.Fatal(err)
		}
		got, more := do(2, executor.Resume, copied)
		if got != want {
			t.Fatalf("cut behind line %d: got\n%swant\n%sof\n%s", cut, got, want, text)
		}
		for _, name := range more {
			if !slices.Contains(begun, name) {
				t.Errorf("cut behind line %d: %s has begun, which was kept before\n%s", cut, name, text)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(opt.Keep.Folder, "earlier", "2")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// statuses are the paths of the steps with what they came to.
func statuses(s *executor.Step) string {
	value, _ := event.Marshal(s.Value)
	text := fmt.Sprintf("%s %s %s\n", s.Path, s.Status, value)
	for _, c := range s.Children {
		text += statuses(c)
	}
	return text
}

// randomFlow is a workflow in which everything succeeds but in the first take.
func randomFlow(r *rand.Rand) string {
	n := 0
	var block func(depth int) string
	step := func(depth int) string {
		n++
		id := fmt.Sprintf("s%d", n)
		if depth > 0 && r.IntN(3) == 0 {
			extra := ""
			switch r.IntN(5) {
			case 0:
				extra = fmt.Sprintf(", finally: [{run: [%s_end]}], cleanup_timeout: 100h", id)
			case 1:
				extra = ", retry: {attempts: 2}"
			}
			return fmt.Sprintf("{id: %s, %s%s}", id, block(depth-1), extra)
		}
		if r.IntN(6) == 0 {
			return fmt.Sprintf("{id: %s, value: %d}", id, n)
		}
		fails := ""
		if r.IntN(6) == 0 {
			fails = ", fails 1"
		}
		return fmt.Sprintf("{id: %s, run: [%s, after %dms%s]}", id, id, 1+r.IntN(5000), fails)
	}
	block = func(depth int) string {
		var list []string
		for range 1 + r.IntN(4) {
			list = append(list, step(depth))
		}
		switch r.IntN(5) {
		case 0:
			n++
			bg := fmt.Sprintf("{id: b%d, background: true, run: [b%d, after 2s%s]}", n, n, []string{"", ", fails 1"}[r.IntN(2)])
			return "steps: [" + bg + ", " + strings.Join(list, ", ") + fmt.Sprintf(", {await: b%d}, ", n) + step(0) + "]"
		case 1:
			return "taskgroup: [" + strings.Join(list, ", ") + "]"
		case 2:
			return fmt.Sprintf("gather: [%s], limit: %d", strings.Join(list, ", "), 1+r.IntN(2))
		case 3:
			n++
			return fmt.Sprintf("gather: {for: x, in: [1, 2, 3], do: {steps: [{run: [\"g%d ${{ x }}\"]}, {run: [\"h%d ${{ x }}\", \"${{ x == %d ? 'fails 1' : '' }}\"]}]}}", n, n, r.IntN(5))
		}
		return "steps: [" + strings.Join(list, ", ") + "]"
	}
	return "flowrun: 1\nsteps: [{id: top, " + block(3) + "}]\n"
}
