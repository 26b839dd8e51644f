package temporal

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// workers has jobs be carried out by that function, in the place of a worker.
func workers(work func(ctx context.Context, j job) (report, error)) func(*testsuite.TestWorkflowEnvironment) {
	return func(env *testsuite.TestWorkflowEnvironment) {
		env.OnActivity(leafType, mock.Anything, mock.Anything).Return(work)
	}
}

// done is the report of a job that succeeded.
func done(v any) report {
	return report{Worker: "w", Outcome: outcomeIn(event.Success(v), nil, asItIs)}
}

// silent is what Temporal says of a worker that it has not heard of.
func silent() error {
	return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil)
}

// TestLost: a job whose worker is lost begins anew, as a further attempt that no retry counts and that the user hears of; unless the
// step forbids it, or it was lost so often that it may be what kills workers.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		losses     int
		gone       bool // the worker says that it gives it up
		want, told string
	}{
		{"twice", "", 2, false, `succeeded 3`, "LostError: its worker died while it was at work"},
		{"given up", "", 1, true, `succeeded 2`, "LostError: the worker w died while it was at work"},
		{"inside of a retry", "retry: {attempts: 2}", 2, false, `succeeded 3`, "LostError: its worker died while it was at work"},
		{"fail", "on_lost: fail", 1, false, "failed LostError: its worker died while it was at work, and on_lost is fail", ""},
		{"fail and retry", "on_lost: fail, retry: {attempts: 2, match: LostError}", 1, false, `succeeded 2`, "LostError: its worker died while it was at work, and on_lost is fail"},
		{"again and again", "", 99, false, "failed LostError: it was lost 10 times, the last time as its worker died: it may be what kills workers", "LostError: its worker died while it was at work"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := `{flowrun: 1, steps: [{id: a, run: ["true"], ` + c.keys + `}]}`
			n := 0
			events := newCase(t, text).onTemporal(t, workers(func(_ context.Context, j job) (report, error) {
				if n++; n > c.losses {
					return done(j.Attempt), nil
				}
				if c.gone {
					return report{Worker: "w", Gone: true}, nil
				}
				return report{}, silent()
			}))
			if got := ends(t, events)["a"]; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			told := ""
			for _, e := range events {
				if e.Type == event.StepRetry {
					told = e.Err.Error()
				}
			}
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}

// TestCancel: a run that is told to stop has its steps stopped, and runs its cleanups; who has not gone to a worker never begins.
func TestCancel(t *testing.T) {
	text := `{flowrun: 1, steps: [{id: a, gather: {for: i, in: range(3), do: {run: [sleep, "60"]}}, limit: 2, finally: [{id: f, run: [echo, clean]}]}]}`
	for _, c := range []struct {
		name string
		told func(env *testsuite.TestWorkflowEnvironment)
		by   string
		want string
	}{
		{"by a user", func(env *testsuite.TestWorkflowEnvironment) {
			env.SignalWorkflow(signalCancel, cancelNote{By: "SIGINT"})
		}, "SIGINT", `succeeded "clean"`},
		{"in Temporal", func(env *testsuite.TestWorkflowEnvironment) { env.CancelWorkflow() }, "Temporal", `succeeded "clean"`},
		{"killed", func(env *testsuite.TestWorkflowEnvironment) {
			env.SignalWorkflow(signalCancel, cancelNote{By: "SIGINT"})
			env.SignalWorkflow(signalCancel, cancelNote{By: "SIGINT", Kill: true})
		}, "SIGINT", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := newCase(t, text).later(300*time.Millisecond, c.told).onTemporal(t)
			got := ends(t, events)
			if got["a[0]"] != "cancelled" || got["a[2]"] != "cancelled" || got["run"] != "cancelled" {
				t.Errorf("%v", got)
			}
			if c.want != "" && got["f"] != c.want {
				t.Errorf("cleanup: %s, want %s", got["f"], c.want)
			}
			last := events[len(events)-1]
			if last.Cause.String() != c.by {
				t.Errorf("cancelled by %s, want %s", last.Cause, c.by)
			}
		})
	}
}

// TestTooLarge: what Temporal would refuse again and again fails once, and says what to do.
func TestTooLarge(t *testing.T) {
	for _, c := range []struct{ name, text, step, want string }{
		{"value", `{flowrun: 1, steps: [{id: a, run: "head -c 1500000 /dev/zero | tr '\\0' x", capture_limit: 2MiB, retry: {attempts: 2, match: ExitError}}]}`, "a", "failed OutputError: its value has 1.4 MB, and Temporal carries no more than 1.0 MB: "},
		{"arguments", `{flowrun: 1, steps: [{id: a, run: [cat], stdin: "${{ repeat('x', 2000000) }}"}]}`, "a", "failed OutputError: what it is given has 1.9 MB, and no more than 1.9 MB can be sent to a worker: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ends(t, newCase(t, c.text).onTemporal(t))[c.step]; !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestSecrets: no value of a secret is in anything that travels, though steps get it, print it and hand it on.
func TestSecrets(t *testing.T) {
	const value = "hunter2-and-more"
	text := `{flowrun: 1, secrets: [TOKEN], steps: [
		{id: a, run: 'test ${#T} = 16; echo "it is $T"', env: {T: "${{ secrets.TOKEN }}"}},
		{id: b, run: 'test ${#X} = 22', env: {X: "${{ steps.a.value }}"}},
		{id: c, run: "cat", stdin: "Bearer ${{ secrets.TOKEN }}"},
		{id: d, run: [echo, "${{ len(steps.c.value) > 0 }}"], if: 'secrets.TOKEN != ""'}]}`
	t.Setenv("TOKEN", value)
	c := newCase(t, text)
	h := testHand(t)
	var jobs []string
	events := c.onTemporal(t, workers(func(ctx context.Context, j job) (report, error) {
		r, err := h.leaf(ctx, j)
		jobs = append(jobs, string(j.Args), strings.Join(j.Place.Env, " "), string(r.Outcome), jsonText(t, r.Said))
		return r, err
	}))
	all := strings.Join(jobs, "\n") + told(events) + jsonText(t, c.spec)
	if strings.Contains(all, value) {
		t.Errorf("the value travels: %s", all)
	}
	got := ends(t, events)
	for _, step := range []string{"a", "b", "c", "d"} {
		if !strings.HasPrefix(got[step], "succeeded") {
			t.Errorf("%s: %s", step, got[step])
		}
	}
}
