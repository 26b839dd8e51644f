package executor

import (
	"context"
	"errors"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Remote runs workflows beyond this machine. What it runs goes on when who started it is gone.
type Remote interface {
	// Start begins a run. When it returns without an error the run will take place.
	Start(ctx context.Context, s Spec) error
	// Follow tells the events of a run behind the one with the number after (event.Event.Seq; 0: all), in order, and as they
	// come. It returns nil behind the run's last event. Values are as the run has them; secrets are stars. ErrNoRun: there is
	// no such run.
	Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error
	// Cancel tells a run to stop; kill: at once, without grace, shields and cleanups. It does not wait for the end.
	Cancel(ctx context.Context, run string, why event.Cause, kill bool) error
	// Spec is what a run was started with. ErrNoRun: there is no such run.
	Spec(ctx context.Context, run string) (Spec, error)
}

// ErrNoRun: the engine knows no run of that id.
var ErrNoRun = errors.New("there is no such run")

// Spec is a run as it travels: all that the engine needs to know, and no secret.
type Spec struct {
	Run     string `json:"run"`     // its id
	Flowrun string `json:"flowrun"` // the version of the program that started it
	// Files are the workflow's files, its own first. Paths are below the folder in which the run was started, with slashes;
	// those of a worker are below its own.
	Files []SpecFile `json:"files"`
}

// SpecFile is a file of a workflow.
type SpecFile struct {
	Name string `json:"name"` // in messages
	Path string `json:"path"`
	Text string `json:"text"`
}
