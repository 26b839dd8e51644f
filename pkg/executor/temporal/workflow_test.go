package temporal

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
	"github.com/flowrun/flowrun/pkg/steps"
)

// ends are the outcomes of steps, by path, and of the run under "run": status and value or error in short.
func ends(t *testing.T, events []event.Event) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range events {
		if e.Type != event.StepEnd && e.Type != event.RunEnd {
			continue
		}
		text := e.Status.String()
		switch {
		case e.Err != nil:
			text += " " + e.Err.Error()
		case e.Value != nil:
			b, err := json.Marshal(e.Value)
			if err != nil {
				t.Fatal(err)
			}
			text += " " + string(b)
		}
		name := e.Path
		if e.Type == event.RunEnd {
			name = "run"
		}
		out[name] = text
	}
	return out
}

// TestJobs: what becomes of work that goes to a worker.
func TestJobs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{
			"value", `{flowrun: 1, steps: [{id: a, run: [echo, hello]}, {id: b, value: "${{ steps.a.value }} ${{ steps.a.exit_code }}"}]}`,
			map[string]string{"a": `succeeded "hello"`, "b": `succeeded "hello 0"`, "run": `succeeded "hello 0"`},
		},
		{
			"failure", `{flowrun: 1, steps: [{id: a, run: "exit 3"}]}`,
			map[string]string{"a": "failed ExitError: exit status 3", "run": "failed ExitError: exit status 3"},
		},
		{
			"limit", `{flowrun: 1, steps: [{id: a, run: [sleep, "60"], timeout: 100ms}]}`,
			map[string]string{"a": "failed TimeoutError: timeout of 100ms expired"},
		},
		{
			"computed limit", `{flowrun: 1, steps: [{id: a, run: [sleep, "60"], timeout: "${{ 0 }}"}]}`,
			map[string]string{"a": "failed ValueError: timeout is 0s, want more than 0"},
		},
		{
			"retry", `{flowrun: 1, steps: [{id: a, run: 'test "$FLOWRUN_ATTEMPT" = 3', retry: {attempts: 3}}]}`,
			map[string]string{"a": `succeeded ""`},
		},
		{
			"taskgroup", `{flowrun: 1, taskgroup: [{id: a, run: "exit 1"}, {id: b, run: [sleep, "60"]}]}`,
			map[string]string{"b": "cancelled", "run": "failed ExceptionGroup: 1 step failed"},
		},
		{
			"race", `{flowrun: 1, steps: [{id: w, wait: [{id: a, run: [sleep, "60"]}, {id: b, run: [echo, x]}], return_when: first_success}, {value: "${{ steps.w.value.first.id }}"}]}`,
			map[string]string{"a": "cancelled", "run": `succeeded "b"`},
		},
		{
			"environment", `{flowrun: 1, env: {A: "1", B: "2"}, steps: [{id: a, run: "echo $A-$B-$HOME-$C", env: {B: "3", HOME: null, C: "${{ env.A }}"}}]}`,
			map[string]string{"a": `succeeded "1-3--1"`},
		},
		{
			"computed queue", `{flowrun: 1, steps: [{id: a, run: [echo, two words]}, {id: b, run: ["true"], queue: "${{ steps.a.value }}"}]}`,
			map[string]string{"b": `failed ValueError: queue: "two words" is no name of a queue: one has letters, digits, dots, - and _, as gpu-1`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ends(t, newCase(t, c.text).onTemporal(t))
			for path, want := range c.want {
				if got[path] != want {
					t.Errorf("%s: %s, want %s", path, got[path], want)
				}
			}
		})
	}
}

// TestWindow: more than a window at once, with results in their order.
func TestWindow(t *testing.T) {
	events := newCase(t, `{flowrun: 1, steps: [{id: all, gather: {for: i, in: range(600), do: {run: [echo, "${{ i }}"]}}}]}`).onTemporal(t)
	got := ends(t, events)["all"]
	if !strings.HasPrefix(got, `succeeded ["0","1","2",`) || !strings.HasSuffix(got, `"598","599"]`) {
		t.Error(got)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestMarks: the search attributes at the end of a run count what its summary counts.
func TestMarks(t *testing.T) {
	c := newCase(t, `{flowrun: 1, name: marked, steps: [{gather: [{id: a, value: 1}, {id: b, fail: broken}], return_exceptions: true}, {id: c, if: false, value: 2}]}`)
	var got temporal.SearchAttributes
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	register(env, &program{kinds: steps.Builtin(), drain: drain}, testHand(t))
	env.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) { got = args.Get(0).(temporal.SearchAttributes) }).Return(nil)
	env.ExecuteWorkflow(workflowType, order{Spec: c.spec, Indexed: true})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	want := temporal.NewSearchAttributes(link.Marks{Workflow: "marked", Status: "succeeded", Steps: 3, Failed: 1}.Updates()...)
	if d := cmp.Diff(want.GetUntypedValues(), got.GetUntypedValues()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
