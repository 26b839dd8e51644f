package steps

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/glob"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// checkArtifacts reports constant patterns that are none.
func checkArtifacts(patterns any, report func(key, code, text string)) {
	for _, x := range listOf(patterns) {
		if pattern, ok := x.(string); ok {
			if err := glob.Check(pattern); err != nil {
				report("artifacts", "bad-value", "artifacts: "+err.Error())
			}
		}
	}
}

// runWithFiles is runWithOutputs between what it fetches and what it keeps of an attempt, however that ended: the reports of tests
// that failed are what people look for. Which attempt is the last is not known here, so each is kept.
func (r *runner) runWithFiles(ctx context.Context, call kind.Call) event.Outcome {
	patterns, wanted := listOf(call.Args["artifacts"]), call.Args["fetch"]
	if patterns == nil && wanted == nil {
		return r.runWithOutputs(ctx, call)
	}
	if call.Store == nil {
		return event.Failure(event.Errorf(event.StartError, "artifacts and fetch need a store, and this worker has none: start all workers with --store URL"))
	}
	folder, failed := workFolder(&call)
	if failed == nil {
		failed = fetch(ctx, call.Store, folder, wanted)
	}
	if ctx.Err() != nil {
		return event.Stopped(nil)
	}
	if failed != nil {
		return event.Failure(failed)
	}
	o := r.runWithOutputs(ctx, call)
	if patterns == nil || o.Extra == nil { // its process has never begun: what lies there is not the step's
		return o
	}
	kept, err := keep(ctx, call, folder, texts(patterns))
	list := make([]any, len(kept))
	for i, a := range kept {
		list[i] = a.Value()
	}
	o.Extra[event.ExtraArtifacts] = list
	return accounted(o, err)
}

// accounted is the outcome of an attempt whose files could not all be kept for that reason, or could.
func accounted(o event.Outcome, err error) event.Outcome {
	var missing *artifact.MissingError
	switch {
	case err == nil:
	case o.Status == event.Succeeded:
		o.Status, o.Value, o.Err = event.Failed, nil, event.Errorf(event.OutputError, "artifacts: %v", err)
	case errors.As(err, &missing): // it has not come so far
	case o.Err != nil:
		o.Err.Message += "; artifacts: " + err.Error()
	}
	return o
}

// whenStopped is how long an attempt has to keep its files that was told to stop.
const whenStopped = 10 * time.Second

// keep keeps files of an attempt that has ended. One that is told to stop has some time for it, unless it is to end at once.
func keep(ctx context.Context, call kind.Call, folder string, patterns []string) ([]event.Artifact, error) {
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() {
		defer stop()
		told := ctx.Done()
		var late <-chan time.Time
		for {
			select {
			case <-told:
				told, late = nil, time.After(whenStopped)
			case <-late:
				return
			case <-call.Kill:
				return
			case <-keeping.Done():
				return
			}
		}
	})
	defer watch.Wait()
	defer stop()
	return artifact.Keep(keeping, call.Store, folder, patterns)
}

// fetch brings files that earlier steps have kept.
func fetch(ctx context.Context, store kind.Store, folder string, wanted any) *event.Error {
	list, err := artifact.List(wanted)
	if err != nil {
		return event.Errorf(event.ValueError, "fetch: %v", err)
	}
	if err := artifact.Fetch(ctx, store, folder, list); err != nil {
		return event.Errorf(event.StartError, "fetch: %v", err)
	}
	return nil
}

// listOf is v, or a list with v alone.
func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func texts(list []any) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = text(x)
	}
	return out
}
