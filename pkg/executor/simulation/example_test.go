package simulation_test

import (
	"fmt"
	"os"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/simulation"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// A program asks how long a run would take, why, and what a limit costs.
func Example() {
	const src = `
flowrun: 1
limit: 2
gather:
  - {id: unit, run: make unit}
  - {id: lint, run: make lint}
  - {id: docs, run: make docs}
`
	file, err := spec.Parse("checks.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: os.TempDir()})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := plan.Compile(file, plan.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := simulation.Run(p, simulation.Options{Durations: []simulation.Entry{
		{Path: "unit", Value: "40s"},
		{Path: "docs", Value: "50s"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Total)
	for _, x := range r.Critical {
		fmt.Println(x.Step.Path, x.To-x.From)
	}
	fmt.Println("without the limit:", r.Limits[0].Without)
	// Output:
	// 51s
	// lint 1s
	// docs 50s
	// without the limit: 50s
}
