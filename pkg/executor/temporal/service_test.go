package temporal

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestService: who asks whether a service is ready goes along with it, to the same worker, and again when it has to begin anew.
func TestService(t *testing.T) {
	refused := event.Failure(event.Errorf(event.TimeoutError, "it was not ready within 30s"))
	for _, c := range []struct {
		name   string
		lost   int // how often the worker of the service is lost, before it says anything
		answer event.Outcome
		want   string
	}{
		{"ready", 0, event.Success(nil), `succeeded "used"`},
		{"lost before", 1, event.Success(nil), `succeeded "used"`},
		{"never", 0, refused, "failed TimeoutError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var jobs []job
			var env *testsuite.TestWorkflowEnvironment
			events := newCase(t, `{flowrun: 1, steps: [
				{id: s, background: true, run: [serve], env: {PORT: "80"}, ready: {tcp: "127.0.0.1:80"}},
				{id: u, run: [use]}]}`).onTemporal(t, func(e *testsuite.TestWorkflowEnvironment) { env = e }, workers(func(ctx context.Context, j job) (report, error) {
				jobs = append(jobs, j)
				if j.Step == "u" {
					return done("used"), nil
				}
				if len(jobs) <= c.lost {
					return report{}, silent()
				}
				probe := j.Probe.Leaf
				env.RegisterDelayedCallback(func() {
					env.SignalWorkflow(signalReady, readyNote{Leaf: probe, Step: "s", Outcome: outcomeIn(c.answer, nil, asItIs)})
				}, 10*time.Millisecond)
				for ctx.Err() == nil { // told to stop by a sign of life
					activity.RecordHeartbeat(ctx)
					time.Sleep(time.Millisecond)
				}
				return report{Worker: "w", Outcome: outcomeIn(event.Stopped(nil), nil, asItIs)}, nil
			}))
			if got := ends(t, events)["run"]; !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
			for _, j := range jobs {
				if j.Step == "s" && (j.Probe == nil || j.Probe.Kind != "ready" || strings.Join(j.Probe.Place.Env, " ") != "PORT=80") {
					t.Errorf("%+v", j)
				}
				if j.Kind == "ready" {
					t.Errorf("a probe by itself: %+v", j)
				}
			}
		})
	}
}
