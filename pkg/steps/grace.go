package steps

import (
	"context"
	"maps"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// WithGrace is kinds with another default for the grace of a step that is told to stop.
func WithGrace(kinds []*kind.Kind, d time.Duration) []*kind.Kind {
	out := make([]*kind.Kind, len(kinds))
	for i, k := range kinds {
		out[i] = k
		for _, key := range k.Keys {
			if key.Name == "stop" && k.Run != nil {
				out[i] = graceful(k, d)
			}
		}
	}
	return out
}

// graceful is a kind whose `stop` has that grace where the file says nothing of one.
func graceful(k *kind.Kind, grace time.Duration) *kind.Kind {
	out := *k
	out.Run = func(ctx context.Context, call kind.Call) event.Outcome {
		stop, _ := call.Args["stop"].(map[string]any)
		if stop["grace"] == nil {
			stop = maps.Clone(stop)
			if stop == nil {
				stop = map[string]any{}
			}
			stop["grace"] = event.FormatDuration(grace)
			call.Args = maps.Clone(call.Args)
			call.Args["stop"] = stop
		}
		return k.Run(ctx, call)
	}
	return &out
}
