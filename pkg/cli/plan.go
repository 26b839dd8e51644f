package cli

import (
	"cmp"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/preview"
	"github.com/flowrun/flowrun/pkg/executor/simulation"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec"
)

func planCommand(s *session) *cli.Command {
	flags := append(inputFlags(),
		boolFlag(flagSimulate, "", "play a run on a virtual clock, and show its timeline"),
		textFlag(flagDurations, "", "FILE", "of --simulate: paths of steps to durations; else 1s each"),
		boolFlag(flagStrict, "", "warnings are errors"),
		newChoice(flagFormat, "", "FORMAT", "text", "json: one document"),
	)
	return &cli.Command{
		Name:      "plan",
		Category:  groupLook,
		Usage:     "print what would be done: tree, order and why, worst case",
		UsageText: "flowrun plan [flags] [FILE|-]",
		Description: `flowrun plan                     the flowrun.yaml here or above
flowrun plan ci.yaml -i n=4      with an input
flowrun plan ci.yaml --simulate  a timeline, as if each step took a second
flowrun plan ci.yaml --simulate --durations d.yaml  or as long as a file says`,
		Flags:  append(flags, commonFlags()...),
		Action: func(c *cli.Context) error { return s.plan(c) },
	}
}

// plan is also `run --dry-run`. Inputs are checked as for a run; secrets need not be there.
func (s *session) plan(c *cli.Context) error {
	format := c.String(flagFormat)
	if format == "ndjson" { // one of run's
		return usage("it runs nothing, so there are no events", "with --%s, --%s is text or json", flagDryRun, flagFormat)
	}
	durations := c.String(flagDurations)
	if durations != "" && !c.Bool(flagSimulate) {
		return usage("add --simulate", "--%s is for a simulation", flagDurations)
	}
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
	if c.Bool(flagSimulate) {
		return s.simulate(p, values, durations, format)
	}
	v := preview.Of(p, preview.Options{Inputs: values, Env: s.Env, Glob: executor.Glob(p)})
	if format == "json" {
		return written(v.WriteJSON(ndjson.Inert(s.Stdout)))
	}
	io.WriteString(s.Stdout, plain.Inert(v.Text()))
	return nil
}

// simulate plays a run. That the played run fails is no failure of the command.
func (s *session) simulate(p *plan.Plan, inputs map[string]any, durations, format string) error {
	entries, err := s.durations(durations)
	if err != nil {
		return err
	}
	r, err := simulation.Run(p, simulation.Options{Inputs: inputs, Env: s.Env, Glob: executor.Glob(p), Durations: entries})
	if err != nil {
		return err
	}
	if format == "json" {
		return written(r.WriteJSON(ndjson.Inert(s.Stdout)))
	}
	io.WriteString(s.Stdout, plain.Inert(r.Text(s.columns())))
	return nil
}

// durations reads a file of durations, in its order; none for "".
func (s *session) durations(path string) ([]simulation.Entry, error) {
	if path == "" {
		return nil, nil
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("", "--%s %s: %s", flagDurations, quote(path), reason(err))
	}
	s.sources.Add(path, src)
	values, err := spec.Values(path, src)
	if err != nil {
		return nil, err
	}
	entries := make([]simulation.Entry, 0, len(values))
	for name, v := range values { // sorted below
		entries = append(entries, simulation.Entry{Path: name, Value: v.V, Pos: v.Pos})
	}
	slices.SortFunc(entries, func(a, b simulation.Entry) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return entries, nil
}

// columns is the width of the terminal; 100 when there is none, or it does not say.
func (s *session) columns() int {
	if n, err := strconv.Atoi(s.lookup("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if n := terminalWidth(s.Stdout); n > 0 {
		return n
	}
	return 100
}
