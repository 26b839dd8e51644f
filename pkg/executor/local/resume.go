package local

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Past is one step of the kernel in an earlier life of a run.
type Past struct {
	At     time.Duration // since the run began
	Inputs []kernel.Input
	Events []event.Event // that were told: those of the step, and then of output
	Last   bool          // not all of its events may have been told
}

// History is the past of a run that was interrupted.
type History struct {
	Steps iter.Seq2[Past, error]
	// Observe is told again what had been told, as exactly as the first time.
	Observe func(event.Event)
}

// DivergedError says that the kernel comes to something else than it did when the run's past was the present.
type DivergedError struct {
	Seq       int64
	Had, Came string // the event; "": none
}

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("event %d was %s and is now %s", e.Seq, cmp.Or(e.Had, "none"), cmp.Or(e.Came, "none"))
}

// Resume is Run for a run that was interrupted: it goes through its past and then goes on. What was at work begins again, but
// for steps with on_crash: fail, which fail. Kernel.Start is when the run began. The error is that of Past, or a *DivergedError:
// nothing was then begun.
func Resume(ctx context.Context, p *plan.Plan, opt Options, past History) (event.Outcome, error) {
	now := time.Now()
	d := newDriver(p, opt)
	since := now.Sub(opt.Kernel.Start) // by the clock, which may have been set
	d.begin = now.Add(-max(0, since))
	last, err := d.replay(past)
	if err != nil {
		return event.Outcome{}, err
	}
	d.begin = now.Add(-max(last, since))
	if _, done := d.k.Done(); !done {
		d.revive(last)
	}
	return d.run(ctx, opt.Kill), nil
}

// replay steps the kernel through the past, and says when that ended.
func (d *driver) replay(past History) (last time.Duration, err error) {
	d.past = &memory{observe: past.Observe}
	for step, err := range past.Steps {
		if err != nil {
			return 0, err
		}
		last = step.At
		d.past.events, d.past.last = step.Events, step.Last
		for _, in := range step.Inputs {
			switch in.Kind {
			case kernel.Ended:
				delete(d.leaves, in.Leaf)
			case kernel.Lost:
				if l := d.leaves[in.Leaf]; l != nil {
					l.lost = true
				}
			}
		}
		d.step(step.At, step.Inputs)
		for _, e := range d.past.events { // Say told of them
			if e.Type != event.StepOutput {
				d.past.diverge(e.Seq, e, event.Event{})
				break
			}
			d.k.Said()
			d.past.observe(e)
			last = max(last, e.Time.Sub(d.Kernel.Start))
		}
		d.past.events = nil
		if d.past.diverged != nil {
			return 0, d.past.diverged
		}
	}
	last = max(last, d.k.Now())
	d.past = nil
	return last, nil
}

// memory is what the driver knows while the kernel goes through the past.
type memory struct {
	observe  func(event.Event)
	events   []event.Event // of this step, that are still to come
	last     bool
	fresh    bool // nobody was told of what happens now: what begins has not been at work
	diverged *DivergedError
}

// emit takes an event that the kernel comes to again. It is false for one that nobody was told.
func (m *memory) emit(e event.Event) bool {
	if m.diverged != nil {
		return true
	}
	if len(m.events) == 0 {
		if m.fresh = m.last; !m.fresh {
			m.diverge(e.Seq, event.Event{}, e)
		}
		return !m.fresh
	}
	had := m.events[0]
	m.events = m.events[1:]
	if had.Seq != e.Seq || had.Type != e.Type || had.Path != e.Path || had.Attempt != e.Attempt || had.Where != e.Where || had.Status != e.Status {
		m.diverge(e.Seq, had, e)
		return true
	}
	e.Time, e.Log, e.Bytes = had.Time, had.Log, had.Bytes // which the kernel does not know
	m.observe(e)
	return true
}

func (m *memory) diverge(seq int64, had, came event.Event) {
	say := func(e event.Event) string {
		if e.Type == "" {
			return ""
		}
		text := string(e.Type)
		if e.Path != "" {
			text += " of " + e.Path
		}
		if e.Status.Ended() {
			text += ", " + e.Status.String()
		}
		return text
	}
	m.diverged = &DivergedError{Seq: seq, Had: say(had), Came: say(came)}
}

// revive tells the kernel what was lost, at the time until which it was at work, and who begins again.
func (d *driver) revive(last time.Duration) {
	var in []kernel.Input
	for _, n := range slices.Sorted(maps.Keys(d.leaves)) {
		l := d.leaves[n]
		if l.kept || l.idle || slices.Contains(d.starting, l) {
			continue // nobody was at work
		}
		if !l.lost && l.call.Args["on_crash"] == "fail" {
			err := event.Errorf(event.LostError, "flowrun died while it was at work, and on_crash is fail")
			in = append(in, kernel.Input{Kind: kernel.Ended, Leaf: n, Outcome: event.Failure(err)})
			delete(d.leaves, n)
			continue
		}
		if !l.lost {
			in = append(in, kernel.Input{Kind: kernel.Lost, Leaf: n})
		}
		l.lost = true
		d.services.begin(n, l.call.Step)
	}
	d.step(last, in)
	d.takeAgain()
}
