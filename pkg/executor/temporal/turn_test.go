package temporal

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// turnsOften has the history of each workflow be too long after a while.
func (c testCase) turnsOften() testCase {
	return c.later(70*time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) { counted(env, turnEvents) })
}

// counted has the history be that long, and get longer with all that comes, as a server counts it.
func counted(env *testsuite.TestWorkflowEnvironment, length int) {
	more := func() {
		length++
		env.SetCurrentHistoryLength(length)
	}
	more()
	env.SetOnActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) { more() })
	env.SetOnActivityCanceledListener(func(*activity.Info) { more() })
	env.SetOnTimerFiredListener(func(string) { more() })
}

// continued says whether a workflow went on in another, and with what.
func continued(t *testing.T, err error) (order, bool) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	if !errors.As(err, &next) {
		return order{}, false
	}
	var o order
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &o); err != nil {
		t.Fatal(err)
	}
	return o, true
}

// TestTurn: a run whose history gets long goes on in another workflow, when nothing is at work; but a service, which would wait for
// others, does not hold it up.
func TestTurn(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"list", `{flowrun: 1, steps: {for: i, in: range(5), do: {steps: [{run: [echo, "${{ i }}"]}, {sleep: 50ms}]}}}`},
		{"limit", `{flowrun: 1, gather: {for: i, in: range(9), do: {steps: [{sleep: 50ms}, {run: [echo, "${{ i }}"]}]}}, limit: 2}`},
		{"retry", `{flowrun: 1, steps: [{run: 'test "$FLOWRUN_ATTEMPT" = 4', retry: {attempts: 4, delay: 80ms}}]}`},
		{"service", `{flowrun: 1, steps: [{id: s, background: true, run: "trap 'exit 0' TERM; sleep 60 & wait"}, {steps: {for: i, in: range(4), do: {steps: [{run: [echo, "${{ i }}"]}, {sleep: 50ms}]}}}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newCase(t, c.text)
			want := ends(t, x.onTemporal(t))
			events, parts := x.turnsOften().inParts(t)
			if got := ends(t, events); !maps.Equal(got, want) {
				t.Errorf("in %d workflows %v, want %v", parts, got, want)
			}
			if parts < 3 && c.name != "service" {
				t.Errorf("in %d workflows", parts)
			}
			for i, e := range events {
				if e.Seq != int64(i+1) {
					t.Fatalf("event %d has the number %d", i+1, e.Seq)
				}
			}
		})
	}
}

// TestNoTurn: a run that can go on nowhere is cancelled, and says why, before the server ends it without cleanups.
func TestNoTurn(t *testing.T) {
	events := newCase(t, `{flowrun: 1, steps: [{id: a, run: [sleep, "60"], finally: [{id: f, run: [echo, clean]}]}]}`).later(100*time.Millisecond, func(env *testsuite.TestWorkflowEnvironment) {
		counted(env, lastEvents)
		env.SignalWorkflow(signalReady, readyNote{}) // nobody's: something happens
	}).onTemporal(t)
	if got := ends(t, events); got["run"] != "cancelled" || got["f"] != `succeeded "clean"` {
		t.Errorf("%v", got)
	}
	if by := events[len(events)-1].Cause.By; !strings.HasPrefix(by, "the limit of Temporal's history") {
		t.Errorf("cancelled by %s", by)
	}
}
