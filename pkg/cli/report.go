package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/runs"
)

// reportFlag asks for reports.
func reportFlag() cli.Flag {
	return &cli.StringSliceFlag{
		Name:  flagReport,
		Usage: "`KIND=PATH` write a report: " + strings.Join(files.Names(), ", ") + "; PATH - is standard output; repeatable",
	}
}

func reportCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Category:  groupLook,
		Usage:     "write reports of a run that was kept",
		UsageText: "flowrun report [flags] [RUN]",
		Description: `flowrun report --report junit=out/junit.xml      of the last run of this folder
flowrun report 7T8V --report junit=-              of the run whose id begins or ends so`,
		Flags:  append([]cli.Flag{reportFlag(), stateFlag()}, lookFlags()...),
		Action: func(c *cli.Context) error { return s.reportRun(c) },
	}
}

func (s *session) reportRun(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("", "report takes one RUN, not %d", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	if len(c.StringSlice(flagReport)) == 0 {
		return usage(fmt.Sprintf("--%s KIND=PATH; KIND is one of %s", flagReport, strings.Join(files.Names(), ", ")), "no report is asked for")
	}
	r, err := s.runNow(c)
	if err != nil {
		return err
	}
	if err := told(r); err != nil {
		return err
	}
	p, err := compiled(r)
	if err != nil {
		return err
	}
	reports, err := s.openReports(c, keptModel(r, p), true, "")
	if err != nil {
		return err
	}
	if _, err := runs.Tell(r, p, reports.Observe); err != nil {
		return fault{err}
	}
	if !s.writeReports(reports) {
		s.code = exitFault
	}
	return nil
}

// keptModel is the model of a run that was kept.
func keptModel(r *journal.Run, p *plan.Plan) *model.Run {
	command := r.Header.Command
	m := model.New(p, r.ID)
	m.Started = r.Header.Start
	m.About = model.About{
		Flowrun: command.Flowrun, Again: command.Again, Traceparent: command.Traceparent, Strict: command.Strict,
		Crashed: r.State == journal.Crashed,
	}
	return m
}

// withTexts gives events of a journal the texts that stand in logs. One that was removed has none.
func withTexts(r *journal.Run, observe func(event.Event)) func(event.Event) {
	texts := journal.NewTexts(r.Folder)
	return func(e event.Event) {
		e, _ = texts.Text(e)
		observe(e)
	}
}

// newModel is the model of a run that begins.
func (s *session) newModel(c *cli.Context, p *plan.Plan, id string) *model.Run {
	m := model.New(p, id)
	m.About = model.About{Flowrun: release(), Traceparent: s.lookup("TRACEPARENT"), Strict: c.Bool(flagStrict)}
	return m
}

// keptAgain is the command that does the same again, as the run in that folder has kept it: with secrets masked. Reports leave
// the machine.
func keptAgain(folder string) string {
	in, err := journal.Open(folder)
	if err != nil {
		return ""
	}
	defer in.Close()
	return in.Header.Command.Again
}

// toldAgain is keptAgain for the end of a run; nil: there is no such command. What knows no secret is told as it was typed
// where nothing is kept.
func toldAgain(folder, typed string, p *plan.Plan) func() string {
	if typed == "" {
		return nil
	}
	return func() string {
		kept := keptAgain(folder)
		if kept == "" && !holdsSecrets(p) {
			return typed
		}
		return kept
	}
}

// telling is a command that is known already; nil: there is none.
func telling(command string) func() string {
	if command == "" {
		return nil
	}
	return func() string { return command }
}

// openReports opens the reports that the command line asks for, of the run r. free says that standard output is; folder is where
// the command line was typed, "" if it is the current one.
func (s *session) openReports(c *cli.Context, r *model.Run, free bool, folder string) (*files.Set, error) {
	opt := files.Options{Folder: folder, Env: s.lookup}
	if free {
		opt.Stdout = s.Stdout
	}
	for _, f := range s.files {
		opt.Used = append(opt.Used, f.Name)
	}
	set, err := files.Open(c.StringSlice(flagReport), r, opt)
	var wrong files.WrongError
	if errors.As(err, &wrong) {
		return nil, usage(wrong.Hint, "--%s: %s", flagReport, wrong.Text)
	}
	return set, err
}

// writeReports writes them, however the run ended, and says whether all were. One that cannot be written makes the exit code of a run that is 0 that of
// flowrun's own fault; an endpoint that does not answer does not.
func (s *session) writeReports(set *files.Set) (all bool) {
	problems := set.Write()
	for _, p := range problems {
		io.WriteString(s.Stderr, plain.Inert(fmt.Sprintf("flowrun: %s\n", p)))
		if !p.Sent && s.code == 0 {
			s.code = exitFault
		}
	}
	return len(problems) == 0
}

// reports offers kinds, and then files.
func (c *completer) reports(before string) offer {
	rest := strings.TrimPrefix(c.word, before)
	if kind, _, ok := strings.Cut(rest, "="); ok {
		return c.files("any", before+kind+"=")
	}
	var o offer
	for _, k := range files.Kinds() {
		o.words = append(o.words, candidate{before + k.Name + "=", k.About})
	}
	return o
}
