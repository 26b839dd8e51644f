package steps

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// idempotencyKey is the same for every attempt at a step, also in a run that goes on after a crash, and no other step has it.
func idempotencyKey(call kind.Call) string {
	return event.Digest(16, "idempotency", call.RunID, call.Step)
}

// traceparent is the W3C trace context of an attempt: a span of its own in the trace of the run.
func traceparent(call kind.Call) string {
	return event.TraceOf(call.RunID, variable(call.Env, "TRACEPARENT")).Traceparent(call.Step, call.Attempt)
}
