package executor_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/compare"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/golden"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

// TestRetake goes through the cases in testdata/retake.txtar. NAME.yaml is run in a first take, which may fail, and again in a second
// one; if there is a NAME.new it is that which is run then. NAME.want has what was begun in each take, sorted, how much was
// said to be kept and done again, and how the take ended.
//
// The items of a run are what it does: its name, then "after 2s", "fails 1" and "lasts 1": in that take it fails, or works until it is
// told to stop.
func TestRetake(t *testing.T) {
	golden.Cases(t, "testdata/retake.txtar", *update, func(t *testing.T, name string, files map[string][]byte) (got string) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) { got = retaken(t, dir, name, files) })
		return got
	})
}

func retaken(t *testing.T, dir, name string, files map[string][]byte) string {
	t.Helper()
	w := &workers{}
	text := files[name+".yaml"]
	old := compileWith(t, w.kinds(), "w.yaml", text, nil)
	keep := journal.Keep{
		Folder: filepath.Join(dir, "runs", "R"), Command: journal.Command{Flowrun: "test"},
		Sources: []journal.Source{{Name: "w.yaml", Path: filepath.Join(dir, "w.yaml"), Text: text}},
	}
	var out strings.Builder
	take := func(run func(context.Context, *plan.Plan, executor.Options) (*executor.Result, error), p *plan.Plan, from executor.Earlier) {
		w.take++
		said := ""
		from.Judged = func(kept, again int) { said = fmt.Sprintf(" (%d kept, %d again)", kept, again) }
		r, err := run(context.Background(), p, executor.Options{Keep: keep, RunID: "R", Earlier: from})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(w.begun)
		value, err := event.Marshal(r.Root.Value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%d: %s%s: %s %s\n", w.take, strings.Join(w.begun, " "), said, r.Root.Status, value)
		w.begun = nil
	}
	take(executor.Run, old, executor.Earlier{})
	p, changed := old, []*plan.Step(nil)
	if text, ok := files[name+".new"]; ok {
		p = compileWith(t, w.kinds(), "w.yaml", text, nil)
		for _, c := range compare.Plans(old, p) {
			if c.Old != nil {
				changed = append(changed, c.Old)
			}
		}
		keep.Sources[0].Text = text
	}
	take(executor.Retake, p, executor.Earlier{Plan: old, Changed: changed})
	if strings.Contains(string(text), "fails 2") {
		take(executor.Retake, p, executor.Earlier{Plan: p})
	}
	return out.String()
}

// workers do what the cases have for work.
type workers struct {
	take  int
	mu    sync.Mutex
	begun []string
}

func (w *workers) kinds() []*kind.Kind {
	out := steps.Builtin()
	for i, k := range out {
		if k.Run != nil {
			fake := *k
			fake.Run = func(ctx context.Context, call kind.Call) event.Outcome { return w.work(ctx, k, call) }
			out[i] = &fake
		}
	}
	return out
}

func (w *workers) work(ctx context.Context, k *kind.Kind, call kind.Call) event.Outcome {
	items, _ := call.Args["run"].([]any)
	name := "ready:" + call.Step
	if !k.Probe {
		name = items[0].(string)
	}
	w.mu.Lock()
	w.begun = append(w.begun, name)
	w.mu.Unlock()
	o := event.Success(name)
	o.Extra = map[string]any{"stdout": name}
	wait := span("1s")
	for _, item := range items[min(1, len(items)):] {
		word, rest, _ := strings.Cut(item.(string), " ")
		switch now := rest == strconv.Itoa(w.take); {
		case word == "after":
			wait = span(rest)
		case word == "long":
			o.Extra = map[string]any{"stdout": strings.Repeat("x", 5000)}
		case word == "fails" && now:
			o = event.Failure(event.Errorf("FailError", "%s fails", name))
		case word == "lasts" && now:
			wait = ever
		}
	}
	select {
	case <-ctx.Done():
		return event.Failure(event.Errorf(event.ExitError, "stopped"))
	case <-time.After(wait):
		return o
	}
}

// TestRetakeBusy: of two that begin a take of a run one has it, and a run that is going on is not taken.
func TestRetakeBusy(t *testing.T) {
	w := &workers{take: 1}
	p := compileWith(t, w.kinds(), "w.yaml", []byte("flowrun: 1\nsteps: [{run: [a, fails 1, after 1ms]}]"), nil)
	keep := journal.Keep{Folder: filepath.Join(t.TempDir(), "runs", "R"), Sources: []journal.Source{{Name: "w.yaml", Path: "/w.yaml"}}}
	if _, err := executor.Run(context.Background(), p, executor.Options{Keep: keep}); err != nil {
		t.Fatal(err)
	}
	opt := executor.Options{Keep: keep, Earlier: executor.Earlier{Plan: p}}
	w.take++
	opt.Observe = []func(event.Event){func(e event.Event) {
		if e.Type == event.StepStart {
			if _, err := executor.Retake(context.Background(), p, executor.Options{Keep: keep, Earlier: opt.Earlier}); !errors.Is(err, journal.ErrBusy) {
				t.Errorf("while it goes on: %v", err)
			}
		}
	}}
	r, err := executor.Retake(context.Background(), p, opt)
	if err != nil || r.Root.Status != event.Succeeded {
		t.Fatal(r, err)
	}
}
