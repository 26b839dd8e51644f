package cli

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/durations"
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
		textFlag(flagDurations, "", "FILE", "of --simulate: paths of steps to durations; none: 1s each; else those of past runs"),
		boolFlag(flagStrict, "", "warnings are errors"),
		stateFlag(),
		newChoice(flagFormat, "", "FORMAT", "text", "json: one document"),
	)
	return &cli.Command{
		Name:      "plan",
		Category:  groupLook,
		Usage:     "print what would be done: tree, order and why, worst case",
		UsageText: "flowrun plan [flags] [FILE|-]",
		Description: `flowrun plan                     the flowrun.yaml here or above
flowrun plan ci.yaml -i n=4      with an input
flowrun plan ci.yaml --simulate  a timeline, as if steps took as long as in past runs
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
	said := c.String(flagDurations)
	if said != "" && !c.Bool(flagSimulate) {
		return usage("add --simulate", "--%s is for a simulation", flagDurations)
	}
	path, p, given, err := s.prepare(c)
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
		opt := simulation.Options{Inputs: values, Env: s.Env, Glob: executor.Glob(p)}
		if said == "" {
			err = s.asBefore(c, path, p, &opt)
		} else if said != "none" {
			opt.Durations, err = s.durations(said)
		}
		if err != nil {
			return err
		}
		return s.simulate(p, opt, format)
	}
	v := preview.Of(p, preview.Options{Inputs: values, Env: s.Env, Glob: executor.Glob(p)})
	if format == "json" {
		return written(v.WriteJSON(ndjson.Inert(s.Stdout)))
	}
	io.WriteString(s.Stdout, plain.Inert(v.Text()))
	return nil
}

// simulate plays a run. That the played run fails is no failure of the command.
func (s *session) simulate(p *plan.Plan, opt simulation.Options, format string) error {
	r, err := simulation.Run(p, opt)
	if err != nil {
		return err
	}
	if format == "json" {
		return written(r.WriteJSON(ndjson.Inert(s.Stdout)))
	}
	io.WriteString(s.Stdout, plain.Inert(r.Text(s.columns())))
	return nil
}

// asBefore has steps take as long as in past runs of the workflow file.
func (s *session) asBefore(c *cli.Context, path string, p *plan.Plan, opt *simulation.Options) error {
	states, _ := s.states(c.String(flagState)) // without them nothing is known
	file, err := filepath.Abs(path)
	if err != nil {
		return fault{err}
	}
	for _, state := range states {
		past := storeOf(state).Past(file)
		if opt.PastRuns = len(past.Runs()); opt.PastRuns > 0 {
			opt.Past = func() simulation.Past { return durations.Follow(p, past, nil) }
			break
		}
	}
	return nil
}

// durations reads a file of durations, in its order.
func (s *session) durations(path string) ([]simulation.Entry, error) {
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
	if n, _ := terminalSize(s.Stdout); n > 0 {
		return n
	}
	return 100
}
