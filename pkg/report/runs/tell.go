package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Tell tells observe all that happened in a run of p, with what steps printed, and then those steps that are still at work.
// A log that was removed has no text.
func Tell(r *journal.Run, p *plan.Plan, observe func(event.Event)) ([]journal.Step, error) {
	return tell(r, p, journal.NewTexts(r.Folder).Text, observe)
}

// Silent is Tell without what steps printed, which is not read.
func Silent(r *journal.Run, p *plan.Plan, observe func(event.Event)) ([]journal.Step, error) {
	return tell(r, p, func(e event.Event) (event.Event, error) { return e, nil }, observe)
}

func tell(
	r *journal.Run, p *plan.Plan, text func(event.Event) (event.Event, error), observe func(event.Event),
) ([]journal.Step, error) {
	in, err := journal.Open(r.Folder)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var work journal.Work
	for {
		e, err := in.Next()
		if err == io.EOF {
			return work.Steps(), nil
		}
		if err == nil {
			e, err = text(e)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if int(e.Node) >= len(p.Steps) {
			return nil, fmt.Errorf("%s: event %d is of a step that the workflow does not have", r.Folder, e.Seq)
		}
		work.Observe(e)
		observe(e)
	}
}
