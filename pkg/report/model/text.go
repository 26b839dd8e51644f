package model

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// String is the tree, a line for each step, attempt and wait, with times since the begin of the run: for tests and for who looks
// for a fault.
func (r *Run) String() string {
	w := writer{run: r}
	end := "-"
	if !r.Ended.IsZero() {
		end = r.Outcome.Status.String() + " " + w.at(r.Ended)
	}
	fmt.Fprintf(&w.b, "%s %s\n", r.Label(), end)
	if r.Root != nil {
		w.step(r.Root, "")
	}
	return w.b.String()
}

type writer struct {
	run *Run
	b   strings.Builder
}

// at is when something was; - for not yet.
func (w *writer) at(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return event.FormatDuration(t.Sub(w.run.Started))
}

func (w *writer) step(s *Step, indent string) {
	word := s.State.String()
	if s.State == Ended {
		word = s.Status.String()
	}
	fmt.Fprintf(&w.b, "%s%s %s %s", indent, s.Def.Kind, s.Label(w.run), word)
	if s.Name != "" {
		fmt.Fprintf(&w.b, " name %q", s.Name)
	}
	if !s.Works() {
		fmt.Fprintf(&w.b, " %d", s.Counts)
	}
	if s.Reason != "" {
		fmt.Fprintf(&w.b, " reason %q", s.Reason)
	}
	if s.Told != nil {
		fmt.Fprintf(&w.b, " told %q", s.Told)
	}
	if !s.Ready.IsZero() {
		fmt.Fprintf(&w.b, " ready %s", w.at(s.Ready))
	}
	if s.Recovered != nil {
		fmt.Fprintf(&w.b, " recovered %q", s.Recovered)
	}
	w.b.WriteByte('\n')
	for _, x := range s.Waits {
		why := x.Why
		if x.IsPause() {
			why = "pause until " + w.at(x.Due)
		}
		fmt.Fprintf(&w.b, "%s| %s..%s %s\n", indent, w.at(x.From), w.at(x.To), why)
	}
	for i := range s.Attempts {
		w.attempt(&s.Attempts[i], indent)
	}
	for _, c := range s.Children {
		w.step(c, indent+"  ")
	}
}

func (w *writer) attempt(a *Attempt, indent string) {
	fmt.Fprintf(&w.b, "%s> %d %s..%s %s", indent, a.Number, w.at(a.Started), w.at(a.Ended), a.Status)
	if a.Err != nil {
		fmt.Fprintf(&w.b, " %q", a.Err)
	}
	if a.Output.Lost > 0 {
		fmt.Fprintf(&w.b, " lost %d", a.Output.Lost)
	}
	w.b.WriteByte('\n')
	for _, p := range a.Output.Pieces {
		if p.Skipped > 0 {
			fmt.Fprintf(&w.b, "%s: %s skipped %d\n", indent, p.Stream, p.Skipped)
		}
		fmt.Fprintf(&w.b, "%s: %s %q\n", indent, p.Stream, p.Text)
	}
	for _, c := range a.Children {
		w.step(c, indent+"> ")
	}
}
