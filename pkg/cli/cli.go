// Package cli is the flowrun command: commands, flags, streams, signals and exit codes.
//
//	arguments ─► normalize ─► urfave/cli ─► a command: one file of this package each
//
// urfave/cli has the tables of commands and flags; help.go, man.go and complete.go tell of them. It never sees an argument
// as it was typed: it ignores flags that stand behind an argument, splits values on commas, does not know -j4, and may run a
// command when a shell asks for completions. normalize (args.go) writes every command line in the one form that it reads right.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// System is the world around a command. A test brings its own.
type System struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string // NAME=value
	// Notify sends the signals that end a run to c until stop is called.
	Notify func(c chan<- os.Signal) (stop func())
	// Engine is one beyond this machine; nil: there is none.
	Engine Engine
}

// OS is the world of this process.
func OS() System {
	return System{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(), Notify: notify}
}

// The exit codes of a command that did not run a workflow to its end; executor.ExitCode has the others.
const (
	exitRefused = 2 // nothing was started: usage, invalid file, bad input
	exitFault   = 3 // flowrun's own fault
)

// Main runs the command line args, of which the first is the program's name, and returns the exit code. A code above
// 128 means that a signal ended the run: the program should then end by that signal (see Exit).
func Main(args []string, sys System) (code int) {
	s := &session{System: sys, args: args[min(1, len(args)):]}
	stdout := &stream{w: sys.Stdout}
	s.Stdout, s.Stderr = stdout, &stream{w: sys.Stderr}
	defer func() {
		if p := recover(); p != nil {
			code = s.report(fault{fmt.Errorf("a bug in flowrun, please report it: %v\n%s", p, debug.Stack())})
		}
	}()
	app := newApp(s)
	if len(args) > 1 && args[1] == completeWord {
		s.complete(app, args[2:])
		return 0
	}
	argv, err := normalize(app, args, sys.Env)
	if err != nil {
		return s.report(err)
	}
	err = s.do(app, argv)
	if lost := stdout.lost(); lost != nil {
		if err != nil {
			s.report(err)
		}
		err = fault{fmt.Errorf("standard output cannot be written: %w", reason(lost))}
	}
	if err != nil {
		return s.report(err)
	}
	return s.code
}

// do runs a normalized command line. Help is ours: urfave/cli's has no groups, and does not wrap.
func (s *session) do(app *cli.App, argv []string) error {
	switch {
	case len(argv) == 2 && argv[1] == "--help":
		io.WriteString(s.Stdout, help(app, ""))
	case len(argv) == 3 && argv[2] == "--help":
		io.WriteString(s.Stdout, help(app, argv[1]))
	default:
		return app.Run(argv)
	}
	return nil
}

// session is one command line at work.
type session struct {
	System
	code    int // of a command that did its work
	sources problems.Sources
	shown   tally            // problems so far
	hidden  tally            // problems that were too many
	color   bool             // for what is wrong
	files   []journal.Source // the workflow files that were read, without their paths
	args    []string         // as typed, without the program
	from    string           // the folder before -C
}

// newApp makes the tables of commands and flags.
func newApp(s *session) *cli.App {
	app := &cli.App{
		Name:      "flowrun",
		Usage:     "run declarative workflows with asyncio's structured concurrency",
		Writer:    s.Stdout,
		ErrWriter: s.Stderr,
		Commands: []*cli.Command{
			runCommand(s),
			resumeCommand(s),
			workerCommand(s),
			validateCommand(s),
			planCommand(s),
			graphCommand(s),
			listCommand(s),
			initCommand(s),
			historyCommand(s),
			showCommand(s),
			logsCommand(s),
			artifactsCommand(s),
			reportCommand(s),
			uiCommand(s),
			statusCommand(s),
			cancelCommand(s),
			explainCommand(s),
			schemaCommand(s),
			completionCommand(s),
			manCommand(s),
			versionCommand(s),
		},
		HideHelpCommand:           true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // report prints errors, and nobody else
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage("", "%s", err) },
		Action: func(*cli.Context) error {
			io.WriteString(s.Stdout, welcome)
			return nil
		},
	}
	for _, c := range app.Commands {
		c.HideHelp = true // see do
	}
	return app
}

// usageError is a command line that cannot be run.
type usageError struct{ text, hint string }

func (e usageError) Error() string { return e.text }

func usage(hint, format string, args ...any) error {
	return usageError{text: fmt.Sprintf(format, args...), hint: hint}
}

// fault is what is no mistake of the user: a bug, or a result that cannot be written.
type fault struct{ error }

// report prints why nothing came of a command and returns the exit code.
func (s *session) report(err error) int {
	var list diag.List
	var wrong usageError
	var bug fault
	var on passedOn
	text, code := fmt.Sprintf("flowrun: %s\n", err), exitRefused
	switch {
	case errors.As(err, &on):
		return on.code
	case errors.As(err, &bug):
		code = exitFault
	case errors.As(err, &list):
		s.problems(list)
		s.uncovered()
		return code
	case errors.As(err, &wrong) && wrong.hint != "":
		text = fmt.Sprintf("flowrun: %s (%s)\n", err, wrong.hint)
	}
	io.WriteString(s.Stderr, plain.Inert(text)) // what is wrong is quoted, and may be anybody's
	return code
}

// lookup is an environment variable; "" when it is not set.
func (s *session) lookup(name string) string {
	value, _ := executor.Variable(s.Env, name)
	return value
}
