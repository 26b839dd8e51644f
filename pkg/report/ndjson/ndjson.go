// Package ndjson writes the events of a run as JSON, one on a line, each at once (schema/events.schema.json).
package ndjson

import (
	"bufio"
	"bytes"
	"io"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Writer writes the events of one run.
type Writer struct {
	out   *bufio.Writer
	plan  *plan.Plan
	run   string
	paths []string // of the steps, by number
	buf   []byte
}

// Inert passes JSON on to w with every # as \u0023, which is the same to who reads it: CI runners look for commands as
// ##[error] and ##vso[...] anywhere in a line, also in what a process printed.
func Inert(w io.Writer) io.Writer { return inert{w} }

type inert struct{ w io.Writer }

// Write implements io.Writer. A # stands in texts only.
func (i inert) Write(b []byte) (int, error) {
	out := b
	if bytes.IndexByte(b, '#') >= 0 {
		out = bytes.ReplaceAll(b, []byte("#"), []byte(`\u0023`))
	}
	if _, err := i.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// New makes a Writer for the run with that id.
func New(w io.Writer, p *plan.Plan, runID string) *Writer {
	return &Writer{out: bufio.NewWriter(Inert(w)), plan: p, run: runID}
}

// Observe writes one event. Beside what the event knows itself, run.start has run, workflow and file; every event of
// a step has parent; step.start and step.end have id, kind, line and column.
func (w *Writer) Observe(e event.Event) {
	var more []event.Field
	switch e.Type {
	case event.RunStart:
		more = []event.Field{{Key: "run", Value: w.run}, {Key: "workflow", Value: w.plan.Name}, {Key: "file", Value: w.plan.File}}
	case event.RunEnd:
	default:
		more = []event.Field{{Key: "parent", Value: w.parent(e)}}
		if e.Type == event.StepStart || e.Type == event.StepEnd {
			s := w.plan.Steps[e.Node]
			var id any
			if s.ID != "" {
				id = s.ID
			}
			more = append(more, event.Field{Key: "id", Value: id}, event.Field{Key: "kind", Value: s.Kind},
				event.Field{Key: "line", Value: s.Pos.Line}, event.Field{Key: "column", Value: s.Pos.Col})
		}
	}
	b, err := e.AppendJSON(w.buf[:0], more...)
	if err != nil {
		panic("ndjson: an event that is no JSON: " + err.Error())
	}
	w.buf = append(b, '\n')
	w.out.Write(w.buf)
	w.out.Flush() // a reader that has gone is no reason to stop a run
}

// parent is the path of the step that e's step belongs to; null for the workflow itself.
func (w *Writer) parent(e event.Event) any {
	for int(e.Where.Step) >= len(w.paths) {
		w.paths = append(w.paths, "")
	}
	w.paths[e.Where.Step] = e.Path
	if e.Parent < 0 {
		return nil
	}
	return w.paths[e.Parent]
}
