package steps

import (
	"context"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// mode is what a run asks for with interactive and isolate, which do not stand beside each other.
func mode(args kind.Args) process.Mode {
	switch {
	case args["interactive"] == true:
		return process.Terminal
	case args["isolate"] != nil:
		return process.Isolated
	default:
		return process.Apart
	}
}

// onTerminal is one attempt of a step that has the terminal.
func onTerminal(ctx context.Context, call kind.Call, opts options, cmd *command, spec process.Spec, ending process.Ending) event.Outcome {
	p, err := process.Start(spec)
	if err != nil {
		return event.Failure(startError(cmd, err))
	}
	exit := p.Wait(ending)
	// Ctrl-C has reached the step alone. If that has died of it, as a shell says of its foreground job, the user meant
	// the run. A program that took the signal as it took a key, as editors do, goes on.
	if exit.Signal == "INT" && ctx.Err() == nil && call.Interrupt != nil {
		call.Interrupt()
	}
	opts.capture = "none"
	o := outcome(opts, cmd, exit, nil)
	o.Extra = map[string]any{"stdout": nil, "stderr": nil, "exit_code": nil}
	if exit.Signal == "" {
		o.Extra["exit_code"] = exit.Code
	}
	return o
}
