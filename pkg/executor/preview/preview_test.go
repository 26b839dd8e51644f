package preview_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/golden"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/preview"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

// compile reads and compiles a file that calls no other. A first line "# jobs 2" is an option.
func compile(t *testing.T, name string, src []byte) *plan.Plan {
	t.Helper()
	f, err := spec.Parse(name, src, spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var opt plan.Options
	if strings.HasPrefix(string(src), "# jobs 2\n") {
		opt.Jobs = 2
	}
	p, err := plan.Compile(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestText: a case in testdata is a file NAME.yaml, its inputs in JSON if it has any (NAME.inputs), and what is known of it
// (NAME.want). The environment is A=1.
func TestText(t *testing.T) {
	golden.Cases(t, "testdata/preview.txtar", *update, func(t *testing.T, name string, files map[string][]byte) string {
		p := compile(t, name+".yaml", files[name+".yaml"])
		given := map[string]any{}
		if src, ok := files[name+".inputs"]; ok {
			v, err := event.Decode(src)
			if err != nil {
				t.Fatal(err)
			}
			given = v.(map[string]any)
		}
		inputs, err := executor.CheckInputs(p, executor.Options{Inputs: given})
		if err != nil {
			t.Fatal(err)
		}
		return preview.Of(p, preview.Options{Inputs: inputs, Env: []string{"A=1"}}).Text()
	})
}

// round is the workflow that calls itself of which step speaks.
func round(step string) string {
	again := `{call: down, with: {n: "${{ inputs.n - 1 }}"}}`
	switch {
	case strings.Contains(step, "down"):
		return `  down: {inputs: {n: {}}, steps: [{if: inputs.n > 0, steps: [{sleep: 1s}, ` + again + `]}]}`
	case strings.Contains(step, "twice"):
		again = strings.ReplaceAll(again, "down", "twice")
		return `  twice: {inputs: {n: {}}, steps: [{if: inputs.n > 0, gather: [` + again + `, ` + again + `]}]}`
	}
	return ""
}

// TestWorst: how long a step can take at most, by the parts of the language.
func TestWorst(t *testing.T) {
	for _, c := range []struct{ name, step, want string }{
		{"a run", `{run: x}`, "unbounded: steps[0]: it has no timeout"},
		{"a timeout", `{run: x, timeout: 5s}`, "at most 5s"},
		{"what is over at once", `{echo: x}`, "ends at once"},
		{"a sleep", `{sleep: 3s}`, "at most 3s"},
		{"a sleep of an input", `{sleep: "${{ inputs.n }}"}`, "at most 4s"},
		{"a sleep of what nobody knows", `{steps: [{id: a, run: x, timeout: 1s}, {sleep: "${{ steps.a.value }}"}]}`, "unbounded: steps[0].steps[1]: how long it waits is known in a run only"},
		{"a sleep under a timeout", `{sleep: 1h, timeout: 5s}`, "at most 5s"},
		{"a timeout that nobody knows", `{steps: [{id: a, run: x, timeout: 1s}, {run: y, timeout: "${{ steps.a.value }}"}]}`, "unbounded: steps[0].steps[1]: its timeout is known in a run only"},
		{"attempts", `{run: x, timeout: 5s, retry: {attempts: 3}}`, "at most 15s"},
		{"attempts and pauses", `{run: x, timeout: 5s, retry: {attempts: 4, delay: 1s, factor: 2}}`, "at most 27s"},
		{"pauses with a longest", `{run: x, timeout: 5s, retry: {attempts: 4, delay: 1s, factor: 2, max_delay: 2s}}`, "at most 25s"},
		{"pauses with jitter", `{run: x, timeout: 5s, retry: {attempts: 3, delay: 1s, jitter: 0.5}}`, "at most 18s"},
		{"a great many attempts", `{run: x, timeout: 5s, retry: {attempts: 1000000000, delay: 1s}}`, "at most 1666666h39m59s"},
		{"a great many attempts, each later than the last", `{run: x, timeout: 1s, retry: {attempts: 2000000000, delay: 1ms, factor: 1.0000001, max_delay: 2s}}`, "at most 1666666h6m40s"},
		{"a great many attempts at once", `{run: x, timeout: 1s, retry: {attempts: 2000, delay: 0s, factor: 2}}`, "at most 33m20s"},
		{"under a total_timeout", `{run: x, timeout: 5s, total_timeout: 8s, retry: {attempts: 3}}`, "at most 8s"},
		{"no timeout, but a total one", `{run: x, total_timeout: 8s, retry: {attempts: 3}}`, "at most 8s"},
		{"a list", `{steps: [{sleep: 1s}, {sleep: 2s}]}`, "at most 3s"},
		{"together", `{gather: [{sleep: 1s}, {sleep: 2s}]}`, "at most 2s"},
		{"two at a time", `{gather: [{sleep: 2s}, {sleep: 1s}, {sleep: 1s}, {sleep: 2s}], limit: 2}`, "at most 4s"},
		{"a chain", `{gather: [{id: a, sleep: 1s}, {needs: [a], sleep: 2s}, {sleep: 2s}]}`, "at most 3s"},
		{"a chain, one at a time", `{gather: [{id: a, sleep: 1s}, {needs: [a], sleep: 2s}, {sleep: 2s}], limit: 1}`, "at most 5s"},
		{"children of an input", `{gather: {for: i, in: range(inputs.n), do: {sleep: "${{ i }}"}}}`, "at most 3s"},
		{"some at a time", `{gather: {for: i, in: range(inputs.n), do: {sleep: 1s}}, limit: 2}`, "at most 2s"},
		{"some skipped", `{steps: {for: i, in: range(inputs.n), do: {if: i > 2, sleep: 1s}}}`, "at most 1s"},
		{"a million", `{steps: {for: i, in: range(1000000), do: {sleep: 1s}}}`, "at most 277h46m40s"},
		{"unknown children at once", `{steps: [{id: a, value: "${{ attempt }}"}, {gather: {for: i, in: "[steps.a.value]", do: {sleep: 1s}}}]}`, "at most 1s"},
		{"unknown children, some at a time", `{steps: [{id: a, value: "${{ attempt }}"}, {gather: {for: i, in: "[steps.a.value]", do: {sleep: 1s}}, limit: 2}]}`, "unbounded: steps[0].steps[1]: how many children it has is known in a run only"},
		{"the first", `{wait: [{sleep: 1s}, {run: x}], return_when: first_completed}`, "at most 1s"},
		{"the second", `{wait: [{sleep: 1s}, {run: x}, {sleep: 2s}], return_when: {completed: 2}}`, "at most 2s"},
		{"the first success is not certain", `{wait: [{sleep: 1s}, {sleep: 2s}], return_when: first_success}`, "at most 2s"},
		{"return_after", `{wait: [{run: x}], return_after: 3s}`, "at most 3s"},
		{"what is stopped cleans up", `{wait: [{run: x, finally: [{sleep: 2s}]}], return_after: 3s}`, "at most 5s"},
		{"a shield outlives a limit", `{steps: [{sleep: 10s, shield: true}], timeout: 3s}`, "at most 10s"},
		{"one clause of a plain error", `{run: x, timeout: 1s, except: [{match: A, sleep: 2s}, {match: B, sleep: 3s}]}`, "at most 4s"},
		{"clauses of a group", `{gather: [{run: x, timeout: 1s}], except: [{match: A, sleep: 2s}, {match: B, sleep: 3s}]}`, "at most 6s"},
		{"clauses of an awaited group", `{steps: [{id: b, background: true, gather: [{sleep: 1s}]}, {await: b, except: [{match: A, sleep: 2s}, {match: B, sleep: 3s}]}]}`, "at most 6s"},
		{"clauses of a group that is raised again", `{gather: [{sleep: 1s}], except: [{fail: "${{ error }}", except: [{match: A, sleep: 2s}, {match: B, sleep: 3s}]}]}`, "at most 6s"},
		{"else", `{run: x, timeout: 1s, except: [{sleep: 2s}], else: [{sleep: 5s}]}`, "at most 6s"},
		{"a finally has a limit", `{sleep: 1s, finally: [{run: x}], cleanup_timeout: 5s}`, "at most 11s"},
		{"skipped", `{if: inputs.n > 9, run: x}`, "ends at once"},
		{"skipped whatever the step gives", `{steps: [{id: a, sleep: 1s}, {if: inputs.n > 9 && steps.a.value == 1, run: x}]}`, "at most 1s"},
		{"a background task", `{steps: [{id: b, background: true, run: x}, {sleep: 2s}]}`, "at most 2s"},
		{"one that is awaited", `{steps: [{id: b, background: true, sleep: 5s}, {gather: [{await: b}]}]}`, "at most 5s"},
		{"a service", `{steps: [{id: b, background: true, run: x, ready: {tcp: "h:1", timeout: 4s}}, {sleep: 2s}]}`, "at most 6s"},
		{"a call", `{call: w, with: {d: 7s}}`, "at most 7s"},
		{"a call that counts down", `{call: down, with: {n: 3}}`, "at most 3s"},
		{"a call that doubles", `{call: twice, with: {n: 60}}`, "unbounded: there are too many steps to count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, "flow.yaml", []byte(`
flowrun: 1
inputs: {n: {type: integer, default: 4}}
workflows:
  w: {inputs: {d: {}}, steps: [{sleep: "${{ inputs.d }}"}]}
`+round(c.step)+`
steps:
  - `+c.step+"\n"))
			got := preview.Of(p, preview.Options{Inputs: map[string]any{"n": 4}}).Worst.String()
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
