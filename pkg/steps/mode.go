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

// leftTerminal is how a step ended that had the terminal.
func (a *attempt) leftTerminal(ctx context.Context, exit process.Exit, code any) event.Outcome {
	// Ctrl-C has reached the step alone. If that has died of it, as a shell says of its foreground job, the user meant
	// the run. A program that took the signal as it took a key, as editors do, goes on.
	if exit.Signal == "INT" && ctx.Err() == nil && a.interrupt != nil {
		a.interrupt()
	}
	o := a.outcome(exit)
	o.Extra = map[string]any{"stdout": nil, "stderr": nil, "exit_code": code}
	return o
}
