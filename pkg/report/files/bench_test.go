package files_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// large tells the events of n commands of a gather, 8 at once, of which each prints two lines, every tenth is tried again, and every
// hundredth fails.
func large(n int, observe func(event.Event)) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := event.Event{Where: event.Where{Parent: -1}}
	tell := func(typ event.Type, change func(*event.Event)) {
		e.Seq++
		x := e
		x.Type, x.Time = typ, at
		if change != nil {
			change(&x)
		}
		observe(x)
	}
	tell(event.RunStart, nil)
	e.Attempt = 1
	tell(event.StepStart, nil)
	bad := event.Errorf(event.ExitError, "exit status 1")
	for i := range n {
		at = at.Add(125 * time.Millisecond)
		e.Path, e.Where, e.Attempt = fmt.Sprintf("all[%d]", i), event.Where{Step: int32(i + 1), Order: int64(i), Node: 1}, 1
		tell(event.StepQueued, func(x *event.Event) { x.Why = "a slot of the limit" })
		begin := at.Add(-time.Second)
		tell(event.StepStart, func(x *event.Event) { x.Time = begin })
		if i%10 == 0 {
			tell(event.StepRetry, func(x *event.Event) { x.In, x.Err = time.Second, bad })
			e.Attempt = 2
			tell(event.StepStart, nil)
		}
		tell(event.StepOutput, func(x *event.Event) { x.Stream, x.Text = "stdout", "compiling\nlinking\n" })
		o := event.Success("")
		if i%100 == 0 {
			o = event.Failure(bad)
		}
		tell(event.StepEnd, func(x *event.Event) {
			x.Outcome, x.Timing = o, event.Timing{Started: begin, Duration: at.Sub(begin), Queued: time.Second}
		})
	}
	e.Path, e.Where, e.Attempt = "", event.Where{Parent: -1}, 1
	failed := event.Failure(event.Group([]*event.Error{bad}))
	tell(event.StepEnd, func(x *event.Event) { x.Outcome = failed })
	tell(event.RunEnd, func(x *event.Event) { x.Outcome = failed })
}

func largePlan(t testing.TB) *plan.Plan {
	f, err := spec.Parse("flow.yaml", []byte("flowrun: 1\nname: large\nsteps: [{run: make}]\n"), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// BenchmarkKinds writes each kind of report of a run of 10,000 steps, and of 100,000.
func BenchmarkKinds(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		for _, kind := range files.Names() {
			b.Run(fmt.Sprintf("%s-%d", kind, n), func(b *testing.B) {
				var count counter
				for b.Loop() {
					count = 0
					writeLarge(b, kind, n, &count)
				}
				b.ReportMetric(float64(count)/float64(n), "B/step")
			})
		}
	}
}

type counter int64

// Write implements io.Writer.
func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

func writeLarge(t testing.TB, kind string, n int, to io.Writer) {
	r := model.New(largePlan(t), "R")
	set, err := files.Open([]string{kind + "=-"}, r, files.Options{Stdout: to})
	if err != nil {
		t.Fatal(err)
	}
	large(n, set.Observe)
	if problems := set.Write(); len(problems) > 0 {
		t.Fatal(problems)
	}
}

// TestLarge: what a run of 100,000 steps takes, without FLOWRUN_LONG of 2,000: memory that grows with the steps, but not with the
// kinds, and files that others can still read.
func TestLarge(t *testing.T) {
	n := 2_000
	if os.Getenv("FLOWRUN_LONG") != "" {
		n = 100_000
	}
	r := model.New(largePlan(t), "R")
	large(n, r.Observe)
	var before, after runtime.MemStats
	for _, kind := range files.Names() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		var count counter
		set, err := files.Open([]string{kind + "=-"}, r, files.Options{Stdout: &count})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if problems := set.Write(); len(problems) > 0 {
			t.Fatal(problems)
		}
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %d KiB in %s, %d MiB allocated", kind, count>>10, took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
		if kind == "junit" && int64(count) > 30<<20 {
			t.Errorf("%s has %d bytes", kind, count)
		}
	}
}
