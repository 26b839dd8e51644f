package executor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func TestInputs(t *testing.T) {
	p := compile(t, `
flowrun: 1
inputs:
  shards: {type: integer, minimum: 1, default: 4}
  tag: {type: string, pattern: '^v\d'}
steps: [{value: "${{ inputs }}"}]
`)
	for _, c := range []struct {
		name  string
		given map[string]any
		want  string // the workflow's value, or the problems
	}{
		{"a default is filled in", map[string]any{"tag": "v1"}, `{"shards":4,"tag":"v1"}`},
		{"what Go gives becomes a value", map[string]any{"tag": "v1", "shards": int64(7)}, `{"shards":7,"tag":"v1"}`},
		{"missing", nil, `flow.yaml:5:3: error[missing-input]: input "tag" is required and was not given (give it: --input tag=...)`},
		{
			"all at once",
			map[string]any{"shards": 0, "tga": "v1", "zzz": 1, "tag": 5},
			`flow.yaml: error[unknown-input]: there is no input "tga" (did you mean tag?)
flow.yaml: error[unknown-input]: there is no input "zzz" (there are shards and tag)
flow.yaml:4:3: error[bad-input]: input "shards": it must be at least 1
flow.yaml:5:3: error[bad-input]: input "tag": it must be text, and this is a whole number`,
		},
		{"no value at all", map[string]any{"tag": func() {}}, `flow.yaml:5:3: error[bad-input]: input "tag": json: unsupported type: func()`},
	} {
		t.Run(c.name, func(t *testing.T) {
			started := false
			r, err := Run(context.Background(), p, Options{
				Inputs: c.given, Observe: []func(event.Event){func(event.Event) { started = true }},
			})
			if err != nil {
				var list diag.List
				if !errors.As(err, &list) || r != nil || started {
					t.Errorf("a %T, result %v, started %v", err, r, started)
				}
				if err.Error() != c.want {
					t.Errorf("got:\n%s\nwant:\n%s", err, c.want)
				}
				return
			}
			if got, _ := event.Marshal(r.Root.Value); string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := compile(t, `
flowrun: 1
secrets: [TOKEN, {name: FILED, file: `+file+`}]
steps:
  - id: with
    run: ["sh", "-c", 'echo "with $TOKEN"']
    env: {TOKEN: "${{ secrets.TOKEN }}"}
  - id: without
    run: ["sh", "-c", 'echo "without $TOKEN"']
  - id: filed
    run: ["sh", "-c", 'echo "filed $X"; exit 1']
    env: {X: "${{ secrets.FILED }}"}
`)
	for _, c := range []struct{ name, env, want string }{
		{"not set", "PATH=" + os.Getenv("PATH"), `flow.yaml:3:11: error[missing-secret]: secret "TOKEN" is not set: it is an environment variable that flowrun must be given (set it to nothing if there is none)`},
		{"short", "TOKEN=abc", `flow.yaml:3:11: error[short-secret]: secret "TOKEN" is shorter than 4 characters and cannot be masked`},
	} {
		if _, err := Run(context.Background(), p, Options{Env: []string{c.env}}); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	var told strings.Builder
	r, err := Run(context.Background(), p, Options{
		Env:     []string{"PATH=" + os.Getenv("PATH"), "TOKEN=hunter22"},
		Observe: []func(event.Event){func(e event.Event) { told.WriteString(e.Text) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told.String(), "with ***\nwithout \nfiled ***\n"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	doc, _ := json.Marshal(r)
	if s := string(doc); strings.Contains(s, "hunter22") || strings.Contains(s, "from-a-file") {
		t.Errorf("a secret is in the document: %s", s)
	}
}

// What is said of an input stands where it was given.
func TestPlacesOfInputs(t *testing.T) {
	p := compile(t, "flowrun: 1\ninputs: {n: {type: integer}, s: {secret: true, default: none}}\nsteps: [{value: 1}]\n")
	_, err := CheckInputs(p, Options{
		Inputs: map[string]any{"n": "x", "s": "abc", "other": 1},
		Places: map[string]diag.Pos{"n": {File: "in.yaml", Line: 2, Col: 4}, "s": {File: "--input s"}, "other": {File: "in.yaml", Line: 3, Col: 4}},
	})
	want := `--input s: error[short-secret]: input "s" is secret, shorter than 4 characters, and cannot be masked [flow.yaml:2:30: it is declared here]
in.yaml:2:4: error[bad-input]: input "n": it must be a whole number, and this is text [flow.yaml:2:10: it is declared here]
in.yaml:3:4: error[unknown-input]: there is no input "other" (there are n and s)`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// A secret input is masked as a secret is; an empty one is none.
func TestSecretInputs(t *testing.T) {
	p := compile(t, `
flowrun: 1
inputs:
  key: {secret: true}
steps:
  - run: ["sh", "-c", 'echo "it is $KEY"']
    env: {KEY: "${{ inputs.key }}"}
`)
	for _, c := range []struct {
		key  any
		want string // what is said, or the error
	}{
		{"hunter22", "it is ***\n"},
		{"", "it is \n"},
		{[]any{"user", 12345, true}, "it is [\"***\",***,true]\n"},
		{"abc", `flow.yaml:4:3: error[short-secret]: input "key" is secret, shorter than 4 characters, and cannot be masked`},
		{12, `flow.yaml:4:3: error[short-secret]: input "key" is secret, shorter than 4 characters, and cannot be masked`},
	} {
		var told strings.Builder
		_, err := Run(context.Background(), p, Options{
			Inputs: map[string]any{"key": c.key}, Observe: []func(event.Event){func(e event.Event) { told.WriteString(e.Text) }},
		})
		got := told.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.key, got, c.want)
		}
	}
}

// What a call gives to a secret input is masked: a constant, the default if it gives none, and what is made of secrets.
func TestSecretInputsOfCalls(t *testing.T) {
	p := compile(t, `
flowrun: 1
secrets: [TOKEN]
workflows:
  use:
    inputs: {key: {secret: true, default: unused-default}, open: {default: open-default}}
    steps:
      - run: ["sh", "-c", 'echo "$KEY $OPEN, constant-key unused-default"']
        env: {KEY: "${{ inputs.key }}", OPEN: "${{ inputs.open }}"}
steps:
  - {call: use, with: {key: constant-key, open: open-value}}
  - {call: use, with: {key: "Bearer ${{ secrets.TOKEN }}"}}
`)
	var told strings.Builder
	_, err := Run(context.Background(), p, Options{
		Env:     []string{"PATH=" + os.Getenv("PATH"), "TOKEN=hunter22"},
		Observe: []func(event.Event){func(e event.Event) { told.WriteString(e.Text) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "*** open-value, *** unused-default\nBearer *** open-default, *** unused-default\n"
	if got := told.String(); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	for _, with := range []string{"", ", with: {}"} {
		p := compile(t, "flowrun: 1\nworkflows: {use: {inputs: {key: {secret: true, default: the-default}}, steps: [{run: [echo, the-default]}]}}\nsteps: [{call: use"+with+"}]\n")
		told.Reset()
		if _, err := Run(context.Background(), p, Options{Observe: []func(event.Event){func(e event.Event) { told.WriteString(e.Text) }}}); err != nil {
			t.Fatal(err)
		}
		if got := told.String(); got != "***\n" {
			t.Errorf("said %q of a default", got)
		}
	}
}

func TestTimeoutOfTheRun(t *testing.T) {
	p := compile(t, "flowrun: 1\nsteps: [{sleep: 1h}]\nexcept: [{value: caught}]\n")
	before := p.String()
	r, err := Run(context.Background(), p, Options{Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Exit != ExitTimeout || r.Root.Status != event.Failed {
		t.Errorf("exit %d, %s, want 124, failed", r.Exit, r.Root.Status)
	}
	if p.String() != before {
		t.Error("the plan was changed")
	}
}

func TestCancelHasItsCause(t *testing.T) {
	p := compile(t, "flowrun: 1\nsteps: [{sleep: 1h}]\n")
	ctx, cancel := context.WithCancelCause(context.Background())
	r, err := Run(ctx, p, Options{Observe: []func(event.Event){func(e event.Event) {
		if e.Type == event.StepStart {
			cancel(local.Signal{Name: "SIGTERM"})
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Exit != ExitTerminate || r.Root.Cause.String() != "SIGTERM" || r.Root.Children[0].Status != event.Cancelled {
		t.Errorf("exit %d, cause %s", r.Exit, r.Root.Cause)
	}
}

// TestQueueHere: what a file says of workers does nothing on this machine, whatever is computed.
func TestQueueHere(t *testing.T) {
	p := compile(t, `
flowrun: 1
inputs: {where: {default: "no queue at all"}}
steps:
  - {run: [sh, -c, "echo here"], queue: gpu, on_lost: fail}
  - {run: [sh, -c, "echo here, too"], queue: "${{ inputs.where }}", on_lost: retry}
`)
	r, err := Run(context.Background(), p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Root.Status != event.Succeeded || r.Root.Value != "here, too" {
		t.Errorf("%s: %v", r.Root.Status, r.Root.Value)
	}
}
