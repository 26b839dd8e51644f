package model

import "github.com/flowrun/flowrun/pkg/executor/event"

// Cause is one error of those for which a run failed.
type Cause struct {
	Err  *event.Error
	Step *Step // that raised it; nil if it is not in the tree
}

// Causes are the plain errors for which the run failed, in the order of its error: those in groups, those of siblings that
// did not come out, and those of cleanups. With About.Strict and errors that were handed back as values, they are those of all
// steps that failed.
func (r *Run) Causes() []Cause {
	failed := map[string]*Step{}
	var list []Cause
	strict := r.About.Strict && r.Outcome.Status == event.Succeeded && r.returned() > 0
	r.Steps(func(s *Step) {
		if s.State == Ended && s.Status == event.Failed {
			failed[s.Path] = s
			if strict && s.Works() {
				list = append(list, Cause{s.Err, s})
			}
		}
	})
	seen := map[*event.Error]bool{}
	var add func(e *event.Error)
	add = func(e *event.Error) {
		if e == nil || seen[e] {
			return
		}
		seen[e] = true
		for _, x := range e.Errors {
			add(x)
		}
		if len(e.Errors) == 0 {
			list = append(list, Cause{e, failed[e.Step]})
		}
		for _, x := range e.Others {
			add(x)
		}
		add(e.Cleanup)
	}
	add(r.Outcome.Err)
	return list
}

// returned is how many errors were handed back as values.
func (r *Run) returned() (n int) {
	r.Steps(func(s *Step) { n += s.Returned })
	return n
}
