package steps_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// A program's own kind stands beside the built-in ones: here `remove: file`, which deletes a file and says
// whether it was there. It touches the world, so it has a Run; one that only computes has an Instant.
func Example_ownKind() {
	remove := &kind.Kind{
		Name:        "remove",
		Title:       "Remove a file",
		Description: "Removes a file. Its value says whether there was one.",
		Keys: []kind.Key{{
			Name:        "remove",
			Description: "The file, relative to the workflow's file.",
			Schema:      `{"type": "string", "minLength": 1}`,
			Mode:        kind.Text,
			Examples:    []string{`remove: out/report.html`},
		}},
		Run: func(_ context.Context, call kind.Call) event.Outcome {
			path := filepath.Join(call.Dir, fmt.Sprint(call.Args["remove"]))
			switch err := os.Remove(path); {
			case os.IsNotExist(err):
				return event.Success(false)
			case err != nil:
				return event.Failure(event.Errorf("FileError", "%v", err))
			default:
				return event.Success(true)
			}
		},
	}
	for _, k := range slices.Concat(steps.Builtin(), []*kind.Kind{remove}) {
		fmt.Println(k.Name)
	}
	o := remove.Run(context.Background(), kind.Call{Args: kind.Args{"remove": "no-such-file"}})
	fmt.Println(o.Status, o.Value)

	// Output:
	// run
	// http
	// sleep
	// value
	// echo
	// fail
	// ready
	// remove
	// succeeded false
}
