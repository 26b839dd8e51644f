package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

func cancelCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "cancel",
		Category:  groupLook,
		Usage:     "end a run that is going on, as Ctrl-C does, and wait for its end",
		UsageText: "flowrun cancel [flags] RUN",
		Description: `flowrun cancel 7T8V           the run whose id begins or ends so: its cleanups run
flowrun cancel last --now     kill all that it runs, without cleanups`,
		Flags: append([]cli.Flag{
			boolFlag(flagNow, "", "kill at once, without cleanups, as a second Ctrl-C does"),
			&cli.DurationFlag{Name: flagWait, Usage: "`DURATION` for the end of the run; else 5s more than its own --grace"},
			stateFlag(),
		}, lookFlags()...),
		Action: func(c *cli.Context) error { return s.cancel(c) },
	}
}

// grace is how long processes have to stop, where nobody says anything of it; patience what a run has for the rest.
const (
	grace    = 10 * time.Second
	patience = 5 * time.Second
)

func (s *session) cancel(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("flowrun status lists the runs that are going on", "cancel takes one RUN, not %d", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	if err := told(r); err != nil {
		return err
	}
	if r.State != journal.Live && r.State != journal.Detached {
		return over(r)
	}
	sig := stopSignal
	if c.Bool(flagNow) {
		sig = killSignal
	}
	var end *journal.Run
	if r.Header.Command.Engine == nil {
		end, err = cancelHere(r, sig, wait(c, r))
	} else {
		end, err = s.cancelAway(r, sig, wait(c, r))
	}
	if err != nil {
		return err
	}
	if end == nil {
		text := fmt.Sprintf("flowrun: run %s is told to stop, and %s\n", r.ID, notYet(r, c.Bool(flagNow)))
		io.WriteString(s.Stderr, plain.Inert(text))
		s.code = 1
		return nil
	}
	io.WriteString(s.Stdout, plain.Inert(fmt.Sprintf("run %s has %s after %s\n", r.ID, ended(end), plain.Duration(end.Took))))
	return nil
}

// over says that a run cannot be cancelled any more.
func over(r *journal.Run) error {
	return usage("flowrun status lists the runs that are going on", "run %s is not going on: it has %s", r.ID, ended(r))
}

// cancelHere signals the process of a run, and waits for its end; nil: it does not end.
func cancelHere(r *journal.Run, sig os.Signal, most time.Duration) (end *journal.Run, err error) {
	if err := r.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, fault{fmt.Errorf("run %s cannot be cancelled: %w", r.ID, err)}
	}
	if end, err = await(r, most); err != nil {
		return nil, fault{err}
	}
	return end, nil
}

// notYet is why a run that was told to stop may be going on, and what can be typed then.
func notYet(r *journal.Run, now bool) string {
	away := r.Header.Command.Engine
	kill := fmt.Sprintf("(flowrun cancel --now %s kills it)", r.ID)
	switch {
	case away == nil && now:
		return fmt.Sprintf("has not ended yet (flowrun show %s shows what it does)", r.ID)
	case away == nil:
		return "still at its cleanups " + kill
	case now:
		return fmt.Sprintf("has not ended: there may be no worker that tells it (flowrun worker --queue %s starts one)", away.Queue)
	}
	return "at its cleanups, or waits for a worker " + kill
}

// ended is how a run ended, behind "it has".
func ended(r *journal.Run) string {
	switch w := r.Word(); w {
	case "cancelled", "skipped":
		return "been " + w
	default:
		return w
	}
}

// wait is how long the end of a run is waited for.
func wait(c *cli.Context, r *journal.Run) time.Duration {
	if d := c.Duration(flagWait); d > 0 {
		return d
	}
	if d, err := time.ParseDuration(r.Header.Command.Grace); err == nil {
		return d + patience
	}
	return grace + patience
}

// await waits for the end of a run; nil: it does not end.
func await(r *journal.Run, most time.Duration) (*journal.Run, error) {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		alive, err := r.Alive()
		if err != nil {
			return nil, err
		}
		if !alive {
			return r.Again(), nil
		}
		if time.Since(begin) > most {
			return nil, nil
		}
	}
}
