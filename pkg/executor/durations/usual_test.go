package durations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

func TestSlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		usual durations.Usual
		took  time.Duration
		slow  bool
	}{
		{durations.Usual{Runs: 2, Median: 10 * time.Second, P90: 12 * time.Second}, 16 * time.Second, true},
		{durations.Usual{Runs: 1, Median: 10 * time.Second, P90: 12 * time.Second}, 16 * time.Second, false},
		{durations.Usual{Runs: 2, Median: 10 * time.Second, P90: 16 * time.Second}, 16 * time.Second, false},
		{durations.Usual{Runs: 2, Median: 10 * time.Second, P90: 12 * time.Second}, 15 * time.Second, false},
		{durations.Usual{Runs: 2, Median: time.Second, P90: time.Second}, 6 * time.Second, false},
		{durations.Usual{Runs: 2, Median: time.Second, P90: time.Second}, 6001 * time.Millisecond, true},
		{durations.Usual{}, time.Hour, false},
	} {
		if got := c.usual.Slow(c.took); got != c.slow {
			t.Errorf("%+v, %v: %v", c.usual, c.took, got)
		}
	}
}

// TestUsual plays a run whose second step takes longer than it did, and asks of both at work and behind.
func TestUsual(t *testing.T) {
	t.Parallel()
	p := compile(t, "flowrun: 1\nsteps: [{id: a, run: a}, {id: b, run: b, finally: [{id: c, run: c}]}, {value: 1}]\n", 0)
	past := learned(t, p, nil, each(10*time.Second), each(12*time.Second), each(11*time.Second))
	r := durations.Follow(p, past, nil)
	asked := 0
	play(p, nil, func(path string, _ int) (time.Duration, bool) {
		return map[string]time.Duration{"a": 12 * time.Second, "b": 20 * time.Second, "c": 11 * time.Second}[path], true
	}, func(e event.Event) {
		r.Observe(e)
		if e.Type == event.StepEnd {
			asked++
			slow := e.Path == "b"
			works := e.Path != "" && e.Path != "steps[2]"
			if usual, known := r.Usual(e.Where.Step); known != works || works && usual != 11*time.Second {
				t.Errorf("%q: %v %v", e.Path, usual, known)
			}
			if r.Slow(e.Where.Step, e.Time) != slow {
				t.Errorf("%q is slow: %v", e.Path, !slow)
			}
		}
		if e.Type != event.StepStart || e.Path != "b" {
			return
		}
		for took, slow := range map[time.Duration]bool{16 * time.Second: false, 17 * time.Second: true} {
			if r.Slow(e.Where.Step, e.Time.Add(took)) != slow {
				t.Errorf("after %v: slow %v", took, !slow)
			}
		}
	})
	if asked != 5 {
		t.Errorf("%d steps ended", asked)
	}
	var none *durations.Run
	none.Observe(event.Event{})
	if _, known := none.Usual(0); known || none.Slow(0, start) {
		t.Error("something is known of no run")
	}
	if _, known := none.Left(start); known {
		t.Error("something is left of no run")
	}
}

// TestHonest: there is no number where it would be a guess.
func TestHonest(t *testing.T) {
	t.Parallel()
	const text = "flowrun: 1\nsteps: [{id: a, run: a}, {id: b, run: b}, {id: c, run: c}, {id: d, run: d}]\n"
	ten := each(10 * time.Second)
	for name, c := range map[string]struct {
		before, now string
		runs        []world
		left        time.Duration
		known       bool
	}{
		"no run":                 {text, text, nil, 0, false},
		"one run":                {text, text, []world{ten}, 0, false},
		"two runs":               {text, text, []world{ten, ten}, 40 * time.Second, true},
		"one of four is another": {text, "flowrun: 1\nsteps: [{id: a, run: a}, {id: b, run: x}, {id: c, run: c}, {id: d, run: d}]\n", []world{ten, ten}, 40 * time.Second, true},
		"two of four are others": {text, "flowrun: 1\nsteps: [{id: a, run: a}, {id: b, run: x}, {id: c, run: x}, {id: d, run: d}]\n", []world{ten, ten}, 0, false},
		"all are others":         {text, "flowrun: 1\nsteps: [{run: a}, {run: b}]\n", []world{ten, ten}, 0, false},
		"a new generator": {
			text, "flowrun: 1\nsteps: [{id: a, run: a}, {id: b, run: b}, {id: c, run: c}, {id: d, run: d}, {gather: {for: x, in: \"steps.a.value\", do: {run: x}}}]\n",
			[]world{ten, ten},
			0, false,
		},
		"nothing takes time":    {"flowrun: 1\nsteps: [{value: 1}]\n", "flowrun: 1\nsteps: [{value: 1}]\n", []world{ten, ten}, 0, true},
		"the file says it":      {"flowrun: 1\nsteps: [{sleep: 1m}]\n", "flowrun: 1\nsteps: [{sleep: 90s}]\n", []world{ten, ten}, 90 * time.Second, true},
		"it calls itself, anew": {text, "flowrun: 1\nworkflows: {w: {steps: [{run: a}, {if: \"env.X == '1'\", call: w}]}}\nsteps: [{call: w}]\n", []world{ten, ten}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			past := learned(t, compile(t, c.before, 0), nil, c.runs...)
			r := durations.Follow(compile(t, c.now, 0), past, nil)
			if _, known := r.Left(start); known {
				t.Error("it is known before the run began")
			}
			r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
			left, known := r.Left(start)
			if known != c.known || known && left != c.left {
				t.Errorf("%v %v, want %v %v", left, known, c.left, c.known)
			}
			r.Observe(event.Event{Type: event.RunEnd, Time: start})
			if _, known := r.Left(start); known {
				t.Error("it is known when the run has ended")
			}
		})
	}
}

// TestTangle: a workflow with more steps than anybody counts does not take long to look at.
func TestTangle(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("flowrun: 1\nworkflows:\n")
	for i := range 30 {
		fmt.Fprintf(&b, "  w%d: {steps: [{call: w%d}, {run: a, finally: [{run: b}]}, {call: w%d}]}\n", i, i+1, i+1)
	}
	b.WriteString("  w30: {steps: [{run: a}]}\nsteps: [{run: a}, {call: w0}]\n")
	p := compile(t, b.String(), 0)
	r := durations.Follow(p, learned(t, compile(t, simple, 0), nil, each(time.Second), each(time.Second)), nil)
	r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
	if _, known := r.Left(start); known {
		t.Error("it is known what is left")
	}
}

// TestInputs: how many children there are, and how many at once, is that of this run.
func TestInputs(t *testing.T) {
	t.Parallel()
	p := compile(t, `flowrun: 1
inputs: {n: {type: integer}, at_once: {type: integer}}
gather: {for: x, in: range(inputs.n), do: {run: a}}
limit: ${{ inputs.at_once }}
`, 0)
	was := map[string]any{"n": 4, "at_once": 2}
	past := learned(t, p, was, each(10*time.Second), each(10*time.Second))
	for _, c := range []struct {
		inputs map[string]any
		want   time.Duration
		known  bool
	}{
		{was, 20 * time.Second, true},
		{map[string]any{"n": 12, "at_once": 3}, 40 * time.Second, true},
		{nil, 0, false},
	} {
		r := durations.Follow(p, past, c.inputs)
		r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
		if left, known := r.Left(start); known != c.known || known && left != c.want {
			t.Errorf("%v: %v %v", c.inputs, left, known)
		}
	}
}
