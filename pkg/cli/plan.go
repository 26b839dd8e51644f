package cli

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

func planCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Category:  groupLook,
		Usage:     "print the compiled tree: what would be done",
		UsageText: "flowrun plan [flags] [FILE|-]",
		Description: `flowrun plan                    the flowrun.yaml here or above
flowrun plan ci.yaml -i n=4     with an input`,
		Flags: append(append(inputFlags(),
			boolFlag(flagStrict, "", "warnings are errors"),
		), fileFlags()...),
		Action: func(c *cli.Context) error { return s.plan(c) },
	}
}

// plan is also `run --dry-run`. Inputs are checked as for a run; secrets need not be there.
func (s *session) plan(c *cli.Context) error {
	_, p, given, err := s.prepare(c)
	if err != nil {
		return err
	}
	values, err := given.check(false, executor.Options{Inputs: given.values, Places: given.places})
	if err != nil {
		return err
	}
	if len(p.Warnings) > 0 && !c.Bool(flagQuiet) {
		s.problems(p.Warnings)
		s.uncovered()
		io.WriteString(s.Stderr, "\n")
	}
	io.WriteString(s.Stdout, plain.Inert(p.Show(values)))
	return nil
}
