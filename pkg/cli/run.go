package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func runCommand(s *session) *cli.Command {
	flags := slices.Concat(inputFlags(), []cli.Flag{
		boolFlag(flagDryRun, "n", "only show what would be done, as plan does"),
		&cli.DurationFlag{Name: flagTimeout, Usage: "`DURATION` limit of the whole run; exit code 124"},
		&cli.DurationFlag{Name: flagGrace, Usage: "`DURATION` time for a process to stop, where the file says nothing; else 10s"},
		boolFlag(flagStrict, "", "warnings are errors; errors returned as values make exit code 1"),
	}, watchFlags(), []cli.Flag{semaphoreFlag()}, resultFlags(), []cli.Flag{
		engineFlag(),
		queueFlag(),
		boolFlag(flagDetach, "", "with --engine temporal: print the id of the run, and do not follow it"),
	}, linkFlags(), commonFlags())
	return &cli.Command{
		Name:      "run",
		Category:  groupRun,
		Usage:     "check everything, then run",
		UsageText: "flowrun run [flags] [FILE|-]",
		Description: `flowrun run                             the flowrun.yaml here or above
flowrun run ci.yaml -i tag=v1.2 -j4     with an input, 4 processes at most
flowrun run ci.yaml --dry-run           only show what would be done
flowrun run - --format json < x.yaml    from stdin, the results as JSON`,
		Flags:  flags,
		Action: func(c *cli.Context) error { return s.run(c) },
	}
}

func (s *session) run(c *cli.Context) error {
	if c.Bool(flagDryRun) {
		return s.plan(c)
	}
	if err := s.enginePresent(c); err != nil {
		return err
	}
	format := c.String(flagFormat)
	path, p, given, err := s.prepare(c)
	if err != nil {
		return err
	}
	opt := executor.Options{
		Inputs: given.values, Places: given.places, Env: s.Env,
		Timeout: c.Duration(flagTimeout), Strict: c.Bool(flagStrict),
	}
	values, err := given.check(!isRemote(c), opt) // workers have secrets
	if err != nil {
		return err
	}
	if opt.Machine, err = machineFolder(c); err != nil {
		return err
	}
	state, err := s.state(c)
	if err != nil {
		return err
	}
	id := executor.NewRunID(time.Now())
	opt.Whole = c.Bool(flagVerbose)
	repeat := again(c, path, p)
	opt.RunID = id
	if opt.Keep, err = s.keep(c, journal.Of(state, id), repeat); err != nil {
		return err
	}
	opt.Machine = opt.Keep.Command.Semaphores
	away, err := s.awayOf(opt.Keep.Command.Engine, id)
	if err != nil {
		return err
	}
	if away != nil && c.Bool(flagDetach) {
		return s.detached(c, p, opt, away)
	}
	isText := format == "" || format == "text"
	tree := s.newModel(c, p, id)
	reports, err := s.openReports(c, tree, isText, "")
	if err != nil {
		return err
	}
	text := s.Stderr // people's text
	if isText && !reports.Stdout() {
		text = s.Stdout
	}
	past := newLearner(state, p, opt.Keep, values)
	view := s.progress(c, text, p, s.style(c, text, id, opt.Keep.Command.Engine, plain.Options{Again: toldAgain(opt.Keep.Folder, repeat, p), Past: past.run}), id)
	defer view.close()
	opt.Live, opt.Observe = view.observe, []func(event.Event){reports.Observe}
	if !c.Bool(flagQuiet) && len(p.Warnings) > 0 {
		opt.Live = append([]func(event.Event){func(e event.Event) {
			if e.Type == event.RunStart { // a run that is refused has errors to show
				s.hints(path, p.Warnings)
			}
		}}, opt.Live...)
	}
	if format == "ndjson" {
		opt.Observe = append(opt.Observe, ndjson.New(s.Stdout, p, id).Observe)
	}
	defer past.learn()
	return s.carryOut(p, format, view.said, opt, reports, func(ctx context.Context, opt executor.Options) (*executor.Result, error) {
		defer s.tellGitHub(view.lines.Run(), opt.Keep.Folder)
		result, err := away.run(ctx, p, opt, view.said)
		past.note(result, err)
		tree.About.Again = keptAgain(opt.Keep.Folder)
		return result, err
	})
}

// carryOut carries out a run of p, which start begins, or goes on with, and says how it ended. What is to be said meanwhile goes to said.
func (s *session) carryOut(
	p *plan.Plan, format string, said io.Writer, opt executor.Options, reports *files.Set, start func(context.Context, executor.Options) (*executor.Result, error),
) error {
	interrupted := make(chan struct{}, 1)
	if s.lookup("GOGC") == "" && works(p) {
		// Memory is what thousands of processes at work share; a workflow of values alone rather has the speed.
		defer debug.SetGCPercent(debug.SetGCPercent(60))
	}
	ctx, kill, stop := s.signals(context.Background(), interrupted, said, signalWords{
		first: "cancelling what runs, cleanups included; once more kills it", second: "killing what runs",
	})
	defer stop()
	opt.Interrupted = func() {
		select {
		case interrupted <- struct{}{}:
		default:
		}
	}
	opt.Kill = kill
	if holdsSecrets(p) {
		process.Conceal()
	}
	result, lost := start(ctx, opt)
	if result == nil {
		return refused(lost)
	}
	s.code = result.Exit
	s.writeReports(reports)
	if result.Exit == executor.ExitFailed && result.Root.Status == event.Succeeded {
		fmt.Fprintf(s.Stderr, "flowrun: --%s: errors were returned as values\n", flagStrict)
	}
	if format == "json" {
		if err := result.Write(ndjson.Inert(s.Stdout)); err != nil {
			return fault{fmt.Errorf("the result document cannot be written: %w", err)}
		}
	}
	switch {
	case lost != nil && opt.Keep.Durability == journal.Nothing:
		fmt.Fprintf(s.Stderr, "flowrun: %s: what came after that is not kept\n", plain.Inert(lost.Error()))
	case lost != nil:
		return fault{lost}
	}
	return nil
}

// durability is what --durability says.
func durability(v string) (journal.Durability, error) {
	switch v {
	case "", "process":
		return journal.Crash, nil
	case "power":
		return journal.PowerLoss, nil
	case "none":
		return journal.Nothing, nil
	default:
		return 0, usage("", "--%s: %q is none of process, power, none", flagDurability, v)
	}
}

// keep says where and how a run keeps what it does.
func (s *session) keep(c *cli.Context, folder, again string) (journal.Keep, error) {
	k := journal.Keep{Folder: folder, Supervisor: process.Supervisor()}
	var err error
	if k.Durability, err = durability(c.String(flagDurability)); err != nil {
		return k, err
	}
	here, err := os.Getwd()
	if err != nil {
		return k, fault{err}
	}
	k.Command = journal.Command{
		Flowrun: release(), Folder: here, Again: again, Jobs: c.Int(flagJobs), Room: room(c),
		Strict: c.Bool(flagStrict), EnvFiles: c.StringSlice(flagEnvFile), Traceparent: s.lookup("TRACEPARENT"),
	}
	if k.Command.Semaphores, err = machineFolder(c); err != nil {
		return k, err
	}
	if isRemote(c) {
		if k.Command.Engine, err = s.engineOf(c); err != nil {
			return k, err
		}
	}
	if k.Durability != journal.Crash {
		k.Command.Durability = c.String(flagDurability)
	}
	if d := c.Duration(flagTimeout); d > 0 {
		k.Command.Timeout = event.FormatDuration(d)
	}
	if d := c.Duration(flagGrace); d > 0 {
		k.Command.Grace = event.FormatDuration(d)
	}
	for _, f := range s.files {
		path, err := filepath.Abs(f.Name)
		if err != nil {
			return k, fault{err}
		}
		f.Path = path
		k.Sources = append(k.Sources, f)
	}
	return k, nil
}

// holdsSecrets says that flowrun knows more than a step of p may.
func holdsSecrets(p *plan.Plan) bool {
	return len(p.Secrets) > 0 || slices.ContainsFunc(p.Main.Inputs, func(in *ast.Input) bool { return in.Secret })
}

// works says whether a step of p works outside of this process.
func works(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s *plan.Step) bool {
		leaf, ok := s.Action().(*plan.Leaf)
		return ok && leaf.Kind.Limited
	})
}

// prepare loads what a command is about, and reads the inputs.
func (s *session) prepare(c *cli.Context) (path string, p *plan.Plan, given *inputs, err error) {
	if err = s.enter(c); err != nil {
		return
	}
	if path, err = s.file(c); err != nil {
		return
	}
	if p, err = s.load(path, c); err != nil {
		return
	}
	return path, p, readInputs(c, p), nil
}

// refused tells what the user did wrong from what flowrun did.
func refused(err error) error {
	var list diag.List
	var u usageError
	if errors.As(err, &list) || errors.As(err, &u) {
		return err
	}
	return fault{err}
}
