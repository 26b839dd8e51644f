package model

import "github.com/flowrun/flowrun/pkg/executor/event"

// Kept is a file that a step has kept.
type Kept struct {
	Step *Step
	event.Artifact
}

// Artifacts are the files that steps have kept, in the order of the steps.
func (r *Run) Artifacts() (list []Kept) {
	r.Steps(func(s *Step) {
		for _, a := range s.Artifacts {
			list = append(list, Kept{s, a})
		}
	})
	return list
}
