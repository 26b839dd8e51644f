package journal

import (
	"io"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Step is a step that is at work.
type Step struct {
	Path    string
	Attempt int
	Since   time.Time
	// HeldBy is for whom it waits, in words, when that is outside of the run; "": it is at work.
	HeldBy string
}

// AtWork are the steps that have begun and not ended, without those that only wait for others, in the order in which they
// began, and those that another run holds up. Of a crashed run they are those whose end nobody knows.
func (r *Run) AtWork() ([]Step, error) {
	in, err := Open(r.Folder)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var w Work
	for {
		e, err := in.Next()
		if err == io.EOF {
			return w.Steps(), nil
		}
		if err != nil {
			return nil, err
		}
		w.Observe(e)
	}
}

// Work follows which steps are at work.
type Work struct {
	steps []worker // by number
}

// worker is a step that was heard of.
type worker struct {
	Step
	atWork   bool
	children int // at work
}

// Observe takes the next event.
func (w *Work) Observe(e event.Event) {
	if e.Type != event.StepStart && e.Type != event.StepEnd && e.Type != event.StepQueued {
		return
	}
	for int(e.Where.Step) >= len(w.steps) { // a parent has a lower number
		w.steps = append(w.steps, worker{})
	}
	s := &w.steps[e.Where.Step]
	s.Step = Step{Path: e.Path, Attempt: e.Attempt, Since: e.Time}
	if e.Type == event.StepQueued {
		_, s.HeldBy, _ = strings.Cut(e.Why, event.HeldBy)
		return
	}
	if begins := e.Type == event.StepStart; begins != s.atWork {
		s.atWork = begins
		if e.Parent >= 0 && begins {
			w.steps[e.Parent].children++
		} else if e.Parent >= 0 {
			w.steps[e.Parent].children--
		}
	}
}

// Steps are those at work.
func (w *Work) Steps() (list []Step) {
	for _, s := range w.steps {
		if s.atWork && s.children == 0 || s.HeldBy != "" {
			list = append(list, s.Step)
		}
	}
	return list
}
