package temporal

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Worker says what a worker does.
type Worker struct {
	Queue   string
	Folder  string   // in the place of that in which runs are started, absolute
	Env     []string // what processes inherit: without what is Temporal's own
	Allowed []string // the kinds of steps that it carries out; nil: all
	Slots   int      // how many at once
	Name    string   // for people
	Kinds   []*kind.Kind
	Store   func(run string) kind.Store // nil: there is none
	// Kill, when closed, gives up what is at work: somebody else begins it anew.
	Kill <-chan struct{}
}

// Work carries out steps, and what their runs decide, until ctx is done and what was at work then has ended. The client must be one of
// Dial with the fence.
func Work(ctx context.Context, c client.Client, f *fence, w Worker) error {
	h := &hand{
		kinds: w.Kinds, allowed: w.Allowed, folder: w.Folder, name: w.Name, client: c, now: w.Kill, fence: f, store: w.Store,
		env: slices.DeleteFunc(slices.Clone(w.Env), func(v string) bool { return strings.HasPrefix(v, "TEMPORAL_") }),
	}
	sdk := worker.New(c, w.Queue, options(w))
	register(sdk, &program{kinds: w.Kinds, drain: drain}, h)
	if err := sdk.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	sdk.Stop()
	return nil
}

// options are those of the SDK for a worker.
func options(w Worker) worker.Options {
	return worker.Options{
		Identity:                           w.Name,
		MaxConcurrentActivityExecutionSize: w.Slots,
		MaxConcurrentActivityTaskPollers:   16,      // one at a time gets no more than some hundred jobs a second
		WorkerStopTimeout:                  forever, // steps end, or are killed: Worker.Kill
		MaxHeartbeatThrottleInterval:       pulse,
		DefaultHeartbeatThrottleInterval:   pulse,
		DisableEagerActivities:             true,            // the worker that has the run would take all its steps
		DeadlockDetectionTimeout:           8 * time.Second, // large files take their time to compile
	}
}

// register makes a worker, or an environment for tests, one of flowrun.
func register(r interface {
	worker.WorkflowRegistry
	worker.ActivityRegistry
}, p *program, h *hand,
) {
	r.RegisterWorkflowWithOptions(p.workflow, workflow.RegisterOptions{Name: workflowType})
	r.RegisterActivityWithOptions(h.leaf, activity.RegisterOptions{Name: leafType})
}
