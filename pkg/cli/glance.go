package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

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
		switch {
		case e.Seq == 0: // what is at work never says enough
			tell(e)
			return
		case e.Seq > after:
			tell(e)
		}
		waits.Reset(cmp.Or(g.quiet, math.MaxInt64))
	})
	if err != nil && context.Cause(ctx) == errGlance {
		return errGlance
	}
	return err
}

// caughtUp is a run as it is now, also one beyond this machine that nobody follows: its folder then has what there is by now. Where
// the engine cannot be reached, or knows the run no more, the run is as it was known last, which is said.
func (s *session) caughtUp(r *journal.Run) (*journal.Run, error) {
	now, err := s.latest(r)
	if errors.Is(err, executor.ErrNoRun) {
		err = errors.New("the engine knows it no more")
	}
	if err != nil {
		err = s.known("run "+r.ID+" is shown as it was known last", err)
	}
	return now, err
}

// latest is a run as it is now or, with the reason, as it was known last.
func (s *session) latest(r *journal.Run) (*journal.Run, error) {
	if r.State != journal.Detached {
		return r, nil
	}
	err := s.catchUp(r, glance{until: context.Background(), silent: silentFor, quiet: quietFor})
	r = r.Again()
	switch {
	case errors.Is(err, errGlance): // it goes on
		r.Took = max(r.Took, time.Since(r.Header.Start))
		return r, nil
	case errors.Is(err, journal.ErrBusy):
		return r, nil
	}
	return r, err
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
		now, problem := s.latest(r)
		switch {
		case problem == nil && now.State == journal.Ended:
			return nil, over(now)
		case errors.Is(problem, executor.ErrNoRun):
			return nil, usage(fmt.Sprintf("flowrun show %s shows what is known of it", r.ID), "the engine knows no run %s any more", r.ID)
		}
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
