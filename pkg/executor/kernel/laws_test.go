package kernel_test

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// law is what holds for every run of every plan. What can be seen only inside the kernel is in drive_test.go: permits
// and queues, leaves, and what is left over at the end.
type law struct {
	name  string
	check func(h *history, say func(format string, args ...any))
}

// each makes a law about a run from one about every step of it.
func each(check func(l *life, say func(format string, args ...any))) func(*history, func(string, ...any)) {
	return func(h *history, say func(string, ...any)) {
		for _, l := range h.lives {
			check(l, say)
		}
	}
}

func laws() []law {
	return []law{
		{"a step ends exactly once", each(endsOnce)},
		{"a step ends after all its children", each(endsAfterChildren)},
		{"an attempt ends after all that it began", each(attemptEndsAfterChildren)},
		{"attempts follow each other after their pause", each(attempts)},
		{"a cancelled step never fails", each(cancelledNeverFails)},
		{"who was not told to stop is not cancelled", each(cancelledWasTold)},
		{"a cancel has one cause, all the way down", each(oneCause)},
		{"after a cancel no attempt begins", each(nothingBeginsAfterCancel)},
		{"cancelled in a queue or pause leaves at once", each(leavesAtOnce)},
		{"a limit wins over a result of its instant", each(limits)},
		{"needs have ended before", each(needs)},
		{"one item of a list after the other", each(lists)},
		{"a list waits for its services", each(ready)},
		{"a service that ends by itself ends its list", each(services)},
		{"results stand in argument order", each(results)},
		{"what came first in time comes out", each(errorsInTime)},
		{"a failure in a taskgroup stops the others at once", each(taskgroups)},
		{"a wait returns what is done in its instant", each(waits)},
		{"except, else, finally", handlers},
		{"cleanup is bounded", cleanups},
		{"an await gives what its task gave", awaits},
		{"one path, one living step", paths},
		{"the run ends as the workflow did", outcome},
	}
}

// text is a value as JSON.
func text(v any) string {
	b, err := event.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// checks is the number of plans in a normal run, and with -short.
const (
	checks      = 10_000
	checksShort = 1_000
)

// TestLaws runs random plans and holds every law against each. `-rapid.checks` and `-rapid.seed` give more or others.
func TestLaws(t *testing.T) {
	n := checks
	if testing.Short() {
		n = checksShort
	}
	standard(t, "rapid.checks", "100", fmt.Sprint(n))
	standard(t, "rapid.seed", "0", "1")
	gen := scenarios()
	cov := newCoverage()
	rapid.Check(t, func(t *rapid.T) {
		s := gen.Draw(t, "scenario")
		h := checkAll(s, t.Fatalf)
		cov.add(h)
	})
	if !t.Failed() {
		cov.report(t, cov.plans >= checks)
	}
}

// standard sets a flag of rapid unless it was given.
func standard(t *testing.T, name, unset, to string) {
	f := flag.Lookup(name)
	if f.Value.String() != unset {
		return
	}
	if err := flag.Set(name, to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, unset); err != nil {
			t.Error(err)
		}
	})
}

// checkAll runs a scenario twice, once without and once with restored kernels in between, and checks every law.
func checkAll(s *scenario, fatalf func(string, ...any)) *history {
	run := drive(s, 0, false)
	problems := run.problems
	say := func(law, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("law %q is broken: %s", law, fmt.Sprintf(format, args...)))
	}
	h := read(s, run.moments, say)
	if len(problems) == 0 {
		for _, l := range h.lives {
			endsOnce(l, func(format string, args ...any) { say("a step ends exactly once", format, args...) })
		}
	}
	if len(problems) == 0 {
		for _, l := range laws() {
			l.check(h, func(format string, args ...any) { say(l.name, format, args...) })
		}
		again := drive(s, 1+s.Again%5, false)
		problems = append(problems, again.problems...)
		if a, b := lines(run.moments), lines(again.moments); a != b {
			say("snapshot and restore is the identity", "%s", difference(a, b))
		}
		if s.Again >= 30 {
			quiet := drive(s, 0, true)
			for _, restore := range []bool{false, true} {
				if a, b := lines(quiet.moments), lines(onSim(s, restore)); a != b {
					say("the same plan gives the same events, to the byte", "on sim (restore %v): %s", restore, difference(a, b))
				}
			}
		}
	}
	if len(problems) > 0 {
		fatalf("%s\n%s", strings.Join(problems, "\n"), story(run.moments))
	}
	return h
}

func onSim(s *scenario, restore bool) []moment {
	var out []moment
	sim.Run(s.Plan, sim.Options{
		Kernel: options(), Work: doWork, Permit: permitAfter, Ready: func(_ *kind.Kind, call kind.Call) (time.Duration, bool) { return readyAt(call.Args) }, Inputs: s.Inputs, Restore: restore,
		Grace:   func(_ *kind.Kind, call kind.Call) time.Duration { return graceOf(call.Args) },
		Observe: func(e event.Event) { out = append(out, moment{Event: e}) },
	})
	return out
}

// lines is the events of a run as JSON, one a line.
func lines(moments []moment) string {
	var b bytes.Buffer
	for i := range moments {
		line, err := moments[i].AppendJSON(nil, event.Field{Key: "step", Value: int(moments[i].Step)})
		if err != nil {
			panic(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// TestStandstill: a plan that no compiler would let through. Nothing can move, and the error says who holds what.
func TestStandstill(t *testing.T) {
	kinds := newLeafKinds()
	inner := &plan.Step{Index: 1, ID: "inner", Slot: -1, Kind: "instant"}
	inner.Body = &plan.Hold{Sem: 0, Body: &plan.Leaf{Kind: kinds.instant}}
	outer := &plan.Step{Index: 0, Slot: -1, Kind: "steps"}
	outer.Body = &plan.Hold{Sem: 0, Body: &plan.Sequence{Items: []*plan.Step{inner}}}
	w := &plan.Workflow{Body: outer}
	p := &plan.Plan{Main: w, Workflows: []*plan.Workflow{w}, Steps: []*plan.Step{outer, inner}, Semaphores: []plan.Semaphore{{Name: "one", Permits: 1}}}
	run := drive(&scenario{Plan: p}, 0, false)
	if len(run.problems) > 0 {
		t.Fatal(strings.Join(run.problems, "\n"))
	}
	o, _ := run.k.Done()
	want := `nothing can move any more; "inner" waits for semaphore "one", held by ""`
	if o.Status != event.Failed || o.Err.Type != event.DeadlockError || o.Err.Message != want {
		t.Errorf("it %s: %v, want %s", o.Status, o.Err, want)
	}
}

// story is the events of a run for people.
func story(moments []moment) string {
	var b strings.Builder
	for _, m := range moments {
		fmt.Fprintf(&b, "%3d i%d %3s %-11s %s", m.Seq, m.Instant, m.Time.Sub(start), m.Type, m.Path)
		switch m.Type {
		case event.StepQueued:
			fmt.Fprintf(&b, ": %s", m.Why)
		case event.StepRetry:
			fmt.Fprintf(&b, ": in %s, %s", m.In, m.Err.Type)
		case event.StepCancel:
			fmt.Fprintf(&b, ": %s", m.Cause)
		case event.StepEnd, event.RunEnd:
			fmt.Fprintf(&b, ": %s %.60s %s", m.Status, text(m.Value), m.Cause)
			if m.Err != nil {
				fmt.Fprintf(&b, "%s: %s", m.Err.Type, m.Err.Message)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d:\n%s\n%s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d and %d events", len(x), len(y))
}
