package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// fakeDisk is a disk that takes its time, and knows what would be left of a run if the power were lost.
type fakeDisk struct {
	takes time.Duration
	fails int // the sync that fails, from 1; 0: none

	mu        sync.Mutex
	plan      *plan.Plan
	told      []event.Event
	soon      []event.Event // Seq is how many had been told
	committed int           // of told
	foreseen  int           // of soon, committed
	safe      int           // of told
	safeSoon  int
	syncs     int
	err       error
	broken    bool
	early     int // steps that began before their step.start was safe
	begun     []string
	problems  []string
}

func (d *fakeDisk) observe(e event.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, e)
}

func (d *fakeDisk) announce(list []event.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.soon = append(d.soon, list...)
}

func (d *fakeDisk) commit() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.committed, d.foreseen = len(d.told), len(d.soon)
	err := d.err
	d.err = nil
	return err
}

func (d *fakeDisk) sync() {
	d.mu.Lock()
	told, soon := d.committed, d.foreseen
	d.syncs++
	bad := d.syncs == d.fails
	d.mu.Unlock()
	time.Sleep(d.takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	if bad {
		d.err, d.broken = errors.New("the disk is broken"), true
		return
	}
	d.safe, d.safeSoon = told, soon
}

// begins sees that all that the work hangs on, and its begin, is on the disk.
func (d *fakeDisk) begins(call kind.Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun = append(d.begun, call.Step)
	if d.broken {
		return // it is a cleanup
	}
	i := len(d.told) - 1
	for ; i >= 0; i-- {
		if e := d.told[i]; e.Type == event.StepStart && e.Path == call.Step && e.Attempt == call.Attempt {
			break
		}
	}
	if i < 0 {
		d.say("%s works, and has not begun", call.Step)
		return
	}
	if i < d.safe {
		return
	}
	d.early++
	e := d.told[i]
	if !slices.ContainsFunc(d.soon[:d.safeSoon], func(s event.Event) bool {
		return s.Parent == e.Parent && s.Order == e.Order && s.Attempt == e.Attempt && s.Path == e.Path
	}) {
		d.say("%s works, and its begin is not on the disk", call.Step)
	}
	above := map[int32]bool{}
	for up := e.Parent; up >= 0; up = d.parent(up) {
		above[up] = true
	}
	reads := map[string]bool{}
	step := d.plan.Steps[e.Node]
	step.EachValue(func(_ string, v *plan.Value) {
		for _, r := range v.Refs {
			if r.Kind == plan.RefStep {
				reads[r.Member] = true
			}
		}
	})
	plan.Walk(step.Body, func(n plan.Node) {
		if n, ok := n.(*plan.Needs); ok {
			for _, x := range n.On {
				reads[x.ID] = true
			}
		}
	})
	for _, x := range d.told[d.safe:i] {
		if x.Type == event.StepStart && above[x.Step] || x.Type == event.StepEnd && reads[d.plan.Steps[x.Node].ID] || x.Step == e.Step && x.Type != event.StepQueued {
			d.say("%s works, and %s of %q, on which it hangs, is not on the disk", call.Step, x.Type, x.Path)
		}
	}
}

func (d *fakeDisk) parent(step int32) int32 {
	for _, e := range d.told {
		if e.Step == step {
			return e.Parent
		}
	}
	return -1
}

func (d *fakeDisk) say(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

// kinds are the fakes, watched.
func (d *fakeDisk) kinds() []*kind.Kind {
	list := fakes()
	for _, k := range list {
		if work := k.Run; work != nil && !k.Probe {
			k.Run = func(ctx context.Context, call kind.Call) event.Outcome {
				d.begins(call)
				return work(ctx, call)
			}
		}
	}
	return list
}

// run runs a plan of its kinds in a bubble.
func (d *fakeDisk) run(t *testing.T, p *plan.Plan, inputs map[string]any) *ran {
	r := &ran{plan: p}
	d.plan = p
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r.outcome = local.Run(t.Context(), p, local.Options{
			Kernel: options(p, inputs), Observe: d.observe, Commit: d.commit, Sync: d.sync, Soon: d.announce,
		})
		r.took = time.Since(began)
	})
	r.events = d.told
	for _, text := range d.problems {
		t.Error(text)
	}
	return r
}

// TestOnDisk: in every case, however long the disk takes, no step works before all that it hangs on and its own begin is on the
// disk; and with a disk that takes no time all is as without one.
func TestOnDisk(t *testing.T) {
	for _, file := range files(t, "testdata/cases/*.txtar") {
		src, inputs, parts := readCase(t, file)
		d := &fakeDisk{}
		p := compileWith(t, d.kinds(), file, []byte(src), parts)
		for _, takes := range []time.Duration{0, 7 * time.Millisecond} {
			t.Run(fmt.Sprint(stem(file), " ", takes), func(t *testing.T) {
				*d = fakeDisk{takes: takes}
				r := d.run(t, p, inputs)
				if want := onSim(p, inputs, false).told(); takes == 0 && r.told() != want {
					t.Errorf("the events differ from those without a disk:\n%s", gocmp.Diff(want, r.told()))
				}
			})
		}
	}
}

// TestQueuesOnDisk: the same for steps that queue, in all ways in which they can.
func TestQueuesOnDisk(t *testing.T) {
	for name, text := range map[string]string{
		"two limits":         `{gather: {for: i, in: range(5), do: {gather: {for: j, in: range(5), do: {run: [after 9ms]}}, limit: 2}}, limit: 2}`,
		"a semaphore":        `{gather: {for: i, in: range(20), do: {run: [after 9ms], semaphore: one, total_timeout: 1h}}}`,
		"semaphores":         `{gather: {for: i, in: range(20), do: {run: [after 9ms], semaphore: [one, two]}}, limit: 3}`,
		"it is tried again":  `{gather: {for: i, in: range(9), do: {run: [after 9ms, "1: exit 1", "2: exit 1"], retry: {attempts: 3, delay: 20ms}}}, limit: 2}`,
		"all is tried again": `{id: g, gather: {for: i, in: range(9), do: {id: x, run: [after 9ms, exit 1]}}, limit: 2, retry: {attempts: 3}, except: [{run: [after 9ms]}]}`,
		"one fails":          `{taskgroup: {for: i, in: range(9), do: {run: ["after ${{ 9 * (i + 1) }}ms", "${{ i == 3 ? 'exit 1' : 'after 9ms' }}"]}}, limit: 2, except: [{run: [after 9ms]}]}`,
		"some are skipped":   `{gather: {for: i, in: range(20), do: {if: i % 3 != 0, run: [after 9ms]}}, limit: 2}`,
		"written out":        `{limit: 1, gather: [{id: a, run: [after 9ms]}, {id: b, run: [after 9ms]}, {id: c, needs: [a], run: [after 9ms]}, {id: d, run: [after 9ms], env: {X: "${{ steps.c.value }}"}}, {run: [after 9ms]}, {run: [after 9ms]}]}`,
		"lists":              `{gather: {for: i, in: range(9), do: {steps: [{run: [after 9ms]}, {run: [after 9ms], semaphore: one}]}}, limit: 3}`,
		"with limits":        `{gather: {for: i, in: range(9), do: {run: [after 9ms, "${{ i }}: after 1h"], timeout: 20ms, shield: true, except: [{run: [after 9ms]}], finally: [{run: [after 9ms], semaphore: one}]}}, limit: 2}`,
	} {
		for _, takes := range []time.Duration{0, 2 * time.Millisecond, 7 * time.Millisecond, 100 * time.Millisecond} {
			t.Run(fmt.Sprint(name, " ", takes), func(t *testing.T) {
				d := &fakeDisk{takes: takes}
				text := "flowrun: 1\nsemaphores: {one: 1, two: 2}\nsteps: [" + text + "]\n"
				d.run(t, compileWith(t, d.kinds(), "w.yaml", []byte(text), nil), nil)
				if d.early < 1 && takes > 0 && takes < 9*time.Millisecond { // without a time, who is first of an instant decides
					t.Errorf("only %d steps were announced in time", d.early)
				}
			})
		}
	}
}

const thousand = `
flowrun: 1
steps:
  - id: g
    gather: {for: i, in: range(1000), do: {run: [after 3ms]}}
    limit: 2
`

// TestAnnounced: where steps queue, the disk is no bound: it is written to for many of them at once, and not more often than its lag
// says. Without a queue every step waits for it.
func TestAnnounced(t *testing.T) {
	for _, x := range []struct {
		name, text string
		least      int // that did not wait
		longest    time.Duration
		most       int // syncs
	}{
		{"generated", thousand, 990, 1540 * time.Millisecond, 170},
		{"one after the other", "flowrun: 1\nsteps: {for: i, in: range(100), do: {run: [after 3ms]}}\n", 0, 810 * time.Millisecond, 101},
		{
			"it reads the status of a task", `
flowrun: 1
steps:
  - {id: task, background: true, run: [after 1s]}
  - gather: {for: i, in: range(100), do: {run: [after 3ms], env: {S: "${{ steps.task.status }}"}}}
    limit: 2
`, 0, 600 * time.Millisecond, 110,
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := &fakeDisk{takes: 5 * time.Millisecond}
			r := d.run(t, compileWith(t, d.kinds(), "w.yaml", []byte(x.text), nil), nil)
			if d.early < x.least || x.least == 0 && d.early > 0 || r.took > x.longest || d.syncs > x.most {
				t.Errorf("%d did not wait, it took %s with %d syncs", d.early, r.took, d.syncs)
			}
		})
	}
}

// TestSafeSoon: what has ended is on the disk soon, also when nobody waits for it.
func TestSafeSoon(t *testing.T) {
	d := &fakeDisk{takes: time.Millisecond}
	p := compileWith(t, d.kinds(), "w.yaml", []byte(`
flowrun: 1
steps:
  - gather:
      - {id: a, run: [after 1s]}
      - {id: b, run: [after 2s]}
`), nil)
	synctest.Test(t, func(t *testing.T) {
		d.plan = p
		done := make(chan struct{})
		go func() {
			defer close(done)
			local.Run(t.Context(), p, local.Options{Kernel: options(p, nil), Observe: d.observe, Commit: d.commit, Sync: d.sync, Soon: d.announce})
		}()
		time.Sleep(time.Second + 20*time.Millisecond)
		d.mu.Lock()
		if !slices.ContainsFunc(d.told[:d.safe], func(e event.Event) bool { return e.Type == event.StepEnd && e.Path == "a" }) {
			t.Error("the end of a is not on the disk")
		}
		d.mu.Unlock()
		<-done
	})
}

// TestBrokenDisk: when something cannot be brought to the disk nothing more begins but cleanups, and nothing is tried again.
func TestBrokenDisk(t *testing.T) {
	const text = thousand + "finally: [{id: tidy, run: [after 1ms]}]\n"
	for fails := 1; fails < 80; fails += 6 {
		d := &fakeDisk{takes: 2 * time.Millisecond, fails: fails}
		r := d.run(t, compileWith(t, d.kinds(), "w.yaml", []byte(text), nil), nil)
		last := d.begun[len(d.begun)-1]
		if r.outcome.Status != event.Cancelled || r.outcome.Cause.By != "the loss of its journal (the disk is broken)" || d.syncs != fails || last != "tidy" {
			t.Errorf("sync %d: %s, %d syncs, the last step is %s", fails, r.outcome.Status, d.syncs, last)
		}
		if n := len(d.begun); n > 10*fails+35 {
			t.Errorf("sync %d: %d steps have begun", fails, n)
		}
	}
}
