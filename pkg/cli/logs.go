package cli

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/runs"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func logsCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "logs",
		Category:  groupLook,
		Usage:     "print what the steps of a run printed, in that order",
		UsageText: "flowrun logs [flags] [RUN] [STEP]",
		Description: `flowrun logs                      of the last run of this folder
flowrun logs last -f              follow it to its end
flowrun logs last build --raw     of a step and all in it, to the byte`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: flagAttempt, Usage: "`N` only the Nth attempt of each step in the run"},
			boolFlag(flagFollow, "f", "follow a run that is going on, to its end"),
			boolFlag(flagRaw, "", "the bytes as they are, without the names of steps"),
			stateFlag(),
		}, lookFlags()...),
		Action: func(c *cli.Context) error { return s.logs(c) },
	}
}

func (s *session) logs(c *cli.Context) (err error) {
	if c.NArg() > 2 {
		return usage("", "logs takes a RUN and a STEP, not %d words", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	r, err := s.runOf(c)
	if err != nil {
		return err
	}
	if c.Bool(flagFollow) {
		var stop func() error
		if r, stop, err = s.followApart(r); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, stop()) }()
	} else if r, err = s.caughtUp(r); err != nil {
		return err
	}
	if err := told(r); err != nil {
		return err
	}
	step := c.Args().Get(1)
	paths, err := runs.Logs{
		Step: step, Attempt: c.Int(flagAttempt), Follow: c.Bool(flagFollow), Raw: c.Bool(flagRaw), Color: s.colors(c, s.Stdout),
	}.Write(s.Stdout, r)
	var problem *journal.Problem
	switch {
	case errors.Is(err, runs.ErrNoStep):
		return usage(nearStep(step, paths), "no step %s has begun in run %s", shown(step), r.ID)
	case errors.As(err, &problem):
		return fault{err}
	}
	return nil // what cannot be written is told of by Main
}

func nearStep(name string, paths []string) string {
	if near := diag.Nearest(name, paths); near != "" {
		return "did you mean " + near + "?"
	}
	const most = 10
	names, more := paths, ""
	if len(names) > 0 && names[0] == "" { // the workflow
		names = names[1:]
	}
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	if len(names) == 0 {
		return "none has"
	}
	return "those are " + diag.Names(names) + more
}
