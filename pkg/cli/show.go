package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/runs"
	"github.com/flowrun/flowrun/pkg/steps"
)

func showCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "show",
		Category:  groupLook,
		Usage:     "print the report of a run again",
		UsageText: "flowrun show [flags] [RUN]",
		Description: `flowrun show                     the last run of this folder
flowrun show 7T8V -q             the run whose id begins or ends so: failures and the verdict
flowrun show last --format json  its result document`,
		Flags: append([]cli.Flag{
			boolFlag(flagQuiet, "q", "print only failures and the verdict"),
			boolFlag(flagVerbose, "v", "print also what waited or began"),
			newChoice(flagFormat, "", "FORMAT", "text", "json: the result document"),
			stateFlag(),
		}, lookFlags()...),
		Action: func(c *cli.Context) error { return s.show(c) },
	}
}

func (s *session) show(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("", "show takes one RUN, not %d", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	r, err := s.runNow(c)
	if err != nil {
		return err
	}
	if asJSON(c) {
		return s.resultOf(r)
	}
	if err := told(r); err != nil {
		return err
	}
	p, err := compiled(r)
	if err != nil {
		return err
	}
	if err := s.recall(r); err != nil {
		return err
	}
	past := followed(r, p)
	report := plain.New(s.Stdout, p, s.style(c, s.Stdout, r.ID, r.Header.Command.Engine, plain.Options{Again: telling(r.Header.Command.Again), Past: past}))
	steps, err := runs.Tell(r, p, func(e event.Event) {
		past.Observe(e)
		report.Observe(e)
	})
	if err != nil {
		return fault{err}
	}
	s.unended(r, steps, past)
	return nil
}

// recall takes the files of a run as it has kept them, for what is said of them.
func (s *session) recall(r *journal.Run) error {
	files, err := r.Sources()
	if err != nil {
		return fault{err}
	}
	for _, f := range files {
		s.sources.Add(f.Name, f.Text)
	}
	return nil
}

// resultOf prints the result document.
func (s *session) resultOf(r *journal.Run) error {
	b, err := r.Result()
	if errors.Is(err, fs.ErrNotExist) {
		return usage("flowrun show "+r.ID+" shows what is known", "run %s has no result document: it is %s", r.ID, r.Word())
	}
	if err != nil {
		return fault{err}
	}
	ndjson.Inert(s.Stdout).Write(b)
	return nil
}

// compiled is the plan of a run, of the files that it has kept.
func compiled(r *journal.Run) (*plan.Plan, error) {
	files, err := r.Sources()
	if err != nil {
		return nil, fault{err}
	}
	command := r.Header.Command
	p, err := executor.Reload(files, executor.LoadOptions{Kinds: steps.Builtin(), Jobs: command.Jobs, Room: command.Room})
	if err == nil && executor.Checksum(p) == r.Header.Plan {
		return p, nil
	}
	text := fmt.Sprintf("flowrun %s, which ran %s, reads its workflow in another way than this one (%s)", command.Flowrun, r.ID, release())
	if err != nil {
		text += ": " + err.Error()
	}
	return nil, fault{errors.New(text)}
}

// unended says of a run without an end what it does, or did.
func (s *session) unended(r *journal.Run, steps []journal.Step, past *durations.Run) {
	var text string
	switch r.State {
	case journal.Live:
		text = fmt.Sprintf("… %s is going on for %s, as process %d", r.ID, plain.Duration(r.Took), r.Header.Process.PID)
	case journal.Detached:
		text = fmt.Sprintf("… %s was going on after %s, on %s; flowrun resume %s follows it", r.ID, plain.Duration(r.Took), r.Header.Command.Engine.Name, r.ID)
	case journal.Crashed:
		text = fmt.Sprintf("✗ %s crashed after %s: its process is gone, and did not tell how the run ended", r.ID, plain.Duration(r.Took))
	default:
		return
	}
	if len(steps) > 0 {
		text += "; at work: " + runs.Paths(steps)
	}
	if left, known := past.Left(time.Now()); known && r.State == journal.Live {
		text += "; about " + plain.About(left) + " left"
	}
	io.WriteString(s.Stdout, plain.Inert("\n"+text+"\n"))
}
