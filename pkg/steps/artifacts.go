package steps

import (
	"context"

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

// runWithFiles is runWithOutputs between what it fetches and what it keeps of an attempt that succeeded.
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
	if patterns == nil || o.Status != event.Succeeded {
		return o
	}
	kept, err := artifact.Keep(ctx, call.Store, folder, texts(patterns))
	if err != nil {
		extra := o.Extra
		o = event.Failure(event.Errorf(event.OutputError, "artifacts: %v", err))
		o.Extra = extra
		return o
	}
	list := make([]any, len(kept))
	for i, a := range kept {
		list[i] = a.Value()
	}
	o.Extra[event.ExtraArtifacts] = list
	return o
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
