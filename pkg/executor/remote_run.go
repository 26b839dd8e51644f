package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// A run beyond this machine leaves the same folder as one on it, so that everything that looks at runs looks at both alike:
//
//	Remote.Follow ─► stars for what is sealed ─► logs ─► collector, journal, observers ─► Result
//
// Its journal has the events, and no notes: how the run goes on is the engine's matter. Who follows it holds the journal's lock.
// When that one is gone, Follow goes on behind the last event that the journal has.

// RunRemote has a Remote begin the run of p, and follows it to its end; kinds are those that p was compiled with. Nothing is done
// here: secrets need not be known, and processes do not get Options.Env. store is where workers keep what the steps print, as
// far as their events do not have it; nil: nowhere.
//
// Otherwise it is like Run. The error is a *LeftError when the run goes on, and only nobody follows it any more.
func RunRemote(ctx context.Context, p *plan.Plan, kinds []*kind.Kind, opt Options, remote Remote, store kind.Store) (*Result, error) {
	f, lost, err := dispatch(ctx, p, kinds, opt, remote)
	if err != nil {
		return nil, err
	}
	f.store = store
	return f.follow(ctx, lost)
}

// StartRemote is RunRemote without following the run.
func StartRemote(ctx context.Context, p *plan.Plan, kinds []*kind.Kind, opt Options, remote Remote) error {
	f, lost, err := dispatch(ctx, p, kinds, opt, remote)
	if err != nil {
		return err
	}
	f.release()
	return lost
}

// Adopt makes the folder of a run that was started elsewhere, of which s is the Spec and p the plan, for Follow. Of opt only Keep
// is looked at.
func Adopt(s Spec, p *plan.Plan, opt Options) error {
	given, err := s.Kernel(p)
	if err != nil {
		return err
	}
	opt.RunID = s.Run
	f := newFollower(p, opt, nil)
	f.inputs, f.hidden = given.Inputs, mask.Sealed()
	if err := f.folder(startOf(s.Run)); err != nil {
		return err
	}
	f.release()
	return nil
}

// Follow goes on with following the run in the folder Options.Keep.Folder, of which p is the plan as it was. Of opt it looks at what
// tells, and stops. Its errors are those of RunRemote, a *journal.Problem when the folder cannot be read, or is one of
// journal.ErrBusy when another process follows the run, and ErrNoRun.
func Follow(ctx context.Context, p *plan.Plan, opt Options, remote Remote, store kind.Store) (*Result, error) {
	return takenOver(ctx, p, opt, func(ctx context.Context, p *plan.Plan, opt Options, w *journal.Writer, in *journal.Reader) (*Result, error) {
		opt.RunID, opt.Strict = in.Header.Run, in.Header.Command.Strict
		f := newFollower(p, opt, remote)
		f.store = store
		f.keep = keeper{w: w}
		if sum := Checksum(p); sum != in.Header.Plan {
			return nil, otherwise(in.Header, "it reads its workflow in another way")
		}
		if err := f.past(in); err != nil {
			return nil, err
		}
		return f.follow(ctx, nil)
	})
}

// LeftError: a run beyond this machine goes on, as far as is known, but nobody follows it any more.
type LeftError struct {
	Err error
	// Unsure: the engine was told to begin it, and it is not known whether it has.
	Unsure bool
}

// Error implements error.
func (e *LeftError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *LeftError) Unwrap() error { return e.Err }

// follower follows a run beyond this machine.
type follower struct {
	*run
	remote Remote
	store  kind.Store
	seq    int64             // of the last event
	ended  bool              // it was the run's last
	logOf  map[int32]string  // of the attempt at work, by the number of its step
	told   map[string]int64  // bytes of logs that events have told of
	stored map[string]copied // of logs, what came of it
	// reaches are those of attempts at work, by the number of their step and by stream.
	reaches map[int32]map[string]*reach
	lost    error // why the folder could not be written any more
	broken  error // what is told cannot be
	stop    context.CancelCauseFunc
}

// copied is how much of a log came from the store, or why nothing did.
type copied struct {
	bytes int64
	err   error
}

func newFollower(p *plan.Plan, opt Options, remote Remote) *follower {
	return &follower{
		run:    &run{Options: opt, plan: p, veil: newVeil(p, mask.Sealed()), collector: newCollector(p, opt.RunID)},
		remote: remote, logOf: map[int32]string{}, told: map[string]int64{}, stored: map[string]copied{},
		reaches: map[int32]map[string]*reach{},
	}
}

// dispatch makes the folder of a run, and has the engine begin it. That the folder cannot be made is lost where the run goes on
// without.
func dispatch(ctx context.Context, p *plan.Plan, kinds []*kind.Kind, opt Options, remote Remote) (f *follower, lost, err error) {
	now := time.Now()
	if opt.RunID == "" {
		opt.RunID = NewRunID(now)
	}
	if opt.Env == nil {
		opt.Env = os.Environ()
	}
	known, _ := secrets(p, opt) // what is not known here cannot be told here
	travels := opt
	travels.Secrets = known // their files are read once: a pipe has nothing more to say
	spec, err := NewSpec(p, kinds, travels)
	if err != nil {
		return nil, nil, err
	}
	given, err := spec.Kernel(p)
	if err != nil {
		return nil, nil, err
	}
	f = newFollower(p, opt, remote)
	f.inputs = given.Inputs
	var masked []string
	for _, s := range p.Secrets {
		masked = append(masked, known[s.Name.Text])
	}
	f.hidden = mask.New(masked)
	if lost = f.folder(now); lost != nil && opt.Keep.Durability != journal.Nothing {
		return nil, nil, lost
	}
	// Who wants it to stop already has it begin, too: else nobody knew whether it has.
	within, done := context.WithTimeout(context.WithoutCancel(ctx), starting)
	defer done()
	if err := remote.Start(within, spec); err != nil {
		f.release()
		if left := (*LeftError)(nil); f.keep.w != nil && !errors.As(err, &left) {
			_ = os.RemoveAll(opt.Keep.Folder) // nothing has begun
		}
		return nil, nil, err
	}
	return f, lost, nil
}

// release lets go of the folder of a run that others follow.
func (f *follower) release() {
	if f.keep.w != nil {
		f.keep.w.Close()
	}
}

// past takes what the journal has, and makes it ready to be written on.
func (f *follower) past(in *journal.Reader) error {
	var at time.Duration
	for {
		n, err := in.Entry()
		if err == io.EOF {
			return f.keep.w.Go(in, at, f.Keep.Command.Flowrun)
		}
		if err != nil {
			return err
		}
		at = n.At
		if e := n.Event; e.Type != "" {
			f.seq, f.ended = e.Seq, e.Type == event.RunEnd
			f.veil.event(e) // for the places of its steps: what stands here is no more sealed
			f.begins(e)
			if e.Type == event.StepOutput && e.Log != "" {
				f.told[e.Log+"."+e.Stream] += e.Skipped + e.Bytes
			}
			f.collector.observe(e)
			for _, tell := range f.Past {
				tell(e)
			}
		}
	}
}

// follow follows the run to its end. lost is why it has no folder.
func (f *follower) follow(ctx context.Context, lost error) (*Result, error) {
	alive, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	f.lost, f.stop = lost, stop
	over, passed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(passed)
		f.pass(ctx, alive, over)
	}()
	var err error
	if !f.ended {
		err = f.remote.Follow(alive, f.RunID, f.seq, f.tell)
	}
	close(over)
	<-passed
	switch {
	case f.broken != nil:
		err = f.broken
	case f.ended:
		return f.end(f.lost)
	case context.Cause(alive) != nil:
		err = context.Cause(alive)
	case err == nil:
		err = errors.New("it has told all that happened, but for the end")
	}
	f.release()
	return nil, &LeftError{Err: err}
}

// starting is how long the engine has to begin a run.
const starting = 30 * time.Second

// patience is how long the engine has to take a word, and a run that was killed to end.
const patience = 5 * time.Second

// pass passes on to the run what its user wants. Who cannot be told to stop, or does not answer, is left.
func (f *follower) pass(ctx, alive context.Context, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	if !f.cancel(alive, *local.CauseOf(ctx), false) {
		return
	}
	select {
	case <-over:
		return
	case <-f.Kill:
	}
	if !f.cancel(alive, *local.CauseOf(ctx), true) {
		return
	}
	select {
	case <-over:
	case <-time.After(patience):
		f.stop(fmt.Errorf("it was told to end at once, and has not ended within %s: there may be no worker", patience))
	}
}

func (f *follower) cancel(alive context.Context, why event.Cause, kill bool) bool {
	ctx, done := context.WithTimeout(alive, patience)
	defer done()
	if err := f.remote.Cancel(ctx, f.RunID, why, kill); err != nil {
		f.stop(fmt.Errorf("it cannot be told to stop: %w", err))
		return false
	}
	return true
}

// tell takes the next event of the run.
func (f *follower) tell(e event.Event) {
	switch {
	case e.Seq == 0:
		f.meanwhile(e)
		return
	case f.broken != nil:
		return
	case e.Seq != f.seq+1:
		f.broken = fmt.Errorf("its event %d was told behind event %d", e.Seq, f.seq)
	case int(e.Node) >= len(f.plan.Steps):
		f.broken = fmt.Errorf("its event %d is of a step that the workflow does not have", e.Seq)
	}
	if f.broken != nil {
		f.stop(f.broken)
		return
	}
	f.seq, f.ended = e.Seq, e.Type == event.RunEnd
	sealed := e
	e = f.veil.event(e)
	f.begins(e)
	switch e.Type {
	case event.StepOutput:
		e = f.print(e)
	case event.StepRetry, event.StepEnd:
		e.Log = f.logOf[e.Where.Step]
		delete(f.logOf, e.Where.Step)
		delete(f.reaches, e.Where.Step)
	}
	f.collector.observe(e)
	f.keep.observe(e)
	f.show(sealed, e)
	for _, tell := range f.Observe {
		tell(e)
	}
	f.lost = cmp.Or(f.lost, f.keep.commit())
}

// begins gives the attempt that begins a log, if it is one of a step that has it.
func (f *follower) begins(e event.Event) {
	leaf, ok := f.plan.Steps[e.Node].Action().(*plan.Leaf)
	if e.Type == event.StepStart && ok && leaf.Kind.Run != nil && f.keep.w != nil {
		f.logOf[e.Where.Step] = f.keep.w.Log(e.Path)
	}
}

// print brings what a step has printed into its log. When the store has it, all of it is fetched, once; if that is not possible,
// what is missing is said in its place.
func (f *follower) print(e event.Event) event.Event {
	from := e.Log // where the engine has it
	e.Log = f.logOf[e.Where.Step]
	if e.Log == "" {
		e.Text, e.Skipped = missing(e.Skipped, nil)+e.Text, 0
		return e
	}
	path := e.Log + "." + e.Stream
	before := f.told[path]
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	c, tried := f.stored[path]
	if !tried && err == nil && (from != "" || e.Skipped > 0) {
		c.bytes, c.err = f.fetch(from+"."+e.Stream, path, from != "")
		f.stored[path] = c
	}
	if end := before + e.Skipped + e.Bytes; from != "" && err == nil && c.err == nil && end <= c.bytes { // Bytes are those of the log
		f.told[path] = end
		return e
	}
	e.Text, e.Skipped = missing(e.Skipped, c.err)+e.Text, 0
	if err == nil {
		err = write(path, before, e.Text)
	}
	if err != nil { // the journal has it then
		e.Log = ""
		return e
	}
	e.Bytes = int64(len(e.Text))
	f.told[path] = before + e.Bytes
	return e
}

// write writes behind what events have told of. A process that has died may have written that already.
func write(path string, at int64, text string) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = out.WriteAt([]byte(text), at)
	return errors.Join(err, out.Close())
}

// missing stands for output that is not here.
func missing(bytes int64, why error) string {
	if bytes == 0 {
		return ""
	}
	text := fmt.Sprintf("[%d bytes before this are not here", bytes)
	if why != nil {
		text += ": " + why.Error()
	}
	return text + "]\n"
}

// fetch brings a log from the store, whole or not at all, and says how long it is.
func (f *follower) fetch(name, path string, kept bool) (int64, error) {
	switch {
	case !kept:
		return 0, errors.New("no store keeps what steps print")
	case f.store == nil:
		return 0, errors.New("they are in the store of the workers, which --store names")
	}
	in, err := f.store.Get(context.Background(), name)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new")
	}
	return n, err
}
