package executor_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestScriptRefusals: an expression that cannot stand in a script is refused with its place, whatever the style of the text.
func TestScriptRefusals(t *testing.T) {
	const env = ` (put the value into env, as env: {NAME: "${{ inputs.a }}"}, and write "$NAME" in the script)`
	for _, c := range []struct{ name, file, want string }{
		{"literal", `
steps:
  - run: |
      set -x

      echo "ä ${{ inputs.a }}" '${{ inputs.a }}'
        eval "${{ inputs.a }}"`, `
7:37: error[script-expression]: an expression cannot stand in single quotes: nothing in them is replaced (write double quotes, or end the single quotes before the expression)
8:19: error[script-expression]: an expression cannot stand in what eval reads as code` + env},
		{"plain", `
steps:
  - run: trap ${{ inputs.a }} EXIT`, `
4:19: error[script-expression]: an expression cannot stand in what trap reads as code` + env},
		{"double quoted", `
steps:
  - run: "trap ${{ inputs.a }} EXIT"`, `
4:20: error[script-expression]: an expression cannot stand in what trap reads as code` + env},
		{"folded", `
steps:
  - run: >
      echo a
      b ${{ inputs.a }}
      $((${{ inputs.a }}))`, `
7:14: error[script-expression]: an expression cannot stand in arithmetic: a shell runs commands that are in such a value (calculate in the expression itself, as ${{ a + b }})`},
		{"nothing else", `
steps:
  - run: ${{ inputs.a }}`, `
4:14: error[script-expression]: an expression cannot be the name of a command: eval would make code of what follows (write run as a list, as run: ["${{ ... }}", "an argument"], or a path, as ./bin/${{ ... }})`},
		{"shell of its own", `
steps:
  - {run: "print(${{ inputs.a }})", shell: python}
  - {run: "a ${{ inputs.a }}", shell: [node, "{0}"]}`, `
4:22: error[script-expression]: an expression cannot stand in a script for python: only those for sh and bash can be read (put the value into env, as env: {NAME: ...}, and read the variable NAME in the script)
5:18: error[script-expression]: an expression cannot stand in a script of one's own ` + "`shell`" + `: only those for sh and bash can be read (put the value into env, as env: {NAME: ...}, and read the variable NAME in the script)`},
		{"shell of the defaults", `
defaults: {shell: python}
steps:
  - {run: "f ${{ inputs.a }}"}
  - {run: "f ${{ inputs.a }}", shell: sh}
  - {id: back, background: true, run: "f ${{ inputs.a }}"}
  - steps: [{run: "[[ ${{ inputs.a }} ]]"}]
    defaults: {shell: bash}`, `
5:18: error[script-expression]: an expression cannot stand in a script for python: only those for sh and bash can be read (put the value into env, as env: {NAME: ...}, and read the variable NAME in the script)`},
		{"of a probe", `
steps:
  - {id: a, background: true, run: x, ready: {run: "ask ${{ inputs.a }}"}}
  - {id: b, background: true, run: x, ready: {run: "ask '${{ inputs.a }}'"}}
  - {id: c, background: true, run: x, shell: python, ready: {run: "ask(${{ inputs.a }})"}}`, `
5:62: error[script-expression]: an expression cannot stand in single quotes: nothing in them is replaced (write double quotes, or end the single quotes before the expression)
6:76: error[script-expression]: an expression cannot stand in a script for python: only those for sh and bash can be read (put the value into env, as env: {NAME: ...}, and read the variable NAME in the script)`},
		{"not a script", `
steps:
  - run: |
      echo ${{ inputs.a }}
      if true; then
        echo "${{ inputs.a }}"
      done`, `
8:7: error[script-syntax]: the script cannot be read as one for sh: ` + "`done` can only be used to end a loop" + ` (flowrun must understand a script to put values into it: correct it, or put the values into env and write "$NAME" in the script)`},
		{"not a script, before the first", `
steps:
  - run: "if; echo ${{ inputs.a }}"`, `
4:11: error[script-syntax]: the script cannot be read as one for sh: ` + "`if` must be followed by a statement list" + ` (flowrun must understand a script to put values into it: correct it, or put the values into env and write "$NAME" in the script)`},
		{"nothing to read", `
steps:
  - run: "if; echo $${{ inputs.a }}"`, ``},
		{"a comment is not read", `
steps:
  - run: |
      # echo ${{ steps.gone.value }}
      echo ${{ inputs.a }}`, ``},
		{"other errors", `
secrets: [KEY]
steps:
  - run: echo ${{ secrets.KEY }} ${{ inputs.b }}`, `
5:19: error[secret]: "KEY" is a secret and may not stand here: others could see it (give it to the step by env: {NAME: ${{ secrets.KEY }}}, or by stdin)
5:45: error[unknown-input]: there is no input "b" (there is only a)`},
		{"no consequences", `
defaults: {shell: 3}
steps:
  - run: f '${{ inputs.a }}'`, `
3:19: error[wrong-type]: shell must be text or a list, and this is a whole number, 3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := "flowrun: 1\ninputs: {a: {type: string}}" + c.file + "\n"
			f, err := spec.Parse("-", []byte(src), spec.Options{Kinds: steps.Builtin()})
			var all diag.List
			errors.As(err, &all)
			if f != nil {
				all = append(all, plan.Check(f, plan.Options{})...)
			}
			var b strings.Builder
			for _, d := range all.Sorted() {
				if d.Warning {
					continue
				}
				b.WriteString("\n" + strings.TrimPrefix(d.String(), "-:"))
			}
			if b.String() != c.want {
				t.Errorf("got %s\nwant %s", b.String(), c.want)
			}
		})
	}
}
