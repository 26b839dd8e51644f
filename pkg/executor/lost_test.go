package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestLost: what becomes of steps that were at work, waited or paused when flowrun died. The run dies when a step has come so far for
// the first time, and goes on after the gap; told is what is told then, by the time since the run began.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		name, steps, dies string
		gap               time.Duration
		told              string
	}{
		{
			"it begins again, as a further attempt", `[{id: a, run: [after 2s]}]`, "step.start a", time.Second,
			"0s step.retry a 1 LostError; 1s step.start a 2; 3s step.end a 2 succeeded",
		},
		{
			"what had ended is not done again", `[{id: a, run: [after 2s]}, {id: b, run: [after 1s]}]`, "step.start b", time.Second,
			"2s step.retry b 1 LostError; 3s step.start b 2; 4s step.end b 2 succeeded",
		},
		{
			"a timeout bounds one attempt, and begins again", `[{id: a, run: [after 2s], timeout: 3s}]`, "step.start a", time.Hour,
			"0s step.retry a 1 LostError; 1h0m0s step.start a 2; 1h0m2s step.end a 2 succeeded",
		},
		{
			"a total_timeout goes on", `[{id: a, run: [after 2s], total_timeout: 3s}]`, "step.start a", time.Hour,
			"0s step.retry a 1 LostError; 3s step.end a 1 failed TimeoutError",
		},
		{
			"and so does the timeout of a block", `[{id: g, gather: [{id: a, run: [after 2s]}], timeout: 3s}]`, "step.start a", time.Hour,
			"0s step.retry a 1 LostError; 3s step.cancel a 1; 3s step.end a 1 cancelled; 3s step.end g 1 failed TimeoutError",
		},
		{
			"no retry counts it", `[{id: a, run: [after 1s, exit 1], retry: {attempts: 2, delay: 1s}}]`, "step.start a", 0,
			"0s step.retry a 1 LostError; 0s step.start a 2; 1s step.retry a 2 ExitError; 2s step.start a 3; 3s step.end a 3 failed ExitError",
		},
		{
			"a pause goes on by the clock", `[{id: a, run: ["1: exit 1", after 1s], retry: {attempts: 2, delay: 1m}}]`, "step.retry a", time.Hour,
			"1m1s step.start a 2; 1h0m2s step.end a 2 succeeded",
		},
		{
			"a sleep goes on by the clock", `[{id: a, sleep: 1m}, {id: b, sleep: 1h}]`, "step.start a", 30 * time.Minute,
			"1m0s step.end a 1 succeeded; 1m0s step.start b 1; 1h1m0s step.end b 1 succeeded",
		},
		{
			"on_crash: fail", `[{id: a, run: [after 2s], on_crash: fail, except: [{match: LostError, id: x, value: "${{ error.message }}"}]}]`, "step.start a", time.Second,
			"0s step.start x 1; 0s step.end x 1 succeeded; 0s step.end a 1 succeeded",
		},
		{
			"on_crash: fail is not retried", `[{id: a, run: [after 2s], on_crash: fail, retry: {attempts: 3}}]`, "step.start a", time.Second,
			"0s step.end a 1 failed LostError",
		},
		{
			"unless that is named", `[{id: a, run: [after 2s], on_crash: fail, retry: {attempts: 3, match: LostError}}]`, "step.start a", time.Second,
			"0s step.retry a 1 LostError; 0s step.start a 2; 3s step.end a 2 succeeded",
		},
		{
			"what was told to stop is cancelled", `[{id: g, gather: [{id: a, run: [after 1h, grace 1m]}], timeout: 2s}]`, "step.cancel a", time.Second,
			"2s step.end a 1 cancelled; 2s step.end g 1 failed TimeoutError",
		},
		{
			"a service is ready again before others begin again",
			`[{id: db, background: true, run: [after 1h], ready: {run: [after 5s]}}, {id: a, run: [after 2s]}]`, "step.start a", time.Minute,
			"5s step.retry db 1 LostError; 5s step.retry a 1 LostError; 1m5s step.start db 2; 1m10s step.start a 2; 1m12s step.end a 2 succeeded; 1m12s step.cancel db 2; 1m12s step.end db 2 cancelled",
		},
		{
			"also one that says so itself",
			`[{id: db, background: true, run: [after 1h, say 5s up], ready: {log: up}}, {id: a, run: [after 2s]}]`, "step.start a", time.Minute,
			"5s step.retry db 1 LostError; 5s step.retry a 1 LostError; 1m5s step.start db 2; 1m10s step.start a 2; 1m12s step.end a 2 succeeded; 1m12s step.cancel db 2; 1m12s step.end db 2 cancelled",
		},
		{
			"a service that does not come up again has failed",
			`[{id: db, background: true, run: ["1: say 5s up", after 1h], ready: {log: up, timeout: 9s}}, {id: a, run: [after 2s]}]`, "step.start a", 0,
			"5s step.retry db 1 LostError; 5s step.retry a 1 LostError; 5s step.start db 2; 14s step.end db 2 failed TimeoutError; 14s step.cancel a 1; 14s step.end a 1 cancelled",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &crashed{begun: &begun{times: map[string]int{}}, folder: filepath.Join(t.TempDir(), "R")}
			r.plan = compileWith(t, r.begun.kinds(), "w.yaml", []byte("flowrun: 1\nsteps: "+c.steps+"\n"), nil)
			// A run that dies leaves the journal that it had then.
			journal := filepath.Join(r.folder, "journal.ndjson")
			var left []byte
			var at time.Duration
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				opt := r.options(r.folder)
				opt.Observe = []func(event.Event){func(e event.Event) {
					if at == 0 && fmt.Sprint(e.Type, " ", e.Path) == c.dies {
						at = time.Since(began) + 1
						go func() {
							time.Sleep(time.Nanosecond)
							left, _ = os.ReadFile(journal)
						}()
					}
				}}
				if _, err := executor.Run(context.Background(), r.plan, opt); err != nil {
					t.Fatal(err)
				}
			})
			if len(left) == 0 {
				t.Fatalf("there is no %s", c.dies)
			}
			if err := os.WriteFile(journal, left, 0o600); err != nil {
				t.Fatal(err)
			}
			told := r.goesOn(t, at-1+c.gap)
			if got := strings.Join(told, "; "); got != c.told {
				t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.ReplaceAll(c.told, "; ", "\n"))
			}
		})
	}
}

// goesOn resumes the run at that time after its begin, and says what is told of its steps.
func (c *crashed) goesOn(t *testing.T, at time.Duration) (told []string) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		time.Sleep(at)
		opt := c.options(c.folder)
		opt.Inputs, opt.RunID = nil, ""
		opt.Observe = []func(event.Event){func(e event.Event) {
			switch e.Type {
			case event.StepStart, event.StepRetry, event.StepCancel, event.StepEnd:
			default:
				return
			}
			if e.Path == "" {
				return
			}
			text := fmt.Sprint(e.Time.Sub(began), " ", e.Type, " ", e.Path, " ", e.Attempt)
			if e.Type == event.StepEnd {
				text += " " + e.Status.String()
			}
			if e.Err != nil {
				text += " " + e.Err.Type
			}
			told = append(told, text)
		}}
		if _, err := executor.Resume(context.Background(), c.plan, opt); err != nil {
			t.Fatal(err)
		}
	})
	return told
}
