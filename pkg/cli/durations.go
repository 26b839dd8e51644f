package cli

import (
	"path/filepath"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// storeOf is what past runs with folders below state have shown.
func storeOf(state string) durations.Store { return durations.Store{State: state, Compile: compiled} }

// learner follows a run with what past ones have shown, and keeps what it shows itself.
type learner struct {
	run    *durations.Run
	state  string
	file   string
	result *executor.Result // nil: there is nothing to learn of it
}

// newLearner is for a run of p that is kept. Nothing is read but what earlier runs have left for it, so that the run begins
// at once.
func newLearner(state string, p *plan.Plan, keep journal.Keep, inputs map[string]any) *learner {
	l := &learner{state: state, file: keep.Sources[0].Path}
	l.run = durations.Follow(p, durations.Store{State: state}.Past(l.file), inputs)
	return l
}

// note takes how the run ended.
func (l *learner) note(result *executor.Result, err error) {
	if err == nil && result.Root.Status == event.Succeeded {
		l.result = result
	}
}

// learn keeps what the run has shown. That it cannot is no fault of the run.
func (l *learner) learn() {
	if l.result != nil {
		_ = storeOf(l.state).Keep(l.file, l.run, durations.Good{ID: l.result.Run, Took: l.result.Duration})
	}
}

// followed follows a run that is looked at, with what the other runs of its workflow have shown.
func followed(r *journal.Run, p *plan.Plan) *durations.Run {
	if len(r.Header.Files) == 0 {
		return nil
	}
	state := filepath.Dir(filepath.Dir(r.Folder))
	inputs, _ := r.Inputs() // without them less is known
	return durations.Follow(p, storeOf(state).Past(r.Header.Files[0].Path).Without(r.ID), inputs)
}
