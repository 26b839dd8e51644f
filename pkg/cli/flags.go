package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The names of flags that more than one place speaks of.
const (
	flagInput      = "input"
	flagInputs     = "inputs-file"
	flagEnvFile    = "env-file"
	flagDryRun     = "dry-run"
	flagJobs       = "jobs"
	flagTimeout    = "timeout"
	flagGrace      = "grace"
	flagStrict     = "strict"
	flagQuiet      = "quiet"
	flagFix        = "fix"
	flagVerbose    = "verbose"
	flagFormat     = "format"
	flagProgress   = "progress"
	flagColor      = "color"
	flagDirectory  = "directory"
	flagState      = "state-dir"
	flagSemaphores = "semaphore-dir"
	flagSimulate   = "simulate"
	flagDurations  = "durations"
	flagDurability = "durability"
	flagFile       = "file"
	flagStatus     = "status"
	flagSince      = "since"
	flagPrune      = "prune"
	flagAttempt    = "attempt"
	flagFollow     = "follow"
	flagRaw        = "raw"
	flagNow        = "now"
	flagTo         = "to"
	flagWait       = "wait"
	flagFailed     = "failed"
	flagAccept     = "accept-changes"
	flagOriginal   = "original"
	flagReport     = "report"
	flagPort       = "port"
	flagOpen       = "open"
	flagEngine     = "engine"
	flagQueue      = "queue"
	flagKeyFile    = "key-file"
	flagStore      = "store"
	flagDetach     = "detach"
	flagAllow      = "allow"
	flagSlots      = "slots"
	flagDir        = "dir"
)

// variable is the environment variable that stands for a flag.
func variable(flag string) string {
	return "FLOWRUN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// The text of a flag begins with the word for its value in backquotes, if it takes one. That word also says how a
// shell completes the value (complete.go).

func textFlag(name, short, value, text string) cli.Flag {
	f := &cli.StringFlag{Name: name, Usage: "`" + value + "` " + text}
	if short != "" {
		f.Aliases = []string{short}
	}
	return f
}

// choiceFlag takes one of a few values. What may be given, what help says of it and what a shell offers are one list.
type choiceFlag struct {
	*cli.StringFlag
	choices []choice
}

// choice is a value, and what it means where the value itself does not say it.
type choice struct{ value, means string }

// newChoice makes a flag of values such as `json: one document`; value is the word for them.
func newChoice(name, short, value string, values ...string) cli.Flag {
	f := choiceFlag{StringFlag: &cli.StringFlag{Name: name}}
	if short != "" {
		f.Aliases = []string{short}
	}
	between := ", "
	for _, v := range values {
		of, means, told := strings.Cut(v, ": ")
		f.choices = append(f.choices, choice{of, means})
		if told {
			between = "; "
		}
	}
	f.Usage = "`" + value + "` " + strings.Join(values, between)
	return f
}

func (f choiceFlag) values() (out []string) {
	for _, c := range f.choices {
		out = append(out, c.value)
	}
	return out
}

// valueOf is the word for the value of a flag, "" if it takes none, and what else its text says.
func valueOf(f cli.Flag) (word, text string) {
	text = f.(cli.DocGenerationFlag).GetUsage()
	if rest, ok := strings.CutPrefix(text, "`"); ok {
		word, text, _ = strings.Cut(rest, "` ")
	}
	return word, text
}

func boolFlag(name, short, text string) cli.Flag {
	f := &cli.BoolFlag{Name: name, Usage: text}
	if short != "" {
		f.Aliases = []string{short}
	}
	return f
}

// commonFlags are the flags of every command.
func commonFlags() []cli.Flag {
	return []cli.Flag{
		textFlag(flagDirectory, "C", "DIR", "change to this folder first"),
		newChoice(flagColor, "", "WHEN", "auto", "always", "never"),
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
			Usage: "`FILE` variables as lines of NAME=value, over those that the workflow names; repeatable",
		},
		&cli.IntFlag{Name: flagJobs, Aliases: []string{"j"}, Usage: "`N` at most so many processes and requests at once"},
	}
}

// watchFlags say how people see a run, and where it is kept.
func watchFlags() []cli.Flag {
	return []cli.Flag{
		boolFlag(flagQuiet, "q", "print only failures and the verdict"),
		boolFlag(flagVerbose, "v", "print more: what waits or begins, and every line of output"),
		progressFlag(),
		stateFlag(),
	}
}

// resultFlags say what comes of a run.
func resultFlags() []cli.Flag {
	return []cli.Flag{
		reportFlag(),
		newChoice(flagDurability, "", "HOW", "process: the journal survives its end", "power: and its loss", "none"),
		newChoice(flagFormat, "", "FORMAT", "text", "json: one result document", "ndjson: one event a line"),
	}
}

// engineFlag says on which engine a run takes place.
func engineFlag() cli.Flag {
	return newChoice(flagEngine, "", "ENGINE", engineLocal+": this machine", engineTemporal+": a Temporal server and its workers")
}

// linkFlags say how runs beyond this machine are kept and kept secret.
func linkFlags() []cli.Flag {
	return []cli.Flag{
		textFlag(flagKeyFile, "", "FILE", "what travels, and what is in the store, is encrypted with the key in it"),
		textFlag(flagStore, "", "URL", "where files and logs of steps on workers are kept: file:///shared, s3://bucket"),
	}
}

// lookFlags are commonFlags and those of commands that are about a run: one that is not known here may be on an engine.
func lookFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{engineFlag()}, linkFlags(), commonFlags())
}

// queueFlag names a queue of steps.
func queueFlag() cli.Flag {
	return textFlag(flagQueue, "", "QUEUE", "where steps wait for workers; else "+defaultQueue)
}

// semaphoreFlag names the folder in which runs share semaphores.
func semaphoreFlag() cli.Flag {
	return textFlag(flagSemaphores, "", "DIR", "runs share the semaphores of the machine there")
}

// stateFlag names the folder of runs.
func stateFlag() cli.Flag {
	return textFlag(flagState, "", "DIR", "runs are kept below it; else ~/.local/state/flowrun")
}
