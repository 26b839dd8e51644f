package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// away is where a run takes place beyond this machine.
type away struct {
	remote executor.Remote
	store  kind.Store // of the run; nil: it has none
	said   io.Writer  // for what is to be said meanwhile
}

// awayOf reaches the engine of a run; nil: that is this machine.
func (s *session) awayOf(e *journal.Engine, run string) (*away, error) {
	if e == nil {
		return nil, nil
	}
	if err := s.present(); err != nil {
		return nil, err
	}
	a, l := &away{said: s.Stderr}, s.linkOf(e)
	l.Notice = func(text string) { fmt.Fprintf(a.said, "flowrun: %s\n", plain.Inert(text)) }
	var err error
	if a.remote, err = s.Engine.Dial(context.Background(), l); err == nil && e.Store != "" {
		a.store, err = s.Engine.Store(context.Background(), l, run)
	}
	return a, err
}

// run runs p there, or on this machine if a is nil. What is to be said meanwhile goes to said.
func (a *away) run(ctx context.Context, p *plan.Plan, opt executor.Options, said io.Writer) (*executor.Result, error) {
	if a == nil {
		return executor.Run(ctx, p, opt)
	}
	a.said = said
	result, err := executor.RunRemote(ctx, p, kindsOf(opt.Keep.Command.Grace), opt, a.remote, a.store)
	if result == nil {
		err = notBegun(opt.RunID, err)
	}
	return result, err
}

// follow goes on with following r.
func (a *away) follow(ctx context.Context, r *journal.Run, p *plan.Plan, opt executor.Options, said io.Writer) (*executor.Result, error) {
	a.said = said
	result, err := executor.Follow(ctx, p, opt, a.remote, a.store)
	var unfit *executor.UnfitError
	switch {
	case errors.As(err, &unfit):
		err = usage(unfit.Help, "run %s cannot be followed: %s", r.ID, unfit.Text)
	case errors.Is(err, journal.ErrBusy):
		err = goingOn(r.Again())
	case result == nil:
		err = left(r.ID, err)
	}
	return result, err
}

// kindsOf are the kinds of a run with that --grace.
func kindsOf(grace string) []*kind.Kind {
	if d, err := time.ParseDuration(grace); err == nil && d > 0 {
		return steps.WithGrace(steps.Builtin(), d)
	}
	return steps.Builtin()
}

// detached has a run begin, and prints its id.
func (s *session) detached(c *cli.Context, p *plan.Plan, opt executor.Options, a *away) error {
	if f := c.String(flagFormat); f != "" && f != "text" || len(c.StringSlice(flagReport)) > 0 {
		return usage(fmt.Sprintf("flowrun resume RUN --%s or --%s follows the run to its end", flagFormat, flagReport),
			"--%s tells no more than the id of the run", flagDetach)
	}
	if err := executor.StartRemote(context.Background(), p, kindsOf(opt.Keep.Command.Grace), opt, a.remote); err != nil {
		return notBegun(opt.RunID, err)
	}
	fmt.Fprintln(s.Stdout, opt.RunID)
	return nil
}

// notBegun is why a run did not begin, if it did not: that the engine refuses it is no fault of flowrun.
func notBegun(id string, err error) error {
	err = left(id, err)
	var list diag.List
	var bug fault
	var kept *journal.Problem
	if errors.As(err, &list) || errors.As(err, &bug) || errors.As(err, &kept) {
		return err
	}
	return usage("", "%s", err)
}

// left says that a run goes on that nobody follows any more; any other error is as it was.
func left(id string, err error) error {
	var l *executor.LeftError
	switch {
	case !errors.As(err, &l):
		return err
	case l.Unsure:
		return fault{fmt.Errorf("whether run %s has begun is not known: %w (flowrun resume %s follows it if it has)", id, l.Err, id)}
	case errors.Is(err, executor.ErrOver):
		return fault{fmt.Errorf("run %s does not go on: %w (flowrun show %s shows what is known of it)", id, l.Err, id)}
	case errors.Is(err, executor.ErrNoRun):
		return fault{fmt.Errorf("the engine knows no run %s any more (flowrun show %s shows what is known of it)", id, id)}
	}
	return fault{fmt.Errorf("run %s goes on, and is not followed any more: %w (flowrun resume %s follows it again)", id, l.Err, id)}
}

// following is the resume of a run beyond this machine: it goes on by itself, and is followed.
func (s *session) following(c *cli.Context, r *journal.Run) error {
	for _, flag := range []string{flagFailed, flagAccept, flagOriginal, flagInput, flagInputs} {
		if s.typed(c, flag) {
			return usage(fmt.Sprintf("run the workflow again: %s", cmp.Or(r.Header.Command.Again, "flowrun run")),
				"run %s took place on %s, and has no further take: --%s does not go with it", r.ID, r.Header.Command.Engine.Name, flag)
		}
	}
	switch r.State {
	case journal.Live:
		return usage("flowrun logs -f "+r.ID+" shows what its steps print", "run %s is followed already, by process %d", r.ID, r.Header.Process.PID)
	case journal.Ended:
		return usage("flowrun show "+r.ID+" shows it", "run %s has nothing to go on with: it has %s", r.ID, ended(r))
	}
	here, err := os.Getwd()
	if err != nil {
		return fault{err}
	}
	p, err := compiled(r)
	if err != nil {
		return err
	}
	if err := s.recall(r); err != nil {
		return err
	}
	a, err := s.awayOf(r.Header.Command.Engine, r.ID)
	if err != nil {
		return err
	}
	opt := executor.Options{Keep: journal.Keep{Folder: r.Folder, Command: journal.Command{Flowrun: release()}}}
	if opt.Keep.Durability, err = durability(cmp.Or(c.String(flagDurability), r.Header.Command.Durability)); err != nil {
		return err
	}
	o, err := s.onlooker(c, r, p, here)
	if err != nil {
		return err
	}
	defer o.view.close()
	opt.Past, opt.Live, opt.Observe = o.past, o.view.observe, o.observe
	if !c.Bool(flagQuiet) {
		opt.Live = append([]func(event.Event){o.kept.tell(o.text, "run "+r.ID+" is followed: %d ended, %d at work\n")}, opt.Live...)
	}
	return s.carryOut(p, c.String(flagFormat), o.view.said, opt, o.reports, func(ctx context.Context, opt executor.Options) (*executor.Result, error) {
		defer s.tellGitHub(o.view.lines.Run(), r.Folder)
		return a.follow(ctx, r, p, opt, o.view.said)
	})
}

// fetched is a run that is not known here, and that the engine of the command line may know: it gets a folder here.
func (s *session) fetched(c *cli.Context, id string) (*journal.Run, error) {
	engine, err := s.engineOf(c)
	if err != nil {
		return nil, err
	}
	a, err := s.awayOf(engine, id)
	if err != nil {
		return nil, err
	}
	spec, err := a.remote.Spec(context.Background(), strings.ToUpper(id))
	if errors.Is(err, executor.ErrNoRun) {
		return nil, usage("write all of its id", "there is no run %s, neither here nor on %s", shown(id), engine.Name)
	}
	if err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, fault{err}
	}
	kinds := steps.Builtin()
	p, err := spec.Plan(kinds)
	if err != nil {
		return nil, fault{fmt.Errorf("run %s was begun by flowrun %s, and its workflow cannot be read by this one (%s): %w", spec.Run, spec.Flowrun, release(), err)}
	}
	state, err := s.state(c)
	if err != nil {
		return nil, err
	}
	k := journal.Keep{Folder: journal.Of(state, spec.Run), Command: journal.Command{
		Flowrun: spec.Flowrun, Folder: here, Jobs: spec.Jobs, Timeout: spec.Timeout, Grace: spec.Grace, Engine: engine,
	}}
	for _, f := range spec.Files {
		k.Sources = append(k.Sources, journal.Source{Name: f.Name, Path: filepath.Join(here, filepath.FromSlash(f.Path)), Text: []byte(f.Text)})
	}
	if err := executor.Adopt(spec, p, executor.Options{Keep: k}); err != nil {
		return nil, fault{err}
	}
	return journal.Look(state, spec.Run), nil
}
