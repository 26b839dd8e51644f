package main

import (
	"fmt"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// perStep runs p in the kernel and reports the cost of one step.
func perStep(b *testing.B, p *plan.Plan, steps int) {
	b.ReportAllocs()
	for b.Loop() {
		inKernel(p)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(steps), "ns/step")
}

func BenchmarkGather(b *testing.B) {
	for n := 1_000; n <= 1_000_000; n *= 10 {
		b.Run(fmt.Sprint(n), func(b *testing.B) { perStep(b, flat(n), n) })
	}
}

func BenchmarkGenerator(b *testing.B) {
	for n := 1_000; n <= 1_000_000; n *= 10 {
		b.Run(fmt.Sprint(n), func(b *testing.B) { perStep(b, generated(n), n) })
	}
}

func BenchmarkTree(b *testing.B) {
	p := tree(17)
	b.Run(fmt.Sprint(len(p.Steps)), func(b *testing.B) { perStep(b, p, len(p.Steps)) })
}

func BenchmarkDeep(b *testing.B) {
	p := deep(90, 1000)
	b.Run(fmt.Sprint(len(p.Steps)), func(b *testing.B) { perStep(b, p, len(p.Steps)) })
}

func BenchmarkRun(b *testing.B) {
	p := flat(wide)
	b.ReportAllocs()
	for b.Loop() {
		whole(p)
	}
}

func BenchmarkSleeps(b *testing.B) {
	p := sleeps(wide)
	b.ReportAllocs()
	for b.Loop() {
		whole(p)
	}
}

func BenchmarkLoad(b *testing.B) {
	src := workflow(10_000)
	for _, x := range []struct {
		name string
		work func([]byte) error
	}{{"flowrun", load}, {"yaml", decode}} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if err := x.work(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
