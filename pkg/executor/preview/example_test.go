package preview_test

import (
	"fmt"
	"os"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/preview"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// A program asks how long a run can take at most, and which steps it would skip.
func Example() {
	const src = `
flowrun: 1
inputs: {deploy: {type: boolean}}
steps:
  - {id: build, run: make, timeout: 5m, retry: {attempts: 2, delay: 10s}}
  - {id: deploy, if: inputs.deploy, run: ./deploy}
`
	file, err := spec.Parse("build.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: os.TempDir()})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := plan.Compile(file, plan.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v := preview.Of(p, preview.Options{Inputs: map[string]any{"deploy": false}})
	fmt.Println(v.Worst)
	for _, s := range v.Workflows[0].Body.Steps {
		if s.Skipped != "" {
			fmt.Printf("%s is skipped: %s\n", s.Path, s.Skipped)
			continue
		}
		fmt.Printf("%s: %s\n", s.Path, s.Worst)
	}
	// Output:
	// at most 10m10s
	// build: at most 10m10s
	// deploy is skipped: its if is false
}
