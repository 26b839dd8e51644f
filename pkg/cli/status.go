package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
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
	var list []*journal.Run
	for _, p := range places {
		if r := journal.Look(p.state, p.id); r.State == journal.Live {
			list = append(list, r)
		}
	}
	return s.table(list, asJSON(c), true, "nothing is running")
}
