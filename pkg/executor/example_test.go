package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// A program reads a workflow, compiles it once and runs it.
func Example() {
	const src = `
flowrun: 1
name: greet
inputs: {names: {type: array}}
steps:
  - gather:
      for: name
      in: inputs.names
      do: {run: [echo, "hello ${{ name }}"]}
`
	file, err := spec.Parse("greet.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: os.TempDir()})
	if err != nil {
		fmt.Println(err) // every mistake in the file, one on a line
		return
	}
	p, err := plan.Compile(file, plan.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := executor.Run(context.Background(), p, executor.Options{
		Inputs: map[string]any{"names": []any{"Ada", "Grace"}},
	})
	if err != nil {
		fmt.Println(err) // inputs or secrets are wrong
		return
	}
	fmt.Println(result.Root.Status, result.Root.Value)
	for _, child := range result.Root.Children[0].Children {
		fmt.Println(child.Path, child.Value)
	}
	// Output:
	// succeeded [hello Ada hello Grace]
	// steps[0][0] hello Ada
	// steps[0][1] hello Grace
}

// A program adds a kind of step of its own: here `upper`, which works in a goroutine and could wait for anything.
func Example_ownKind() {
	upper := &kind.Kind{
		Name:        "upper",
		Title:       "Upper case",
		Description: "Gives its text in capital letters.",
		Keys: []kind.Key{
			{Name: "upper", Description: "The text.", Schema: `{"type": "string"}`, Mode: kind.Text},
		},
		Run: func(ctx context.Context, call kind.Call) event.Outcome {
			if err := ctx.Err(); err != nil {
				return event.Failure(event.Errorf("UpperError", "%s", err))
			}
			text, _ := call.Args["upper"].(string)
			call.Output.Say("stdout", "working\n")
			return event.Success(strings.ToUpper(text))
		},
	}
	const src = `
flowrun: 1
steps:
  - id: loud
    upper: "hello ${{ run.name }}"
    timeout: 5s
name: world
`
	file, err := spec.Parse("flow.yaml", []byte(src), spec.Options{Kinds: append(steps.Builtin(), upper)})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := plan.Compile(file, plan.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := executor.Run(context.Background(), p, executor.Options{
		Observe: []func(event.Event){func(e event.Event) {
			if e.Type == event.StepOutput {
				fmt.Printf("%s: %s", e.Path, e.Text)
			}
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Root.Value)
	// Output:
	// loud: working
	// HELLO WORLD
}

// What is right in a file and yet hardly meant does not keep it from running. A program that asks for more looks at it.
func ExampleLoad_warnings() {
	dir, err := os.MkdirTemp("", "flowrun")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "release.yaml")
	const src = `flowrun: 1
inputs: {tag: {type: string}}
timeout: 10m
steps:
  - run: [./release]
    timeout: 30m
`
	if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	p, err := executor.Load(path, executor.LoadOptions{Kinds: steps.Builtin()})
	if err != nil {
		fmt.Println(err) // every error, with the warnings beside them
		return
	}
	for _, d := range p.Warnings {
		fmt.Printf("line %d: %s: %s\n", d.Pos.Line, d.Code, d.Text)
	}
	// Output:
	// line 2: unused-input: the input "tag" is read by nobody
	// line 6: timeout-never-expires: this timeout of 30m can never expire: the timeout of 10m of the workflow comes first
}
