package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// defaultQueue is that of runs and workers of which nobody says another.
const defaultQueue = "flowrun"

// The program that has the engine besides, and how it is got.
const (
	engineProgram = "flowrun-" + engineTemporal
	engineInstall = "go install github.com/flowrun/flowrun/pkg/executor/temporal/cmd/" + engineProgram + "@latest installs it"
)

// Variables of the engine begin with enginePrefix. Those that say which server it is are kept with a run; others may be secrets.
const enginePrefix = "TEMPORAL_"

func engineVariables() []string {
	return []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"}
}

// passedOn says that another program has done the work of a command, and with which code it has ended.
type passedOn struct{ code int }

// Error implements error.
func (passedOn) Error() string { return "another program has done it" }

// handOver has the program with the engine do what this one was told. It comes back only with an error.
func (s *session) handOver() error {
	path, ok := s.program(engineProgram)
	if !ok {
		return usage(engineInstall, "%s is needed for --%s %s, and is not in the PATH", engineProgram, flagEngine, engineTemporal)
	}
	env := s.Env
	if s.from != "" { // the other one changes the folder itself
		if err := os.Chdir(s.from); err != nil {
			return fault{err}
		}
		env = append(env[:len(env):len(env)], "PWD="+s.from)
	}
	code, err := process.Replace(path, append([]string{engineProgram}, s.args...), env)
	if err != nil {
		return fault{fmt.Errorf("%s cannot be started: %w", path, reason(err))}
	}
	return passedOn{code}
}

// present sees to it that this is the program with the engine.
func (s *session) present() error {
	if s.Engine == nil {
		return s.handOver()
	}
	return nil
}

// engineOf is the engine of a command line, as a run keeps it.
func (s *session) engineOf(c *cli.Context) (*journal.Engine, error) {
	e := &journal.Engine{Name: engineTemporal, Queue: cmp.Or(c.String(flagQueue), defaultQueue)}
	for _, name := range engineVariables() {
		if v := s.lookup(name); v != "" {
			e.Env = append(e.Env, name+"="+v)
		}
	}
	return e, relink(c, e)
}

// relink has e reached as a command line says, which may be another machine than that on which the run was begun.
func relink(c *cli.Context, e *journal.Engine) error {
	e.Store = cmp.Or(c.String(flagStore), e.Store)
	if path := c.String(flagKeyFile); path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return fault{err}
		}
		e.KeyFile = path
	}
	return nil
}

// linkOf is how an engine is reached: the server is that of e, whatever the environment says; who may use it stands there.
func (s *session) linkOf(e *journal.Engine) Link {
	l := Link{Queue: e.Queue, KeyFile: e.KeyFile, Store: e.Store}
	for _, v := range s.Env {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, enginePrefix) && !slices.Contains(engineVariables(), name) {
			l.Env = append(l.Env, v)
		}
	}
	l.Env = append(l.Env, e.Env...)
	return l
}

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
		err = notBegun(left(opt.RunID, err))
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

// typed says that a flag stands on the command line, and not only in the environment.
func (s *session) typed(c *cli.Context, flag string) bool {
	given := fmt.Sprint(c.Value(flag))
	if list := c.StringSlice(flag); list != nil {
		given = strings.Join(list, "\n")
	}
	return c.IsSet(flag) && given != s.lookup(variable(flag))
}

// enginePresent sees to it that this program has the engine that is asked for, and refuses flags that mean nothing without.
func (s *session) enginePresent(c *cli.Context) error {
	if isRemote(c) {
		return s.present()
	}
	for _, flag := range []string{flagQueue, flagKeyFile, flagStore, flagDetach} {
		if s.typed(c, flag) {
			return usage(fmt.Sprintf("--%s %s", flagEngine, engineTemporal), "--%s is for runs beyond this machine", flag)
		}
	}
	return nil
}

// detached has a run begin, and prints its id.
func (s *session) detached(c *cli.Context, p *plan.Plan, opt executor.Options, a *away) error {
	if f := c.String(flagFormat); f != "" && f != "text" || len(c.StringSlice(flagReport)) > 0 {
		return usage(fmt.Sprintf("flowrun resume RUN --%s or --%s follows the run to its end", flagFormat, flagReport),
			"--%s tells no more than the id of the run", flagDetach)
	}
	if err := executor.StartRemote(context.Background(), p, kindsOf(opt.Keep.Command.Grace), opt, a.remote); err != nil {
		return notBegun(err)
	}
	fmt.Fprintln(s.Stdout, opt.RunID)
	return nil
}

// notBegun is why a run did not begin: that the engine refuses it is no fault of flowrun.
func notBegun(err error) error {
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
	case errors.Is(err, executor.ErrNoRun):
		return usage("flowrun show "+id+" shows what is known of it", "the engine knows no run %s any more", id)
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
	opt.Past, opt.Observe = o.past, o.observe
	if !c.Bool(flagQuiet) {
		opt.Observe = append([]func(event.Event){o.kept.tell(o.text, "run "+r.ID+" is followed: %d ended, %d at work\n")}, opt.Observe...)
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

// How long a run is looked at that goes on: until it has been quiet for so long, or has said nothing at all.
const (
	quietFor  = 500 * time.Millisecond
	silentFor = 5 * time.Second
)

// glance is a Remote that is not followed to the end of the run.
type glance struct {
	executor.Remote
	until         context.Context // or longer
	silent, quiet time.Duration   // at most, at the begin and later; 0: as long as it likes
}

// errGlance: enough was seen.
var errGlance = errors.New("it is followed no longer")

// Follow implements executor.Remote. It has the last event that is known told once more, to hear that nothing is new.
func (g glance) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	enough := func() { stop(errGlance) }
	defer context.AfterFunc(g.until, enough)()
	waits := time.AfterFunc(cmp.Or(g.silent, math.MaxInt64), enough)
	defer waits.Stop()
	err := g.Remote.Follow(ctx, run, max(0, after-1), func(e event.Event) {
		waits.Reset(cmp.Or(g.quiet, math.MaxInt64))
		if e.Seq > after {
			tell(e)
		}
	})
	if err != nil && context.Cause(ctx) == errGlance {
		return errGlance
	}
	return err
}

// caughtUp is a run as it is now, also one beyond this machine that nobody follows: its folder then has what there is by now. Where
// the engine cannot be reached the run is as it was known last, which is said.
func (s *session) caughtUp(r *journal.Run) (*journal.Run, error) {
	if r.State != journal.Detached {
		return r, nil
	}
	err := s.catchUp(r, glance{until: context.Background(), silent: silentFor, quiet: quietFor})
	if err != nil && !errors.Is(err, errGlance) && !errors.Is(err, journal.ErrBusy) {
		if err := s.known("run "+r.ID+" is shown as it was known last", err); err != nil {
			return nil, err
		}
	}
	return r.Again(), nil
}

// known says what is shown instead, and why, unless another program shows it.
func (s *session) known(text string, why error) error {
	var on passedOn
	if errors.As(why, &on) {
		return why
	}
	io.WriteString(s.Stderr, plain.Inert(fmt.Sprintf("flowrun: %s: %s\n", text, why)))
	return nil
}

// catchUp follows a run as g does, with nobody looking on.
func (s *session) catchUp(r *journal.Run, g glance) error {
	p, err := compiled(r)
	if err != nil {
		return err
	}
	a, err := s.awayOf(r.Header.Command.Engine, r.ID)
	if err != nil {
		return err
	}
	g.Remote = a.remote
	opt := executor.Options{Keep: journal.Keep{Folder: r.Folder, Command: journal.Command{Flowrun: release()}}}
	_, err = executor.Follow(context.Background(), p, opt, g, a.store)
	return err
}

// cancelAway tells a run beyond this machine to stop, as the signal would, and waits for its end; nil: it does not end.
func (s *session) cancelAway(r *journal.Run, sig os.Signal, most time.Duration) (end *journal.Run, err error) {
	a, err := s.awayOf(r.Header.Command.Engine, r.ID)
	if err != nil {
		return nil, err
	}
	why := event.Cause{Why: event.WhySignal, By: signalName(sig)}
	if err := a.remote.Cancel(context.Background(), r.ID, why, sig == killSignal); err != nil {
		return nil, fmt.Errorf("run %s cannot be cancelled: %w", r.ID, err)
	}
	if r.State == journal.Live { // who follows it does
		if end, err = await(r, most); err != nil {
			return nil, fault{err}
		}
		return end, nil
	}
	until, stop := context.WithTimeout(context.Background(), most)
	defer stop()
	err = s.catchUp(r, glance{until: until})
	if r = r.Again(); r.State == journal.Ended {
		return r, nil
	}
	if errors.Is(err, errGlance) {
		err = nil
	}
	return nil, err
}

// runNow is runOf, as the run is now.
func (s *session) runNow(c *cli.Context) (*journal.Run, error) {
	r, err := s.runOf(c)
	if err != nil {
		return nil, err
	}
	return s.caughtUp(r)
}

// followApart has a run beyond this machine that nobody follows be followed until it ends, or stop is called, which says why it could
// not be.
func (s *session) followApart(r *journal.Run) (now *journal.Run, stop func() error, err error) {
	if r.State != journal.Detached {
		return r, func() error { return nil }, nil
	}
	if err := s.present(); err != nil {
		return nil, nil, err
	}
	until, enough := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.catchUp(r, glance{until: until}) }()
	stop = func() error {
		enough()
		if err := <-ended; !errors.Is(err, errGlance) {
			return left(r.ID, err)
		}
		return nil
	}
	for {
		if now = r.Again(); now.State != journal.Detached {
			return now, stop, nil
		}
		select {
		case err := <-ended:
			ended <- err
			return r.Again(), stop, nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}
