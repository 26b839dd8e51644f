package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Tell tells observe all that happened in a run of p, with what steps printed, and then those steps that are still at work.
// A log that was removed has no text. Of a run that crashed it also tells the last of what those steps have printed, of which
// their logs have more than the journal.
func Tell(r *journal.Run, p *plan.Plan, observe func(event.Event)) ([]journal.Step, error) {
	texts := journal.NewTexts(r.Folder)
	begun := map[string]event.Event{} // of steps that have not ended
	var last event.Event
	steps, err := tell(r, p, texts.Text, func(e event.Event) {
		switch last = e; e.Type {
		case event.StepStart:
			begun[e.Path] = e
		case event.StepEnd:
			delete(begun, e.Path)
		}
		observe(e)
	})
	if err != nil || r.State != journal.Crashed {
		return steps, err
	}
	for _, s := range steps {
		tails, err := texts.Rest(s.Path)
		for _, t := range tails {
			e := begun[s.Path]
			last.Seq++
			observe(event.Event{
				Seq: last.Seq, Time: last.Time, Type: event.StepOutput, Path: s.Path, Attempt: e.Attempt, Where: e.Where,
				Stream: t.Stream, Text: lastOf(t),
			})
			_ = t.Close()
		}
		if err != nil {
			return steps, err
		}
	}
	return steps, nil
}

// maxRest is how much of a log is told that no event tells of.
const maxRest = 64 << 10

// lastOf is the end of what can be read, as text.
func lastOf(in io.Reader) string {
	var kept []byte
	piece := make([]byte, maxRest)
	for {
		n, err := in.Read(piece)
		kept = append(kept, piece[:n]...)
		if len(kept) > maxRest {
			kept = append(kept[:0], kept[len(kept)-maxRest:]...)
		}
		if err != nil { // what cannot be read is not there
			return strings.ToValidUTF8(string(kept), "\uFFFD")
		}
	}
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
