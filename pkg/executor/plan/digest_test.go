package plan_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

const digested = `flowrun: 1
name: nightly
description: Something.
inputs:
  n: {type: integer, default: 2}
env: {A: "1", B: "${{ env.PATH }}"}
semaphores: {gpu: 2}
defaults: {timeout: 90s, shell: bash}
workflows:
  publish:
    inputs: {image: {type: string}, key: {type: string, secret: true, default: hunter2}}
    steps:
      - id: push
        run: ["./publish.sh", "${{ inputs.image }}"]
  walk:
    inputs: {depth: {type: integer}}
    steps:
      - {call: hop, if: "inputs.depth > 0", with: {depth: "${{ inputs.depth - 1 }}"}}
  hop:
    inputs: {depth: {type: integer}}
    steps:
      - {call: walk, with: {depth: "${{ inputs.depth }}"}}
steps:
  - id: tests
    gather:
      for: shard
      in: range(inputs.n)
      do: {id: go, run: ["go", "test", "${{ shard }}"]}
    limit: 2
  - id: quick
    name: Quick one
    value: "${{ env.B + 'x' }}"
  - id: post
    call: publish
    with: {image: "app", key: "s3cret"}
    semaphore: gpu
  - id: round
    call: walk
    with: {depth: 3}
  - id: other
    sleep: 60s
    retry: {attempts: 2, delay: 1s}
    finally: [{id: tidy, run: rm x}]
result: ${{ steps.quick.value }}
`

// TestDigests edits a file, and looks which steps are then others, by themselves or (with a +) only by those inside them. A dot
// is a workflow.
func TestDigests(t *testing.T) {
	t.Parallel()
	before := digests(t, digested)
	for _, c := range []struct{ old, new, want string }{
		// What means nothing.
		{"flowrun: 1\n", "flowrun: 1 # the version\n\n", ""},
		{"name: nightly", "name: daily", ""},
		{"Something.", "Something else.", ""},
		{"    name: Quick one\n", "", ""},
		{"env.B + 'x'", "env.B  + 'x' ", ""},
		{"env.B + 'x'", "env.B /* the second */ + 'x'", ""},
		{`{id: go, run: ["go", "test", "${{ shard }}"]}`, "\n        run: [go, 'test', \"${{shard}}\"]\n        id: go", ""},
		{"timeout: 90s", "timeout: 1m30s", ""},
		{"{timeout: 90s, shell: bash}", "{shell: bash, timeout: 90s}", ""},
		{"sleep: 60s", "sleep: 1m # a minute", ".+ other"},
		{"gpu: 2", "gpu: 3", ""},
		{"hunter2", "hunter3", ""},
		{"s3cret", "s4cret", ""},
		{"default: 2", "default: 3", ""},
		{"walk", "stroll", ""},
		// What a step is.
		{`"test"`, `"vet"`, ".+ tests+ tests[*].go"},
		{"in: range(inputs.n)", "in: range(4)", ".+ tests"},
		{"limit: 2", "limit: 3", ".+ tests"},
		{`A: "1"`, `A: "2"`, ".+ tests+ tests[*].go post other+ tidy .+ push"},
		{"env.PATH", "env.HOME", ".+ tests+ tests[*].go quick post other+ tidy .+ push"},
		{"shell: bash", "shell: sh", ".+ tests+ tests[*].go post other+ tidy .+ push"},
		{"./publish.sh", "./push.sh", ".+ post .+ push"},
		{"inputs: {image: {type: string},", "inputs: {image: {type: string, default: x},", ".+ post"},
		{`image: "app"`, `image: "app2"`, ".+ post"},
		{"depth: 3", "depth: 4", ".+ round"},
		{"inputs.depth > 0", "inputs.depth > 1", ".+ round .+ steps[0] .+ steps[0]"},
		{"delay: 1s", "delay: 2s", ".+ other"},
		{"rm x", "rm y", ".+ other+ tidy"},
		{"    semaphore: gpu\n", "", ".+ post"},
		{"result: ${{ steps.quick.value }}\n", "", "."},
		{"quick", "fast", ". quick"},
	} {
		text := strings.ReplaceAll(digested, c.old, c.new)
		if text == digested {
			t.Fatalf("%q is not there", c.old)
		}
		var got []string
		after := digests(t, text)
		for i, x := range before {
			switch y := after[i]; {
			case x.Own != y.Own:
				got = append(got, x.path)
			case x.Whole != y.Whole:
				got = append(got, x.path+"+")
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%q for %q: %s, want %s", c.new, c.old, got, c.want)
		}
	}
}

type digestOf struct {
	path string
	plan.StepDigest
}

func digests(t *testing.T, text string) (list []digestOf) {
	t.Helper()
	p, err := compile(map[string][]byte{"w.yaml": []byte(text)}, "w.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := p.Digests()
	for _, x := range p.Workflows {
		for _, item := range x.Items() {
			list = append(list, digestOf{cmp.Or(item.Path, "."), all[item.Step.Index]})
		}
	}
	return list
}
