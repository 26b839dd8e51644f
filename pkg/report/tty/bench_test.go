package tty

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
)

// events are those of a run of so many steps at once.
func events(n int) (*plan.Plan, []event.Event) {
	p := compile(&testing.B{}, fmt.Sprintf("flowrun: 1\nsteps: [{id: all, gather: {for: n, in: range(%d), do: {run: [\"true\"]}}}]\n", n), plan.Options{})
	var all []event.Event
	sim.Run(p, sim.Options{Kernel: kernel.Options{Start: time.Now()}, Observe: func(e event.Event) { all = append(all, e) }})
	return p, all
}

// BenchmarkObserve is what a step costs the engine, drawn ten times a second beside it.
func BenchmarkObserve(b *testing.B) {
	const n = 10_000
	p, all := events(n)
	b.ReportAllocs()
	for b.Loop() {
		s := New(io.Discard, p, Options{Size: func() (int, int) { return 120, 40 }, Color: true})
		for _, e := range all {
			s.Observe(e)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/step")
}

// BenchmarkFrame is what a frame costs, by the number of steps at work: as much for many as for a few.
func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{10, 100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, all := events(n)
			s := New(io.Discard, p, Options{Size: func() (int, int) { return 120, 40 }, Color: true})
			for _, e := range all {
				if e.Type == event.StepEnd {
					break
				}
				s.Recall(e)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.frame(time.Now(), false)
			}
		})
	}
}
