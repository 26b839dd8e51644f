package cli

import (
	"context"
	"io"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Engine is an engine beyond this machine, which a program may have besides (System.Engine).
type Engine interface {
	// Dial reaches the engine. Errors are sentences for users.
	Dial(ctx context.Context, l Link) (executor.Remote, error)
	// Store opens what the store at Link.Store keeps of a run.
	Store(ctx context.Context, l Link, run string) (kind.Store, error)
	// Work carries out steps until ctx is done and those that it has begun have ended.
	Work(ctx context.Context, w Worker) error
}

// Link says how the engine is reached.
type Link struct {
	Env     []string // the engine's own variables, as TEMPORAL_ADDRESS
	Queue   string   // where runs and their steps wait for workers
	KeyFile string   // what travels is encrypted with the key in it; "": it is not
	// Keys gives what is in the key file, which may be a pipe and is read once; nil: it is read each time.
	Keys  func() ([]byte, error)
	Store string // the URL where files and logs of runs are kept; "": nowhere
	// Notice tells people what they should know meanwhile, as that no worker is there.
	Notice func(text string)
}

// Worker is who carries out steps.
type Worker struct {
	Link
	Folder string    // in the place of the one in which runs are started, absolute
	Allow  []string  // the kinds of steps that it carries out; nil: all
	Slots  int       // how many at once; 0: as the machine has room for
	Env    []string  // that their processes inherit, NAME=value
	Log    io.Writer // for people
	// Kill, when it is closed, gives up what is at work: others begin it anew.
	Kill <-chan struct{}
}
