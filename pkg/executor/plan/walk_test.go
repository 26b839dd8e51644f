package plan_test

import (
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
)

// TestEachValue: a plan has the values of its steps, each once, also those of variables that many steps have.
func TestEachValue(t *testing.T) {
	const src = `flowrun: 1
env: {A: "1", B: "${{ env.HOME }}"}
steps:
  - {id: a, run: one, env: {C: "2"}}
  - id: b
    env: {D: "3"}
    gather: [{run: two, timeout: 1s}, {run: three, if: 'steps.a.value != ""'}]
`
	f, err := spec.Parse("w.yaml", []byte(src), spec.Options{Kinds: kinds(), Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[*plan.Value]bool{}
	for _, s := range p.Steps {
		s.EachValue(func(_ string, v *plan.Value) { want[v] = true })
	}
	got := map[*plan.Value]int{}
	p.EachValue(func(v *plan.Value) {
		if got[v]++; got[v] > 1 || !want[v] {
			t.Errorf("%v: %d times; of a step: %v", v.Src, got[v], want[v])
		}
	})
	if len(got) != len(want) {
		t.Errorf("%d values, the steps have %d", len(got), len(want))
	}
}
