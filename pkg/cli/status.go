package cli

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/runs"
)

func statusCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "status",
		Category:  groupLook,
		Usage:     "list the runs that are going on, and what they do",
		UsageText: "flowrun status [flags]",
		Description: `flowrun status                  those of this user
flowrun status --format json    as one document`,
		Flags:  append([]cli.Flag{newChoice(flagFormat, "", "FORMAT", "text", "json: one document"), stateFlag()}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.status(c) },
	}
}

func (s *session) status(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("flowrun show RUN shows one run", "status takes no argument, not %s", shown(c.Args().First()))
	}
	if err := s.enter(c); err != nil {
		return err
	}
	places, err := s.placesOf(c.String(flagState))
	if err != nil {
		return err
	}
	list, err := s.goingOn(places)
	if err != nil {
		return err
	}
	switch {
	case asJSON(c):
		return s.listing(list)
	case len(list) == 0:
		fmt.Fprintln(s.Stdout, "nothing is running")
		return nil
	}
	now := make([]runs.Now, len(list))
	for i, r := range list {
		if now[i], err = nowOf(r); err != nil {
			return fault{err}
		}
	}
	io.WriteString(s.Stdout, runs.Busy(list, now))
	return nil
}

// goingOn are the runs that go on, and those beyond this machine that may.
func (s *session) goingOn(places []place) ([]*journal.Run, error) {
	var list []*journal.Run
	var far []int
	for _, p := range places {
		switch r := journal.Look(p.state, p.id); r.State {
		case journal.Detached:
			far = append(far, len(list))
			fallthrough
		case journal.Live:
			list = append(list, r)
		}
	}
	if len(far) > 0 {
		if err := s.present(); err != nil {
			return list, s.known("runs that are detached are shown as they were known last", err)
		}
	}
	problems := make([]error, len(list))
	var wait sync.WaitGroup
	for _, i := range far {
		wait.Go(func() { list[i], problems[i] = s.latest(list[i]) })
	}
	wait.Wait()
	var there []*journal.Run
	forgotten := 0
	for i, r := range list {
		switch err := problems[i]; {
		case errors.Is(err, executor.ErrNoRun): // its server was for trying, or has removed what is old
			forgotten++
			continue
		case errors.Is(err, executor.ErrOver):
			s.known("run "+r.ID+" does not go on", err)
			continue
		case err != nil:
			s.known("run "+r.ID+" is shown as it was known last", err)
		}
		if r.State == journal.Live || r.State == journal.Detached {
			there = append(there, r)
		}
	}
	if forgotten > 0 {
		fmt.Fprintf(s.Stderr, "flowrun: the engine knows %s no more that nobody has followed to an end (flowrun history --status detached lists them)\n", count(forgotten, "run"))
	}
	return there, nil
}

// nowOf is what a run does that is going on. What is left of it is not known when this flowrun reads its workflow in another way.
func nowOf(r *journal.Run) (now runs.Now, err error) {
	p, err := compiled(r)
	if err != nil {
		now.Steps, err = r.AtWork()
		return now, err
	}
	past := followed(r, p)
	if now.Steps, err = runs.Silent(r, p, past.Observe); err != nil {
		return now, err
	}
	now.Left, now.Known = past.Left(time.Now())
	return now, nil
}
