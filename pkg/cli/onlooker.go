package cli

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// onlooker is who is told of a run that was begun before, and goes on.
type onlooker struct {
	text    io.Writer // for people
	view    view
	reports *files.Set
	kept    *keptSteps
	past    []func(event.Event) // are told what has happened
	observe []func(event.Event) // are told what happens, as view.observe are
}

// onlooker makes what the flags ask for. Paths of reports are those of the folder where the command line was typed.
func (s *session) onlooker(c *cli.Context, r *journal.Run, p *plan.Plan, folder string) (*onlooker, error) {
	format := c.String(flagFormat)
	isText := format == "" || format == "text"
	reports, err := s.openReports(c, keptModel(r, p), isText, folder)
	if err != nil {
		return nil, err
	}
	o := &onlooker{text: s.Stderr, reports: reports, kept: &keptSteps{plan: p}}
	if isText && !reports.Stdout() {
		o.text = s.Stdout
	}
	past := followed(r, p)
	o.view = s.progress(c, o.text, p, s.style(c, o.text, r.ID, r.Header.Command.Engine, plain.Options{Again: telling(r.Header.Command.Again), Past: past}), r.ID)
	o.past = append(o.view.recall, o.kept.observe, withTexts(r, reports.Observe))
	o.observe = []func(event.Event){reports.Observe}
	if format == "ndjson" {
		o.observe = append(o.observe, ndjson.New(s.Stdout, p, r.ID).Observe)
	}
	return o, nil
}
