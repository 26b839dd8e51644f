package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/ci"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// style completes what the text of a run on w shows; engine is where it takes place, if that is not this machine.
func (s *session) style(c *cli.Context, w io.Writer, id string, engine *journal.Engine, opt plain.Options) plain.Options {
	opt.Color, opt.Quiet, opt.Verbose, opt.Logs = s.colors(c, w), c.Bool(flagQuiet), c.Bool(flagVerbose), onRun(c, "logs", id)
	opt.Artifacts = onRun(c, "artifacts", id)
	if c.String(flagDurability) != "none" && opt.Again != nil && engine == nil {
		opt.Failed = onRun(c, "resume", id) + " --failed"
	}
	opt.Excerpt = func(at diag.Pos) string { return problems.Excerpt(at, &s.sources, opt.Color) }
	opt.Columns = func() int {
		if !isTerminal(w) {
			return 0
		}
		columns, _ := terminalSize(w)
		return columns
	}
	return opt
}

// tellGitHub gives the CI what is for those who look at the job, and for the steps that follow: a summary, and the workflow's
// `result`. That it cannot be written is said, and changes nothing.
func (s *session) tellGitHub(r *model.Run, folder string) {
	if ci.Dialect(s.lookup) != "github" || r.Ended.IsZero() {
		return
	}
	r.About.Again = keptAgain(folder)
	tell := func(variable string, write func(path string) error) {
		path := s.lookup(variable)
		if path == "" {
			return
		}
		if err := write(path); err != nil {
			io.WriteString(s.Stderr, plain.Inert(fmt.Sprintf("flowrun: $%s: %v\n", variable, err)))
		}
	}
	tell("GITHUB_STEP_SUMMARY", func(path string) error {
		var b strings.Builder
		if err := files.Markdown(&b, r); err != nil {
			return err
		}
		return ci.AppendSummary(path, b.String())
	})
	if r.Outcome.Status == event.Succeeded && hasResult(r.Plan.Main.Body) {
		tell("GITHUB_OUTPUT", func(path string) error { return ci.AppendOutput(path, "result", r.Outcome.Value) })
	}
}

// hasResult says that a step has a `result`.
func hasResult(s *plan.Step) bool {
	for n := s.Body; n != nil; n = plan.Inner(n) {
		if _, ok := n.(*plan.Result); ok {
			return true
		}
	}
	return false
}

// onRun is a command on a run that is kept where this one is.
func onRun(c *cli.Context, command, id string) string {
	words := []string{"flowrun", command}
	if dir := c.String(flagState); dir != "" {
		words = append(words, "--"+flagState, quote(dir))
	}
	return strings.Join(append(words, id), " ")
}
