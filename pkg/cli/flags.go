package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// The names of flags that more than one place speaks of.
const (
	flagInput     = "input"
	flagInputs    = "inputs-file"
	flagEnvFile   = "env-file"
	flagDryRun    = "dry-run"
	flagJobs      = "jobs"
	flagTimeout   = "timeout"
	flagGrace     = "grace"
	flagStrict    = "strict"
	flagQuiet     = "quiet"
	flagVerbose   = "verbose"
	flagFormat    = "format"
	flagColor     = "color"
	flagDirectory = "directory"
	flagState     = "state-dir"
)

// variable is the environment variable that stands for a flag.
func variable(flag string) string {
	return "FLOWRUN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// The text of a flag begins with the word for its value in backquotes, if it takes one.

func textFlag(name, short, value, text string) cli.Flag {
	f := &cli.StringFlag{Name: name, Usage: "`" + value + "` " + text}
	if short != "" {
		f.Aliases = []string{short}
	}
	return f
}

func boolFlag(name, short, text string) cli.Flag {
	f := &cli.BoolFlag{Name: name, Usage: text}
	if short != "" {
		f.Aliases = []string{short}
	}
	return f
}

// fileFlags are the flags of every command that reads a workflow file.
func fileFlags() []cli.Flag {
	return []cli.Flag{
		textFlag(flagDirectory, "C", "DIR", "change to this folder first"),
		textFlag(flagColor, "", "WHEN", "auto, always or never"),
	}
}

// inputFlags are the flags that give a workflow its inputs.
func inputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name: flagInput, Aliases: []string{"i"},
			Usage: "`NAME=VALUE` an input; NAME=@FILE takes the text of a file; repeatable",
		},
		textFlag(flagInputs, "", "FILE", "inputs as a mapping in YAML or JSON"),
		&cli.StringSliceFlag{
			Name:  flagEnvFile,
			Usage: "`FILE` of NAME=value lines, over those that the workflow names; repeatable",
		},
		&cli.IntFlag{Name: flagJobs, Aliases: []string{"j"}, Usage: "`N` at most so many processes and requests at once"},
	}
}
