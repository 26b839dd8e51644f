package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

const (
	wide = 100_000 // steps of a flat plan
	high = 17      // of the binary tree
)

// deaf is a kernel.Host for plans whose leaves are all over at once: what is measured is the kernel alone.
type deaf struct{}

func (deaf) Start(int32, *kind.Kind, kind.Call) { panic("bench: a leaf that takes its time") }
func (deaf) Stop(int32, bool)                   {}
func (deaf) Take(int32, int32)                  { panic("bench: a semaphore of the machine") }
func (deaf) Give(int32)                         {}
func (deaf) Emit(event.Event)                   {}

// inKernel runs p in the kernel and nothing else.
func inKernel(p *plan.Plan) {
	k := kernel.New(p, kernel.Options{RunID: "bench", Name: p.Name, Start: time.Now()}, deaf{})
	k.Step(0, nil)
	for next, more := k.Next(); more && next == 0; next, more = k.Next() {
		k.Step(0, nil) // a long instant takes several
	}
	o, done := k.Done()
	if !done || o.Status != event.Succeeded {
		panic("bench: the plan did not succeed at once")
	}
}

// whole runs p as a program would: on goroutines, with a result.
func whole(p *plan.Plan) *executor.Result {
	r, err := executor.Run(context.Background(), p, executor.Options{})
	if err != nil {
		panic(err)
	}
	if r.Exit != executor.ExitSucceeded {
		panic(fmt.Sprintf("bench: the run failed: %v", r.Root.Err))
	}
	return r
}

func of(p *plan.Plan) func() error {
	return func() error {
		inKernel(p)
		return nil
	}
}

// asyncio runs one of the Python programs beside this file and says how long its work took; 0: there is no python3.
func asyncio(program string, n int) (time.Duration, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return 0, nil
	}
	out, err := exec.Command(python, filepath.Join("bench", program), strconv.Itoa(n)).Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", program, err)
	}
	s, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return time.Duration(s * float64(time.Second)), err
}

// python runs a program of asyncio rounds times.
func python(rounds int, program string, n int) (spread, error) {
	var s spread
	for range rounds {
		d, err := asyncio(program, n)
		if err != nil || d == 0 {
			return nil, err
		}
		s = append(s, d)
	}
	return s, nil
}

func gatherFigures(r *report) error {
	p, g := flat(wide), generated(wide)
	var theirs spread
	took, err := turns(
		r.rounds, of(p), of(g),
		func() error {
			whole(p)
			return nil
		},
		func() error {
			d, err := asyncio("asyncio_gather.py", wide)
			if d > 0 {
				theirs = append(theirs, d)
			}
			return err
		},
	)
	if err != nil {
		return err
	}
	for i, name := range []string{"gather of 100,000 values, kernel", "the same by a generator, kernel"} {
		d := each(took[i].median(), wide)
		r.row(name, fmt.Sprintf("%d ns a step (least %d)", d, each(took[i].min(), wide)), "", "<= 2000 ns", d <= 2*time.Microsecond)
	}
	if len(theirs) > 0 {
		x := ratio(theirs.median(), took[0].median())
		r.row("asyncio.gather of 100,000 sleep(0) over it", fmt.Sprintf("%d ns a coroutine", each(theirs.median(), wide)), times(x), ">= 8 x", x >= 8)
		x = ratio(theirs.median(), took[2].median())
		r.note("asyncio over a whole run, results kept", fmt.Sprintf("%d ns a step", each(took[2].median(), wide)), times(x))
	}
	for _, name := range []string{"flat", "generated"} {
		c, err := inChild(name)
		if err != nil {
			return err
		}
		if c.peak == 0 {
			continue
		}
		perStep := c.grown / wide
		r.row("peak memory of the kernel, "+name, fmt.Sprintf("%d B a step", perStep), "", "<= 1024 B", perStep <= 1024)
	}
	for _, x := range []struct {
		name string
		plan *plan.Plan
	}{{"flat", p}, {"generated", g}} {
		n := recordSize(x.plan)
		r.row("result record, "+x.name, fmt.Sprintf("%d B a step", n), "", "<= 400 B", n <= 400)
	}
	return nil
}

// recordSize is how much memory a step of p keeps when the run is over.
func recordSize(p *plan.Plan) int64 {
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	r := whole(p)
	grown := heap() - before
	runtime.KeepAlive(r)
	runtime.KeepAlive(p)
	return grown / wide
}

func growthFigures(r *report) error {
	for _, x := range []struct {
		name string
		make func(int) *plan.Plan
	}{{"written out", flat}, {"by a generator", generated}} {
		var sizes []float64
		var works []func() error
		for n := 1000; n <= 1_000_000; n *= 10 {
			p, again := x.make(n), max(1, 100_000/n)
			sizes = append(sizes, float64(n))
			// A short run is repeated: its share of the garbage collector must not be left out.
			works = append(works, func() error {
				for range again {
					inKernel(p)
				}
				return nil
			})
		}
		took, err := turns(r.rounds, works...)
		if err != nil {
			return err
		}
		costs := make([]float64, len(sizes))
		measured := ""
		for i, n := range sizes {
			costs[i] = float64(took[i].median()) / max(1, 100_000/n)
			measured += fmt.Sprintf("%.0f ", costs[i]/n)
		}
		s := slope(sizes, costs)
		r.row("growth 1k 10k 100k 1M, "+x.name, measured+"ns a step", fmt.Sprintf("slope %.3f", s), "<= 1.05", s <= 1.05)
	}
	return nil
}

// slope is that of the line of least squares through the logarithms: 1 for a cost that does not grow with the number.
func slope(x, y []float64) float64 {
	n, sx, sy, sxx, sxy := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		a, b := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+a, sy+b, sxx+a*a, sxy+a*b
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

func millionFigures(r *report) error {
	c, err := inChild("million")
	if err != nil {
		return err
	}
	r.row(
		"a million by a generator, results kept",
		fmt.Sprintf("%.2f s, %s", c.took.Seconds(), mb(c.grown)), fmt.Sprintf("%d B a step", c.grown/1_000_000), "works", true,
	)
	return nil
}

func nestingFigures(r *report) error {
	f, t, d := flat(wide), tree(high), deep(90, wide/90)
	as := flat(len(t.Steps))
	took, err := turns(r.rounds, of(f), of(t), of(d), of(as))
	if err != nil {
		return err
	}
	base := each(took[0].median(), wide)
	for i, x := range []struct {
		name string
		plan *plan.Plan
	}{{"binary tree of 2^17 leaves, kernel", t}, {"90 gathers deep, kernel", d}} {
		perStep := each(took[i+1].median(), len(x.plan.Steps))
		over := ratio(perStep, base)
		r.row(x.name, fmt.Sprintf("%d ns a step, flat %d", perStep, base), times(over), "<= 2 x", over <= 2)
	}
	r.note(
		"a flat gather of as many steps as the tree", fmt.Sprintf("%d ns a step", each(took[3].median(), len(as.Steps))),
		times(ratio(took[1].median(), took[3].median()))+" for the tree",
	)
	theirs, err := python(min(3, r.rounds), "asyncio_tree.py", high)
	if err != nil {
		return err
	}
	if len(theirs) > 0 {
		r.note("asyncio, the same tree", ms(theirs.median()), times(ratio(theirs.median(), took[1].median())))
	}
	c, err := inChild("tree")
	if err != nil {
		return err
	}
	r.note("peak memory of the tree", fmt.Sprintf("%d B a step", c.grown/int64(len(t.Steps))), "")
	return nil
}

func sleepFigures(r *report) error {
	var over, peaks []int64
	for range min(3, r.rounds) {
		c, err := inChild("sleeps")
		if err != nil {
			return err
		}
		over, peaks = append(over, int64(c.took-100*time.Millisecond)), append(peaks, c.peak)
	}
	d, peak := spread(durations(over)).median(), int64(spread(durations(peaks)).median())
	r.row("100,000 sleeps of 100 ms with timeouts", ms(d)+" over their length", "", "< 1 s", d < time.Second)
	if peak > 0 {
		r.row("the same, peak of the process", mb(peak), "", "< 200 MB", peak < 200e6)
	}
	theirs, err := python(min(3, r.rounds), "asyncio_sleeps.py", wide)
	if err != nil {
		return err
	}
	if len(theirs) > 0 {
		t := theirs.median() - 100*time.Millisecond
		r.note("asyncio, the same sleeps", ms(t)+" over their length", times(ratio(t, d)))
	}
	return nil
}

func durations(list []int64) []time.Duration {
	out := make([]time.Duration, len(list))
	for i, n := range list {
		out[i] = time.Duration(n)
	}
	return out
}
