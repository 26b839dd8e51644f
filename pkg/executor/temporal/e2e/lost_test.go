//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow is a step that ends at its second attempt only, and has processes of all kinds at its first.
const slow = `
flowrun: 1
steps:
  - id: slow
    run: |
      echo "$FLOWRUN_ATTEMPT $$" >>began
      if [ "$(wc -l <began)" = 1 ]; then setsid sleep 1000 & nohup sleep 1000 & wait; fi
      echo "attempt $FLOWRUN_ATTEMPT"
`

// TestLostWorker: a worker is killed in the middle of a step. Its processes are gone, another worker does the step again, and people
// are told.
func TestLostWorker(t *testing.T) {
	for _, row := range []struct {
		name   string
		victim victim
	}{{"engine", lower}, {"process above it", upper}, {"both", both}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the server to miss a sign of life
			s := open(t)
			s.write("slow.yaml", slow)
			workers := []*process{s.worker(nil), s.worker(nil)}
			r := s.starts(s.command("run", "--engine", "temporal", "slow.yaml", "--format", "ndjson"))
			s.waits(r, "step at work", func() bool { return strings.Contains(s.read("began"), "\n") && len(s.survivors()) >= 3 })
			before := s.survivors()
			for _, w := range workers {
				if s.carries(w) {
					w.kill(row.victim)
					s.worker(nil)
				}
			}
			took := s.until(patience, "end of the lost processes", func() bool {
				return !slices.ContainsFunc(s.survivors(), func(p survivor) bool { return slices.Contains(before, p) })
			})
			t.Logf("processes were gone after %s", took)
			c := r.ends()
			if c.code != 0 || !strings.Contains(c.out, `"attempt 2"`) || !strings.Contains(c.out, `"step.retry"`) || !strings.Contains(c.out, "LostError") {
				t.Error(c)
			}
			if n := strings.Count(s.read("began"), "\n"); n != 2 {
				t.Errorf("it began %d times", n)
			}
			s.until(prompt, "end of all processes", func() bool { return len(s.survivors()) == 0 })
		})
	}
}

// TestLostFails: a step that must not run twice fails when its worker is lost.
func TestLostFails(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.write("slow.yaml", slow+"    on_lost: fail\n")
	w := s.worker(nil)
	r := s.begins("slow.yaml")
	s.waits(r, "step at work", func() bool { return len(s.survivors()) >= 3 })
	w.kill(both)
	s.worker(nil)
	c := r.ends()
	d := s.decode(c)
	failure, _ := d.Error.(map[string]any)
	if c.code != 1 || failure["type"] != "LostError" || d.step("slow").Attempts != 1 {
		t.Error(c)
	}
	s.until(prompt, "end of all processes", func() bool { return len(s.survivors()) == 0 })
}

// TestServerAway: the server is killed in the middle of a run and comes again. The step that was at work goes on, and so does who
// follows the run.
func TestServerAway(t *testing.T) {
	s := open(t)
	s.write("steps.yaml", `
flowrun: 1
steps:
  - run: 'echo once >>ran; while ! test -e go; do sleep 0.05; done; echo first'
  - run: 'echo second'
`)
	s.worker(nil)
	r := s.begins("steps.yaml")
	s.waits(r, "step at work", func() bool { return s.read("ran") != "" })
	s.server.kill(both)
	s.write("go", "") // it ends while there is no server
	s.serve()
	c := r.ends()
	if d := s.decode(c); c.code != 0 || d.Value != "second" {
		t.Error(c)
	}
	if got := s.read("ran"); got != "once\n" {
		t.Errorf("the first step ran %d times", strings.Count(got, "\n"))
	}
}

// TestServerStalls: the server has no answer for a while, as one that has too much to do. No step is stopped by that.
func TestServerStalls(t *testing.T) {
	s := open(t)
	s.write("steps.yaml", "flowrun: 1\nsteps: [{run: ': >ran; while ! test -e go; do sleep 0.05; done; echo done'}]\n")
	s.worker(nil)
	r := s.begins("steps.yaml")
	s.waits(r, "step at work", func() bool { return s.exists("ran") })
	if err := syscall.Kill(s.server.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second) // a sign of life is sent each second, and given up after another
	if err := syscall.Kill(s.server.pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.write("go", "")
	c := r.ends()
	if d := s.decode(c); c.code != 0 || d.Value != "done" {
		t.Error(c)
	}
}

// carries says whether a worker has a process of a step.
func (s *site) carries(w *process) bool {
	engines := append(children(w.pid), w.pid)
	return slices.ContainsFunc(s.survivors(), func(p survivor) bool {
		pid := p.pid
		for pid > 1 && !slices.Contains(engines, pid) {
			pid = parent(pid)
		}
		return pid > 1
	})
}

// parent is that of a process; 0: it is gone.
func parent(pid int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	text := string(stat)
	var state string
	var above int
	if _, err := fmt.Sscan(text[strings.LastIndexByte(text, ')')+1:], &state, &above); err != nil {
		return 0
	}
	return above
}
