package durations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func compile(t testing.TB, text string, jobs int) *plan.Plan {
	t.Helper()
	f, err := spec.Parse("w.yaml", []byte(text), spec.Options{Kinds: steps.Builtin(), Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{Jobs: jobs, Open: func(string, string) (*ast.File, error) { panic("no files") }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world is how long an attempt works, and whether it succeeds. The path of a probe ends in " ready".
type world func(path string, attempt int) (time.Duration, bool)

// play plays a run of p and tells it to observe.
func play(p *plan.Plan, inputs map[string]any, w world, observe func(event.Event)) (event.Outcome, time.Duration) {
	return sim.Run(p, sim.Options{
		Kernel: kernel.Options{RunID: "r", Name: p.Name, Start: start, Inputs: inputs},
		Work: func(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
			path := call.Step
			if k.Probe {
				path += " ready"
			}
			d, ok := w(path, call.Attempt)
			if !ok {
				return d, event.Failure(event.Errorf(event.ExitError, "exit status 1"))
			}
			return d, event.Success("x")
		},
		Observe: observe,
	})
}

// learned is the past of runs that went like w.
func learned(t testing.TB, p *plan.Plan, inputs map[string]any, runs ...world) *durations.Past {
	t.Helper()
	var past *durations.Past
	for i, w := range runs {
		r := durations.Follow(p, nil, nil)
		o, took := play(p, inputs, w, r.Observe)
		if o.Status != event.Succeeded {
			t.Fatalf("run %d: %v %v", i, o.Status, o.Err)
		}
		past = past.With(r, durations.Good{ID: fmt.Sprint(i), Took: took})
	}
	return past
}

// TestLeft plays runs like those before, and compares what is said to be left with what then was.
func TestLeft(t *testing.T) {
	t.Parallel()
	took := func(path string, attempt int) (time.Duration, bool) {
		for _, w := range []struct {
			end string
			d   time.Duration
		}{{"short", 1 * time.Second}, {"long", 30 * time.Second}, {"db", time.Hour}, {"ready", 3 * time.Second}, {"flaky", 4 * time.Second}} {
			if strings.HasSuffix(path, w.end) {
				return w.d, w.end != "flaky" || attempt > 2
			}
		}
		return 10 * time.Second, true
	}
	for name, c := range map[string]struct {
		text string
		jobs int
		off  time.Duration // by which an estimate may be wrong
	}{
		"list":      {"steps: [{run: a}, {id: long, run: b}, {sleep: 7s}, {value: 1}, {id: short, run: c}]", 0, 0},
		"gather":    {"gather: [{run: a}, {id: long, run: b}, {id: short, run: c}]", 0, 0},
		"needs":     {"gather: [{id: a, run: a}, {id: long, needs: short, run: b}, {id: short, needs: a, run: c}, {id: x, run: x, needs: [a, long]}]", 0, 0},
		"limit":     {"gather: [{run: a}, {run: b}, {id: long, run: b}, {id: short, run: c}, {run: d}, {run: e}]\nlimit: 2", 0, 0},
		"generator": {"gather: {for: x, in: range(23), do: {run: a}}\nlimit: 4", 0, 0},
		"sequel":    {"steps:\n- gather: {for: x, in: range(23), do: {steps: [{run: a}, {id: short, run: a}]}}\n  limit: 4\n- {id: long, run: b}", 0, 0},
		"jobs":      {"steps:\n- gather: {for: x, in: range(20), do: {run: a}}\n- {id: long, run: b}", 4, 0},
		"semaphore": {"semaphores: {s: 2}\nsteps:\n- gather: {for: x, in: range(20), do: {run: a, semaphore: s}}\n- {id: long, run: b}", 0, 0},
		"loop":      {"steps: {for: x, in: range(9), do: {run: a}}", 0, 0},
		"call":      {"workflows: {w: {steps: [{run: a}, {id: short, run: b}]}}\nsteps: [{call: w}, {id: c, call: w}, {run: x}]", 0, 0},
		"handlers": {"steps:\n- {run: a, except: [{id: long, run: b}], else: [{run: c}], finally: [{id: short, run: d}]}\n" +
			"- {run: a, finally: [{run: e}]}", 0, 0},
		"race":     {"steps:\n- wait: [{run: a}, {id: long, run: b}]\n  return_when: first_success\n- {id: short, run: c}", 0, 0},
		"skipped":  {"steps: [{run: a}, {if: \"len('a') > 1\", id: long, run: b}, {run: c}]", 0, 0},
		"services": {"steps:\n- {id: db, background: true, run: db, ready: {tcp: \"localhost:1\"}}\n- {run: a}\n- {id: short, run: b}", 0, 0},
		"awaited":  {"steps:\n- {id: long, background: true, run: x}\n- {run: a}\n- {await: long}\n- {id: short, run: b}", 0, 0},
		"retry":    {"steps:\n- {id: flaky, run: x, retry: {attempts: 4, delay: 5s}}\n- {run: a}", 0, 0},
		"timeout":  {"steps:\n- {id: slow, sleep: 1h, timeout: 8s, except: [{value: 1}]}\n- {run: a}", 0, 0},
		"visits":   {"gather: {for: x, in: range(6), do: {id: short, run: a}}\nas_completed: {run: b}", 0, 0},
		"recursion": {"workflows: {w: {inputs: {n: {type: integer}}, steps: [{run: a}, {if: inputs.n > 0, call: w, with: {n: \"${{ inputs.n - 1 }}\"}}]}}\n" +
			"steps: [{call: w, with: {n: 3}}]", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, "flowrun: 1\n"+c.text+"\n", c.jobs)
			past := learned(t, p, nil, took, took, took)
			total := past.Runs()[0].Took
			r := durations.Follow(p, past, nil)
			before := start
			play(p, nil, took, func(e event.Event) {
				if e.Time.After(before) {
					now := before.Add(e.Time.Sub(before) / 2) // between two instants
					is := total - now.Sub(start)
					left, known := r.Left(now)
					if off := left - is; !known || off.Abs() > c.off {
						t.Errorf("after %v: %v left, known %v; it is %v", now.Sub(start), left, known, is)
					}
					before = e.Time
				}
				r.Observe(e)
			})
		})
	}
}
