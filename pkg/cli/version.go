package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/preview"
	"github.com/flowrun/flowrun/pkg/executor/simulation"
	"github.com/flowrun/flowrun/pkg/report/listing"
	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/report/runs"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func versionCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "version",
		Category:  groupShell,
		Usage:     "print the version",
		UsageText: "flowrun version [flags]",
		Description: `flowrun version                   in one line
flowrun version --verbose         by which means a step's processes are ended here
flowrun version --format json     for programs`,
		Flags: append([]cli.Flag{
			newChoice(flagFormat, "", "FORMAT", "text", "json: one object"),
			boolFlag(flagVerbose, "v", "say also by what means a step's processes are ended on this machine"),
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.version(c) },
	}
}

func (s *session) version(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	if c.NArg() > 0 {
		return usage("", "version takes no argument, not %q", c.Args().First())
	}
	number := release()
	if c.String(flagFormat) != "json" {
		fmt.Fprintf(s.Stdout, "flowrun %s %s %s/%s\n", number, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		if c.Bool(flagVerbose) {
			for _, m := range process.InForce() {
				state := "no"
				if m.InForce {
					state = "yes"
				}
				fmt.Fprintf(s.Stdout, "  %-11s %-4s %s\n", m.Name, state, m.What)
			}
		}
		return nil
	}
	o := event.NewObject(nil)
	o.Text("version", number)
	o.Text("commit", built("vcs.revision"))
	o.Text("go", runtime.Version())
	o.Text("os", runtime.GOOS)
	o.Text("arch", runtime.GOARCH)
	o.Value("schemas", map[string]any{
		"workflow": spec.Version, "result": executor.ResultVersion, "events": event.Version, "journal": journal.Version, "runs": runs.Version, "diagnostics": problems.Version,
		"list": listing.Version, "plan": preview.Version, "simulation": simulation.Version,
	})
	if c.Bool(flagVerbose) {
		means := make(map[string]any)
		for _, m := range process.InForce() {
			means[m.Name] = m.InForce
		}
		o.Value("processes", means)
	}
	b, err := o.End()
	if err != nil {
		return fault{err}
	}
	s.Stdout.Write(append(b, '\n'))
	return nil
}

// release is the version of this program.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}

// built is what is known of how this program was built; "" if that is not.
func built(key string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == key {
				return setting.Value
			}
		}
	}
	return ""
}
