package executor

import (
	"context"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestDefaults runs real processes, the only steps that `defaults` are for: each of its keys reaches a run step below,
// the nearest wins, what the step writes itself wins over all, and tasks in the background get none.
func TestDefaults(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"env", `
defaults: {env: {WHO: defaults}}
steps: [{id: a, run: 'echo "$WHO"'}]`, `a succeeded 1 "defaults"`},
		{"env of the step stands over it, the rest stays", `
env: {ONE: file, TWO: file, THREE: file}
defaults: {env: {TWO: defaults, THREE: defaults}}
steps: [{id: a, run: 'echo "$ONE $TWO $THREE"', env: {THREE: step}}]`, `a succeeded 1 "file defaults step"`},
		{"shell", `
defaults: {shell: [sh, -c, 'echo "mine: $(cat "$1")"', x, "{0}"]}
steps:
  - {id: a, run: hello}
  - {id: b, run: echo hello, shell: sh}
  - {id: c, run: [echo, no script]}`, `a succeeded 1 "mine: hello"
b succeeded 1 "hello"
c succeeded 1 "no script"`},
		{"capture", `
defaults: {capture: lines}
steps:
  - {id: a, run: [echo, one]}
  - {id: b, run: [echo, one], capture: text}
  - {id: c, echo: one}`, `a succeeded 1 ["one"]
b succeeded 1 "one"
c succeeded 1 "one"`},
		{"retry", `
defaults: {retry: {attempts: 3, delay: 1ms}}
steps:
  - {id: a, run: 'test "$FLOWRUN_ATTEMPT" = 3 && echo third'}
  - {id: b, run: exit 1, retry: {attempts: 2}, except: [{value: caught}]}
  - {id: c, fail: once, except: [{value: caught}]}
  - {id: d, steps: [{fail: once}], except: [{value: caught}]}`, `a succeeded 3 "third"
b succeeded 2 "caught"
c succeeded 1 "caught"
d succeeded 1 "caught"`},
		{"timeout", `
defaults: {timeout: 20ms, retry: {attempts: 2, match: TimeoutError}}
steps:
  - {id: a, run: [sleep, "60"], except: [{match: TimeoutError, value: "${{ error.of }}"}]}
  - {id: b, run: [sleep, "0.05"], timeout: 1m}
  - {id: c, sleep: 50ms}
  - {id: d, steps: [{sleep: 50ms}]}`, `a succeeded 2 "a"
b succeeded 1 ""
c succeeded 1 null
d succeeded 1 null`},
		{"stop", `
defaults: {stop: {signal: INT}}
steps:
  - wait:
      - id: a
        run: |
          trap 'echo INT; exit 0' INT
          trap 'echo TERM; exit 0' TERM
          : > ready
          while :; do sleep 0.01; done
      - run: until test -e ready; do sleep 0.01; done
    return_when: first_completed
  - {id: b, value: "${{ steps.a.stdout }}"}`, `a cancelled 1 null
b succeeded 1 "INT\n"`},
		{"the nearest wins, key by key", `
defaults: {env: {WHO: far}, capture: lines}
steps:
  - id: g
    defaults: {env: {WHO: near}}
    gather:
      - {id: a, run: 'echo "$WHO"'}
      - {id: b, steps: [{id: c, run: 'echo "$WHO"'}], defaults: {capture: text}}
  - {id: d, run: 'echo "$WHO"'}`, `g succeeded 1 [["near"],"near"]
a succeeded 1 ["near"]
b succeeded 1 "near"
c succeeded 1 "near"
d succeeded 1 ["far"]`},
		{"not for a task in the background", `
defaults: {env: {WHO: defaults}, timeout: 20ms, retry: {attempts: 2}}
steps:
  - {id: a, background: true, run: 'sleep 0.05; echo "task of ${WHO-nobody}"'}
  - {await: a}`, `a succeeded 1 "task of nobody"`},
		{"of the file for its own workflows, of a block not into a call", `
defaults: {env: {WHO: file}}
workflows:
  w: {steps: [{id: c, run: 'sleep 0.05; echo "$WHO"'}]}
steps:
  - id: b
    defaults: {env: {WHO: block}, timeout: 20ms}
    steps: [{id: d, call: w}]`, `d succeeded 1 "file"`},
		{"into generators, handlers and finally", `
defaults: {env: {WHO: defaults}}
steps:
  - id: a
    gather: {for: i, in: [1, 2], do: {run: 'echo "$WHO"'}}
  - {id: b, fail: x, except: [{run: 'echo "$WHO"'}], finally: [{id: f, run: 'echo "$WHO"'}]}`, `a succeeded 1 ["defaults","defaults"]
a[0] succeeded 1 "defaults"
a[1] succeeded 1 "defaults"
b succeeded 1 "defaults"
b.except[0] succeeded 1 "defaults"
f succeeded 1 "defaults"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Run(context.Background(), compile(t, "flowrun: 1"+c.src+"\n"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			wanted := map[string]bool{}
			for line := range strings.Lines(c.want) {
				path, _, _ := strings.Cut(line, " ")
				wanted[path] = true
			}
			if got := strings.TrimSuffix(outcomes(t, r.Root, wanted), "\n"); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// outcomes has a line for each of the wanted steps below s: path, status, attempts, value.
func outcomes(t *testing.T, s *Step, wanted map[string]bool) string {
	t.Helper()
	var b strings.Builder
	for _, child := range s.Children {
		if wanted[child.Path] {
			value, err := event.Marshal(child.Value)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(child.Path + " " + child.Status.String() + " " + string('0'+rune(child.Attempts)) + " " + string(value) + "\n")
		}
		b.WriteString(outcomes(t, child, wanted))
	}
	return b.String()
}
