package cli

import (
	"cmp"
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
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func resumeCommand(s *session) *cli.Command {
	flags := slices.Concat([]cli.Flag{
		&cli.StringSliceFlag{
			Name: flagInput, Aliases: []string{"i"},
			Usage: "`NAME=VALUE` a secret input, whose value was not kept; repeatable",
		},
		textFlag(flagInputs, "", "FILE", "secret inputs as a mapping in YAML or JSON"),
		boolFlag(flagFailed, "", "run again what failed or was cancelled, and what depended on it"),
		boolFlag(flagAccept, "", "the file was changed: run again what changed, and what depended on it"),
		boolFlag(flagOriginal, "", "the file was changed: go on with it as it was"),
	}, watchFlags(), resultFlags(), lookFlags())
	return &cli.Command{
		Name:      "resume",
		Category:  groupRun,
		Usage:     "go on with a run that died or failed",
		UsageText: "flowrun resume [flags] [RUN]",
		Description: `flowrun resume                       the last run of this folder died: go on with it
flowrun resume 7T8V --failed         run again what failed in the run whose id begins or ends so
flowrun resume --accept-changes      the file was changed: run again what changed`,
		Flags:  flags,
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
	if r.Header.Command.Engine != nil {
		return s.following(c, r)
	}
	opt := executor.Options{Env: s.Env, Whole: c.Bool(flagVerbose)}
	opt.Keep = journal.Keep{Folder: r.Folder, Supervisor: process.Supervisor(), Command: journal.Command{Flowrun: release()}}
	if opt.Keep.Durability, err = durability(cmp.Or(c.String(flagDurability), r.Header.Command.Durability)); err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return fault{err}
	}
	x, given, err := s.again(c, r) // which goes to the folder of the run
	if err != nil || x == nil {
		return err
	}
	p := x.plan
	if opt.Earlier, err = s.earlier(r, x); err != nil {
		return err
	}
	opt.Inputs, opt.Places = given.values, given.places
	if err := buried(r); err != nil {
		return err
	}
	o, err := s.onlooker(c, r, p, here)
	if err != nil {
		return err
	}
	defer o.view.close()
	opt.Past, opt.Live, opt.Observe = o.past, o.view.observe, o.observe
	if !c.Bool(flagQuiet) && !x.retake {
		opt.Live = append([]func(event.Event){o.kept.tell(o.text, "run "+r.ID+" goes on: %d kept, %d to begin again\n")}, opt.Live...)
	}
	resume := executor.Resume
	if x.retake {
		resume = executor.Retake
		opt.Keep.Command = r.Header.Command
		opt.Keep.Command.Flowrun, opt.Keep.Sources = release(), x.sources
		if !c.Bool(flagQuiet) {
			opt.Earlier.Judged = x.tell(o.text, r.ID)
		}
	}
	return s.carryOut(p, c.String(flagFormat), o.view.said, opt, o.reports, func(ctx context.Context, opt executor.Options) (*executor.Result, error) {
		defer s.tellGitHub(o.view.lines.Run(), r.Folder)
		result, err := resume(ctx, p, opt)
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

// resumable says why a run cannot be gone on with, in a new take or in that which there is; nil: it can.
func resumable(r *journal.Run, anew bool) error {
	if err := told(r); err != nil {
		return err
	}
	switch {
	case r.State == journal.Live:
		return goingOn(r)
	case r.State == journal.Ended && r.Lost == "":
		if anew {
			return nil
		}
		hint := "flowrun show " + r.ID + " shows it"
		if w := r.Word(); w == "failed" || w == "cancelled" {
			hint = fmt.Sprintf("flowrun resume %s --%s runs again what failed", r.ID, flagFailed)
		}
		return usage(hint, "run %s has nothing to go on with: it has %s", r.ID, ended(r))
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

// again is how a run goes on, and what it is given; without a course there is nothing to do. The current folder becomes that of
// the run, if it is there, but paths on the command line are of the folder in which it was typed.
func (s *session) again(c *cli.Context, r *journal.Run) (*course, *inputs, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, nil, fault{err}
	}
	folder := r.Header.Command.Folder
	if err := os.Chdir(folder); err != nil {
		fmt.Fprintf(s.Stderr, "flowrun: the folder in which run %s was begun is not there (%s: %s): it goes on here\n", r.ID, quote(folder), reason(err))
		folder = here
	}
	s.Env = append(s.Env, "PWD="+folder)
	x, err := s.courseOf(c, r)
	if err != nil || x == nil {
		return nil, nil, err
	}
	if err := os.Chdir(here); err != nil {
		return nil, nil, fault{err}
	}
	given := readInputs(c, x.plan)
	if err := os.Chdir(folder); err != nil {
		return nil, nil, fault{err}
	}
	return x, given, given.problems.Err()
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

// tell tells of it before the first new event: how many have ended, and how many have not.
func (k *keptSteps) tell(w io.Writer, format string) func(event.Event) {
	return func(event.Event) {
		if !k.silent {
			k.silent = true
			fmt.Fprintf(w, format, k.ended, len(k.work.Steps()))
		}
	}
}
