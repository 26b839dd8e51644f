package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func resumeCommand(s *session) *cli.Command {
	flags := []cli.Flag{
		&cli.StringSliceFlag{
			Name: flagInput, Aliases: []string{"i"},
			Usage: "`NAME=VALUE` a secret input, whose value was not kept; repeatable",
		},
		textFlag(flagInputs, "", "FILE", "secret inputs as a mapping in YAML or JSON"),
		boolFlag(flagQuiet, "q", "print only failures and the verdict"),
		boolFlag(flagVerbose, "v", "print more: what waits or begins, and every line of output"),
		stateFlag(),
		newChoice(flagDurability, "", "HOW", "process: the journal survives its end", "power: and its loss", "none"),
		newChoice(flagFormat, "", "FORMAT", "text", "json: one result document", "ndjson: one event a line"),
	}
	return &cli.Command{
		Name:      "resume",
		Category:  groupRun,
		Usage:     "go on with a run that died",
		UsageText: "flowrun resume [flags] [RUN]",
		Description: `flowrun resume             the last run of this folder
flowrun resume 7T8V        the run whose id begins or ends so
flowrun resume last -q     print only failures and the verdict`,
		Flags:  append(flags, commonFlags()...),
		Action: func(c *cli.Context) error { return s.resume(c) },
	}
}

func (s *session) resume(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("", "resume takes one RUN, not %d", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	if err := resumable(r); err != nil {
		return err
	}
	opt := executor.Options{Env: s.Env, Whole: c.Bool(flagVerbose)}
	opt.Keep = journal.Keep{Folder: r.Folder, Supervisor: process.Supervisor(), Command: journal.Command{Flowrun: release()}}
	if opt.Keep.Durability, err = durability(c); err != nil {
		return err
	}
	p, given, err := s.again(c, r)
	if err != nil {
		return err
	}
	opt.Inputs, opt.Places = given.values, given.places
	if err := buried(r); err != nil {
		return err
	}
	format := c.String(flagFormat)
	text := s.Stderr
	if format == "" || format == "text" {
		text = s.Stdout
	}
	past := followed(r, p)
	report := plain.New(text, p, plain.Options{
		Color: s.colors(c, text), Quiet: c.Bool(flagQuiet), Verbose: c.Bool(flagVerbose), Again: r.Header.Command.Again, Past: past,
	})
	kept := &keptSteps{plan: p}
	opt.Past = []func(event.Event){past.Observe, report.Recall, kept.observe}
	opt.Observe = []func(event.Event){past.Observe, report.Observe}
	if !c.Bool(flagQuiet) {
		opt.Observe = append([]func(event.Event){kept.tell(text, r.ID)}, opt.Observe...)
	}
	if format == "ndjson" {
		opt.Observe = append(opt.Observe, ndjson.New(s.Stdout, p, r.ID).Observe)
	}
	return s.carryOut(p, format, opt, func(ctx context.Context, opt executor.Options) (*executor.Result, error) {
		result, err := executor.Resume(ctx, p, opt)
		var unfit *executor.UnfitError
		switch {
		case errors.As(err, &unfit):
			return nil, usage(unfit.Help, "run %s cannot be resumed: %s", r.ID, unfit.Text)
		case errors.Is(err, journal.ErrBusy):
			return nil, goingOn(r.Again())
		}
		return result, err
	})
}

// resumable says why a run cannot be gone on with; nil: it can.
func resumable(r *journal.Run) error {
	if err := told(r); err != nil {
		return err
	}
	switch {
	case r.State == journal.Live:
		return goingOn(r)
	case r.State == journal.Ended && r.Lost == "":
		return usage("flowrun show "+r.ID+" shows it", "run %s has nothing to go on with: it has %s", r.ID, ended(r))
	}
	return nil
}

func goingOn(r *journal.Run) error {
	return usage("flowrun logs -f "+r.ID+" follows it", "run %s is going on, as process %d", r.ID, r.Header.Process.PID)
}

// buried waits until nothing is alive any more of what the run had started.
func buried(r *journal.Run) error {
	for begin := time.Now(); r.Header.Process.Tidying(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > patience+grace {
			return fault{fmt.Errorf("what run %s had started is still being ended, by process %d", r.ID, r.Header.Process.Supervisor)}
		}
	}
	process.Sweep()
	return nil
}

// again is the plan of a run that goes on, and what it is given. The current folder becomes that of the run, but paths on the
// command line are of the folder in which it was typed.
func (s *session) again(c *cli.Context, r *journal.Run) (*plan.Plan, *inputs, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, nil, fault{err}
	}
	folder := r.Header.Command.Folder
	away := func(err error) error {
		return usage("", "the folder in which run %s was begun is not there: %s: %s", r.ID, quote(folder), reason(err))
	}
	if err := os.Chdir(folder); err != nil {
		return nil, nil, away(err)
	}
	s.Env = append(s.Env, "PWD="+folder)
	p, err := s.planOf(r)
	if err != nil {
		return nil, nil, err
	}
	if err := os.Chdir(here); err != nil {
		return nil, nil, fault{err}
	}
	given := readInputs(c, p)
	if err := os.Chdir(folder); err != nil {
		return nil, nil, away(err)
	}
	return p, given, given.problems.Err()
}

// planOf is the plan of a run's files as they are now, which must be as they were.
func (s *session) planOf(r *journal.Run) (*plan.Plan, error) {
	command := r.Header.Command
	if r.Header.File == "-" {
		return compiled(r)
	}
	was, err := r.Sources()
	if err != nil {
		return nil, fault{err}
	}
	opt := executor.LoadOptions{
		Kinds: steps.Builtin(), EnvFiles: command.EnvFiles, Jobs: command.Jobs, Room: command.Room, Source: s.source,
	}
	if d, err := time.ParseDuration(command.Grace); err == nil {
		opt.Kinds = withGrace(opt.Kinds, d)
	}
	p, err := executor.Load(r.Header.File, opt)
	same := func(a, b journal.Source) bool { return a.Name == b.Name && bytes.Equal(a.Text, b.Text) }
	if err == nil && !slices.EqualFunc(was, s.files, same) || err != nil && !slices.EqualFunc(was[:1], s.files[:min(1, len(s.files))], same) {
		return nil, usage("", "run %s cannot be resumed: %s is not as it was when the run began", r.ID, quote(r.Header.File))
	}
	return p, unreadable(err)
}

// keptSteps counts what a run that goes on has done already.
type keptSteps struct {
	plan   *plan.Plan
	work   journal.Work
	ended  int
	silent bool // it was told
}

func (k *keptSteps) observe(e event.Event) {
	k.work.Observe(e)
	if leaf, ok := k.plan.Steps[e.Node].Action().(*plan.Leaf); ok && leaf.Kind.Run != nil && e.Type == event.StepEnd {
		k.ended++
	}
}

// tell tells of it before the first new event.
func (k *keptSteps) tell(w io.Writer, id string) func(event.Event) {
	return func(event.Event) {
		if !k.silent {
			k.silent = true
			fmt.Fprintf(w, "run %s goes on: %d kept, %d to begin again\n", id, k.ended, len(k.work.Steps()))
		}
	}
}
