package executor

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

func TestExitCode(t *testing.T) {
	signal := func(name string) event.Outcome {
		return event.Stopped(&event.Cause{Why: event.WhySignal, By: name})
	}
	limit := func(step string) event.Outcome {
		return event.Failure(&event.Error{Type: event.TimeoutError, Step: step})
	}
	for _, c := range []struct {
		name     string
		o        event.Outcome
		returned int
		strict   bool
		want     int
	}{
		{"succeeded", event.Success(nil), 0, true, 0},
		{"skipped", event.Passed("if"), 0, false, 0},
		{"failed", event.Failure(event.Errorf("E", "x")), 0, false, 1},
		{"returned errors", event.Success(nil), 2, false, 0},
		{"returned errors, strict", event.Success(nil), 2, true, 1},
		{"the run's own timeout", limit(""), 0, false, 124},
		{"a step's timeout", limit("a"), 0, false, 1},
		{"Ctrl-C", signal("SIGINT"), 0, false, 130},
		{"Ctrl-\\", signal("SIGQUIT"), 0, false, 131},
		{"kill", signal("SIGTERM"), 0, false, 143},
		{"hangup", signal("SIGHUP"), 2, true, 129},
		{"the program's context", signal("context canceled"), 0, false, 1},
		{"a deadlock", event.Stopped(&event.Cause{Why: event.WhyDeadlock}), 0, false, 1},
	} {
		if got := ExitCode(c.o, c.returned, c.strict); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestResultDocument(t *testing.T) {
	p := written("", "a", "b", "")
	p.Steps[0].Kind = "steps"
	failed := end(p, 1, 0, 0, 1, event.Failure(&event.Error{Type: "ExitError", Message: "exit status 3", Step: "a", Attempts: 2, Fields: map[string]any{"exit_code": 3}, Line: 2, Column: 3}))
	failed.Attempt, failed.Timing = 2, event.Timing{Started: at(10), Duration: 1234567891, Queued: 20_000_000}
	r := collect(p, []event.Event{
		start(p, 0, -1, 0, 0, 1), failed,
		end(p, 2, 0, 1, 2, event.Stopped(&event.Cause{Why: event.WhySignal, By: "SIGINT"})),
		end(p, 3, 0, 2, 3, event.Passed("not reached")),
		end(p, 0, -1, 0, 0, event.Failure(failed.Err)),
	})
	r.Exit = ExitFailed
	want := `{"flowrun":1,"run":"R","workflow":"test","file":"flow.yaml","status":"failed","exit":1,"value":null,` +
		`"error":{"type":"ExitError","message":"exit status 3","step":"a","attempts":2,"column":3,"exit_code":3,"line":2},` +
		`"started_at":"1970-01-01T00:00:00.000Z","duration":1.5,"returned_errors":0,"root":` +
		`{"path":"","id":null,"kind":"steps","line":1,"column":3,"status":"failed","value":null,` +
		`"error":{"type":"ExitError","message":"exit status 3","step":"a","attempts":2,"column":3,"exit_code":3,"line":2},` +
		`"attempts":1,"started_at":null,"duration":0,"queued":0,"recovered":null,"children":[` +
		`{"path":"a","id":"a","kind":"value","line":2,"column":3,"status":"failed","value":null,` +
		`"error":{"type":"ExitError","message":"exit status 3","step":"a","attempts":2,"column":3,"exit_code":3,"line":2},` +
		`"attempts":2,"started_at":"1970-01-01T00:00:00.010Z","duration":1.234568,"queued":0.02,"recovered":null,"children":[]},` +
		`{"path":"b","id":"b","kind":"value","line":3,"column":3,"status":"cancelled","value":null,"error":null,"cause":"SIGINT",` +
		`"attempts":1,"started_at":null,"duration":0,"queued":0,"recovered":null,"children":[]},` +
		`{"path":"","id":null,"kind":"value","line":4,"column":3,"status":"skipped","value":null,"error":null,"reason":"not reached",` +
		`"attempts":1,"started_at":null,"duration":0,"queued":0,"recovered":null,"children":[]}]}}`
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want+"\n", b.String()); d != "" {
		t.Error(d)
	}
	j, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(j)); d != "" {
		t.Error("Marshal and Write differ: ", d)
	}
}
