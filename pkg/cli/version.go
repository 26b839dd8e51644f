package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func versionCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "version",
		Usage:     "print the version",
		UsageText: "flowrun version [-v] [--format text|json]",
		Flags: []cli.Flag{
			textFlag(flagFormat, "", "FORMAT", "text or json"),
			boolFlag(flagVerbose, "v", "say also by what means a step's processes are ended on this machine"),
		},
		Action: func(c *cli.Context) error { return s.version(c) },
	}
}

func (s *session) version(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("", "version takes no argument, not %q", c.Args().First())
	}
	number, commit := release(), ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	switch f := c.String(flagFormat); f {
	case "", "text":
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
	case "json":
		o := event.NewObject(nil)
		o.Text("version", number)
		o.Text("commit", commit)
		o.Text("go", runtime.Version())
		o.Text("os", runtime.GOOS)
		o.Text("arch", runtime.GOARCH)
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
	default:
		return usage("", "--format: %q is neither text nor json", f)
	}
}

// release is the version of this program.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}
