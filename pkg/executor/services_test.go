//go:build unix

package executor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestServices runs services that are real processes.
func TestServices(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"ready by its output, and cancelled at the end", `
steps:
  - {id: db, background: true, run: 'echo up on 80; sleep 1000', ready: {log: 'up on \d+'}}
  - {id: test, run: 'echo tested'}`, `db cancelled, test succeeded: "tested"`},
		{"ready by its errors", `
steps:
  - {id: db, background: true, run: 'echo up >&2; sleep 1000', ready: {log: ^up$}}
  - {id: test, run: 'echo tested'}`, `db cancelled, test succeeded: "tested"`},
		{"the probe has the environment, the folder and the shell of its service", `
env: {WHO: file}
steps:
  - run: mkdir sub && touch sub/here
  - id: db
    background: true
    env: {WHO: service}
    dir: sub
    shell: [sh, -ec, '. "$1"', x, "{0}"]
    run: sleep 1000
    ready: {run: 'test "$WHO" = service && test -e here && test "$0" = x', every: 10ms}
  - {id: test, run: 'echo tested'}`, `db cancelled, test succeeded: "tested"`},
		{"a value in the script of a probe is data", `
steps:
  - {id: x, value: '"; touch pwned; echo "$(touch pwned)'}
  - {id: db, background: true, run: sleep 1000, ready: {run: 'test "${{ steps.x.value }}" = "$WANT"', every: 10ms}, env: {WANT: "${{ steps.x.value }}"}}
  - {id: test, run: 'test ! -e pwned && echo tested'}`, `x succeeded, db cancelled, test succeeded: "tested"`},
		{
			"lost while others run", `
steps:
  - {id: db, background: true, run: 'echo up; read x <fifo; exit 3', ready: {log: up}}
  - {id: test, run: 'echo go >fifo; sleep 1000'}`,
			`db failed, test cancelled by service "db" ended: ServiceError of db at 4: service "db" ended: exit status 3`,
		},
		{
			"lost before it was ready", `
steps:
  - {id: db, background: true, run: 'echo down', ready: {log: up}}
  - {id: test, run: sleep 1000}`,
			`db succeeded, test skipped: ServiceError of db at 4: service "db" ended before it was ready: it succeeded`,
		},
		{
			"not ready in time", `
steps:
  - {id: db, background: true, run: sleep 1000, ready: {run: 'echo wait; exit 2', timeout: LIMIT}}
  - {id: test, run: sleep 1000}`,
			`db cancelled, test skipped: TimeoutError of db at 4: not ready within LIMIT; last answer: exit status 2: wait`,
		},
		{
			"a probe that cannot be started", `
steps:
  - {id: db, background: true, run: sleep 1000, ready: {run: [./is-ready]}}
  - {id: test, run: sleep 1000}`,
			`db cancelled, test skipped: StartError of db at 4: ./is-ready was not found in DIR`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := strings.Replace(c.src, "\nsteps:", "\nsteps:\n  - run: 'mkfifo fifo'", 1)
			var p *plan.Plan
			var r *Result
			var limit time.Duration
			// On a busy machine the first answer of a probe takes its time.
			for limit = 100 * time.Millisecond; limit < time.Minute; limit *= 8 {
				p = compile(t, "flowrun: 1"+strings.Replace(src, "LIMIT", limit.String(), 1))
				var err error
				if r, err = Run(context.Background(), p, Options{}); err != nil {
					t.Fatal(err)
				}
				if r.Root.Err == nil || !strings.HasSuffix(r.Root.Err.Message, "last answer: none") {
					break
				}
			}
			var b strings.Builder
			for _, s := range r.Root.Children {
				if s.Def.ID == "" {
					continue
				}
				if b.Len() > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, "%s %s", s.Def.ID, s.Status)
				if s.Cause != nil && s.Cause.Why != event.WhyListEnd {
					fmt.Fprintf(&b, " by %s", s.Cause)
				}
			}
			if e := r.Root.Err; e != nil {
				fmt.Fprintf(&b, ": %s of %s at %d: %s", e.Type, e.Step, e.Line, strings.NewReplacer(p.Main.Dir, "DIR", "within "+limit.String(), "within LIMIT").Replace(e.Message))
			} else {
				fmt.Fprintf(&b, ": %q", r.Root.Value)
			}
			if b.String() != c.want {
				t.Errorf("got  %s\nwant %s", &b, c.want)
			}
		})
	}
}

// TestRetryAfter: what a server asks for is the pause of the step's retry.
func TestRetryAfter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	p := compile(t, `
flowrun: 1
inputs: {url: {type: string}}
steps: [{http: "${{ inputs.url }}", retry: {attempts: 2, delay: 1s, max_delay: 3s}}]`)
	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	pause := time.Duration(0)
	r, err := Run(ctx, p, Options{Inputs: map[string]any{"url": server.URL}, Observe: []func(event.Event){func(e event.Event) {
		if e.Type == event.StepRetry {
			pause = e.In
			enough()
		}
	}}})
	if err != nil || pause != 2*time.Minute || r.Root.Status != event.Cancelled {
		t.Errorf("it paused for %s, then %s: %v", pause, r.Root.Status, err)
	}
}

// TestProbeOfAnotherShell: what stands in the script of a probe is judged by the shell of its service.
func TestProbeOfAnotherShell(t *testing.T) {
	for shell, want := range map[string]string{"sh": "", "bash": "", "python": "script-expression"} {
		f, err := spec.Parse("flow.yaml", []byte(`
flowrun: 1
steps:
  - {id: db, background: true, run: serve, shell: `+shell+`, ready: {run: 'ask "${{ run.id }}"'}}`), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.Compile(f, plan.Options{})
		if got := fmt.Sprint(err); (err != nil) != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: %v", shell, err)
		}
	}
}
