//go:build e2e && linux

package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prompt is how long the processes of a run may live when it was cancelled, also on a machine that does other things. On one that does
// not they are gone after one second; the log of the tests has it.
const prompt = 10 * time.Second

// busy has steps at work until it is cancelled; some of their processes leave the group. Each writes a file when all of it has begun.
const busy = `
flowrun: 1
steps:
  - gather:
      - run: ': >begun.a; exec sleep 1000'
      - run: 'sleep 1000 & : >begun.b; wait'
      - run: 'setsid sleep 1000 & : >begun.c; wait'
      - run: 'nohup setsid sh -c "sleep 1000 & sleep 1000" >/dev/null 2>&1 & : >begun.d; wait'
      - sleep: 1000s
    finally:
      - run: 'echo tidied >>tidied'
`

// begun waits until all steps of busy are at work.
func (s *site) begun(r *running) {
	s.t.Helper()
	s.waits(r, "step at work", func() bool {
		return !slices.ContainsFunc([]string{"a", "b", "c", "d"}, func(x string) bool { return !s.exists("begun." + x) }) && len(s.survivors()) >= 7
	})
}

// TestCancel: however a run is told to stop, the processes of its steps are gone soon, and its cleanup is done.
func TestCancel(t *testing.T) {
	s := open(t)
	s.write("busy.yaml", busy)
	s.worker(nil)
	s.worker(nil)
	for _, row := range []struct {
		name string
		// act tells the run to stop; run is the command that follows it.
		act  func(*site, *running)
		code int
	}{
		{"Ctrl-C", func(_ *site, r *running) { _ = syscall.Kill(-r.pid, syscall.SIGINT) }, 130},
		{"TERM", func(_ *site, r *running) { _ = syscall.Kill(r.pid, syscall.SIGTERM) }, 143},
		{"cancel", func(s *site, _ *running) {
			if c := s.types("cancel", s.last()); c.code != 0 {
				s.t.Error(c)
			}
		}, 143},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := s.in(t)
			s.remove("begun.a", "begun.b", "begun.c", "begun.d", "tidied")
			r := s.begins("busy.yaml")
			s.begun(r)
			told := time.Now()
			row.act(s, r)
			s.until(patience, "end of the processes", func() bool { return len(s.survivors()) == 0 })
			if took := time.Since(told); took > prompt {
				t.Errorf("processes were gone after %s", took)
			} else {
				t.Logf("processes were gone after %s", took)
			}
			c := r.ends()
			d := s.decode(c)
			if c.code != row.code || d.Status != "cancelled" {
				t.Errorf("%s\n%s", d.Status, c)
			}
			if got := s.read("tidied"); got != "tidied\n" {
				t.Errorf("the cleanup wrote %q", got)
			}
		})
	}
}

// TestCancelTwice: the second signal ends cleanups, and what does not listen, at once.
func TestCancelTwice(t *testing.T) {
	s := open(t)
	s.write("stubborn.yaml", `
flowrun: 1
steps:
  - run: 'trap "" TERM INT; : >begun; while :; do sleep 1; done'
    stop: {grace: 10m}
finally:
  - run: 'exec sleep 1000'
`)
	s.worker(nil)
	r := s.begins("stubborn.yaml")
	s.waits(r, "step at work", func() bool { return s.exists("begun") })
	_ = syscall.Kill(-r.pid, syscall.SIGINT)
	time.Sleep(500 * time.Millisecond) // a person's finger
	if r.ended() {
		t.Fatal(r.ends())
	}
	told := time.Now()
	_ = syscall.Kill(-r.pid, syscall.SIGINT)
	s.until(patience, "end of the processes", func() bool { return len(s.survivors()) == 0 })
	if took := time.Since(told); took > prompt {
		t.Errorf("processes were gone after %s", took)
	}
	if c := r.ends(); c.code != 130 {
		t.Error(c)
	}
}

// TestSiblings: a step that fails, a race that is won and a limit that expires end processes on workers as well.
func TestSiblings(t *testing.T) {
	s := open(t)
	s.worker(nil)
	s.worker(nil)
	for _, row := range []struct{ name, text, status string }{
		{"taskgroup", `
flowrun: 1
steps:
  - taskgroup:
      - run: ': >begun; exec sleep 1000'
      - run: 'while ! test -e begun; do sleep 0.05; done; exit 3'
`, "failed"},
		{"race", `
flowrun: 1
steps:
  - wait:
      - run: ': >begun; exec sleep 1000'
      - run: 'while ! test -e begun; do sleep 0.05; done'
    return_when: first_completed
`, "succeeded"},
		{"limit of a step", `
flowrun: 1
steps:
  - {run: ': >begun; exec sleep 1000', timeout: LIMIT}
`, "failed"},
		{"limit of a block", `
flowrun: 1
steps:
  - gather:
      - {run: ': >begun; exec sleep 1000'}
      - {run: 'exec sleep 1000'}
    timeout: LIMIT
`, "failed"},
		{"limit of the run", `
flowrun: 1
timeout: LIMIT
steps:
  - {run: ': >begun; exec sleep 1000'}
`, "failed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := s.in(t)
			s.remove("begun")
			var begin time.Time
			var d document
			var c typed
			// Where it takes a while to begin, a limit is longer.
			for limit := 1500 * time.Millisecond; limit < time.Minute && !s.exists("begun"); limit *= 4 {
				s.write("siblings.yaml", strings.ReplaceAll(row.text, "LIMIT", limit.String()))
				begin = time.Now()
				d, c = s.runs("siblings.yaml")
			}
			if d.Status != row.status || !s.exists("begun") {
				t.Error(c)
			}
			if left := s.survivors(); len(left) > 0 {
				t.Errorf("when the run had ended there was still %s", left)
			}
			if took := time.Since(begin); took > time.Minute { // the steps take longer
				t.Errorf("it took %s", took)
			}
		})
	}
}
