package executor_test

import (
	"context"
	"os"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestOutputs: steps.x.outputs is what the attempt that succeeded wrote, and nothing of it is left on the disk.
func TestOutputs(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := compileWith(t, steps.Builtin(), "outputs.yaml", []byte(`
flowrun: 1
steps:
  - id: tried
    retry: {attempts: 3}
    run: |
      echo "attempt=$FLOWRUN_ATTEMPT" >> "$FLOWRUN_OUTPUT"
      printf 'only_%s=1\n' "$FLOWRUN_ATTEMPT" >> "$FLOWRUN_OUTPUT"
      test "$FLOWRUN_ATTEMPT" = 2
  - id: none
    run: ["true"]
  - id: object
    run: |
      echo '{"n": 3, "list": [1]}' > "$FLOWRUN_OUTPUT"
  - id: skipped
    if: false
    run: ["true"]
  - id: failed
    run: |
      echo a=1 > "$FLOWRUN_OUTPUT"
      exit 1
    except: [{value: caught}]
  - id: wrong
    run: echo oops > "$FLOWRUN_OUTPUT"
    except: [{value: "${{ error.type }}"}]
  - id: many
    gather: {for: i, in: "range(3)", do: {steps: [{id: one, run: 'echo i=${{ i }} > "$FLOWRUN_OUTPUT"'}, {value: "${{ steps.one.outputs.i }}"}]}}
  - value: ${{ [steps.tried.outputs, steps.none.outputs, steps.object.outputs.n + 1, steps.skipped.outputs, steps.failed.outputs, steps.wrong.value, steps.many.value] }}
`), nil)
	r, err := executor.Run(context.Background(), p, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.Marshal(r.Root.Value)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"attempt":"2","only_2":"1"},{},4,null,null,"OutputError",["0","1","2"]]`
	if string(got) != want {
		t.Errorf("got %s\nwant %s\n%v", got, want, r.Root.Err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestOutputsAfterTidying: a step that removes all temporary files, as some do on a CI machine, takes nothing from those
// after it.
func TestOutputsAfterTidying(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := compileWith(t, steps.Builtin(), "outputs.yaml", []byte(`
flowrun: 1
steps:
  - run: echo a=1 > "$FLOWRUN_OUTPUT"; rm -rf "$TMPDIR"/*
  - id: after
    run: echo a=2 > "$FLOWRUN_OUTPUT"
  - value: ${{ steps.after.outputs.a }}
`), nil)
	r, err := executor.Run(context.Background(), p, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Root.Value != "2" {
		t.Errorf("got %v\n%v", r.Root.Value, r.Root.Err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
