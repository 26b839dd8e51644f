package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// shared starts the command in the background, with the semaphores of its folder. It has a state of its own, by that name.
func (c *command) shared(t *testing.T, state string) *sharing {
	t.Helper()
	s := &sharing{command: *c, state: filepath.Join(c.dir, "state-"+state)}
	cmd := s.cmd("run", "w.yaml", "--format", "json", "--state-dir", s.state, "--semaphore-dir", c.dir)
	cmd.Stdout, cmd.Stderr = &s.out, &s.errs
	s.over = s.start(t, cmd)
	s.tells(t)
	return s
}

// sharing is one of several runs.
type sharing struct {
	command
	state     string
	out, errs bytes.Buffer
	over      func() bool
}

// tells shows what it said when the test has failed.
func (s *sharing) tells(t *testing.T) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s, ended %v:\n%s%s", s.state, s.over(), &s.out, &s.errs)
		}
	})
}

// run is its run, when its journal is there.
func (s *sharing) run(t *testing.T) *journal.Run {
	t.Helper()
	var r *journal.Run
	until(t, slack, "journal", func() bool {
		ids, err := journal.IDs(s.state)
		if err != nil || len(ids) != 1 {
			return false
		}
		r = journal.Look(s.state, ids[0])
		return r.State == journal.Live || r.State == journal.Ended
	})
	return r
}

// why is for what a step waits, as it was last said; "": for nothing.
func (s *sharing) why(t *testing.T, path string) (why string) {
	t.Helper()
	for _, e := range eventsOf(t, s.run(t)) {
		if e.Path == path && e.Type == event.StepQueued {
			why = e.Why
		} else if e.Path == path {
			why = ""
		}
	}
	return why
}

// ended waits for its end and says how that was.
func (s *sharing) ended(t *testing.T) (status, cause string) {
	t.Helper()
	until(t, slack, "end", s.over)
	var doc struct{ Status, Cause string }
	if err := json.Unmarshal(s.out.Bytes(), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, &s.out, &s.errs)
	}
	return doc.Status, doc.Cause
}

func (s *sharing) succeeds(t *testing.T) {
	t.Helper()
	if status, _ := s.ended(t); status != "succeeded" {
		t.Errorf("it %s: %s%s", status, &s.out, &s.errs)
	}
}

// TestShared: of runs that share a semaphore never more work at once than it has permits. Who is there makes a folder
// that must not be there.
func TestShared(t *testing.T) {
	t.Parallel()
	for permits := 1; permits <= 2; permits++ {
		c := prepare(t, fmt.Sprintf(`
semaphores: {door: {permits: %d, scope: machine}}
steps:
  - gather:
      for: x
      in: range(6)
      do:
        semaphore: door
        run: |
          mine=one
          mkdir one 2>/dev/null || { mine=two; mkdir two; }
          echo "$mine" >>used
          rmdir "$mine"
`, permits))
		if permits == 1 {
			c.file("two")
		}
		var runs []*sharing
		for i := range 3 {
			runs = append(runs, c.shared(t, fmt.Sprint(i)))
		}
		for _, r := range runs {
			r.succeeds(t)
		}
		used, err := os.ReadFile(filepath.Join(c.dir, "used"))
		if err != nil || bytes.Count(used, []byte("\n")) != 18 {
			t.Errorf("%v: %q", err, used)
		}
	}
}

// waits is a workflow whose step stays until there is a file "go", and has started what does not end by itself.
const waits = `
semaphores: {door: {permits: 1, scope: machine}}
steps:
  - id: s
    semaphore: door
    run: |
          ls -l /proc/self/fd >descriptors
          setsid sh -c 'trap "" TERM INT HUP; while :; do sleep 0.01; done' >/dev/null 2>&1 &
          : >here.$FLOWRUN_RUN_ID
          until test -e go; do sleep 0.01; done
`

// inside waits until a run has the permit.
func (s *sharing) inside(t *testing.T) {
	t.Helper()
	until(t, slack, "run inside", func() bool { return s.isInside(t) })
}

func (s *sharing) isInside(t *testing.T) bool {
	_, err := os.Stat(filepath.Join(s.dir, "here."+s.run(t).ID))
	return err == nil
}

// held waits until the run says for whom it waits.
func (s *sharing) held(t *testing.T, by *sharing) {
	t.Helper()
	holder := by.run(t)
	want := fmt.Sprintf(`semaphore "door", held by run %s (pid %d) since `, holder.ID, holder.Header.Process.PID)
	until(t, slack, "word of the holder", func() bool { return strings.HasPrefix(s.why(t, "s"), want) })
}

// TestSharedAndKilled: when the holder is killed the next one gets the permit, when nothing of the former is alive any more.
func TestSharedAndKilled(t *testing.T) {
	t.Parallel()
	for _, whom := range []string{"engine", "both"} {
		c := prepare(t, waits)
		first := c.shared(t, "1")
		first.inside(t)
		second := c.shared(t, "2")
		second.held(t, first)
		signal := func(pid int, sig unix.Signal) {
			if err := unix.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
		}
		engine := first.engine(t)
		signal(first.pid, unix.SIGSTOP) // so that it ends nothing yet
		signal(engine, unix.SIGKILL)
		if whom == "both" {
			signal(first.pid, unix.SIGKILL)
		} else {
			time.Sleep(200 * time.Millisecond) // the lock is free, and was looked at
			if second.isInside(t) {
				t.Error("it has the permit while nobody has ended what the first run has left")
			}
			signal(first.pid, unix.SIGCONT)
		}
		second.inside(t)
		c.file("go")
		second.succeeds(t)
		until(t, slack, "end", first.over)
		kill(c.mark)
	}
}

// id is the id of its run, whatever became of that.
func (s *sharing) id(t *testing.T) string {
	ids, err := journal.IDs(s.state)
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	return ids[0]
}

// TestSharedAndCancelled: who waits and is cancelled leaves at once, and the next one gets the permit.
func TestSharedAndCancelled(t *testing.T) {
	t.Parallel()
	c := prepare(t, waits)
	first := c.shared(t, "1")
	first.inside(t)
	second, third := c.shared(t, "2"), c.shared(t, "3")
	second.held(t, first)
	third.held(t, first)
	if out, errs, _ := c.say("status", "--state-dir", second.state); !strings.Contains(out, "s (waits for run "+first.run(t).ID+" (pid ") {
		t.Errorf("status says\n%s%s", out, errs)
	}
	if err := unix.Kill(second.pid, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, cause := second.ended(t); status != "cancelled" || cause != "SIGTERM" {
		t.Errorf("%s by %s", status, cause)
	}
	c.file("go")
	first.succeeds(t)
	third.succeeds(t)
	descriptors, err := os.ReadFile(filepath.Join(c.dir, "descriptors"))
	if err != nil || strings.Contains(string(descriptors), "semaphore") {
		t.Errorf("%v: a step has inherited the permit:\n%s", err, descriptors)
	}
}

// TestSharedByUsers: runs of two users share a semaphore, whoever comes first, in a folder in which both may write, as /tmp.
func TestSharedByUsers(t *testing.T) {
	t.Parallel()
	other := nobody()
	if other == nil {
		t.Skip("only root can run as two users")
	}
	for _, order := range [][]*syscall.Credential{{nil, other}, {other, nil}} {
		root := home(t)
		c := &command{dir: filepath.Join(root, "run"), mark: root}
		if err := os.Mkdir(c.dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.dir, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte("flowrun: 1\n"+strings.ReplaceAll(waits, "descriptors", "d.$FLOWRUN_RUN_ID")), 0o644); err != nil {
			t.Fatal(err)
		}
		var runs []*sharing
		for i, user := range slices.Concat(order, order) {
			c.user = user
			runs = append(runs, c.shared(t, fmt.Sprint(i)))
			if i == 0 {
				runs[0].inside(t)
			} else {
				runs[i].held(t, runs[0])
			}
		}
		c.file("go")
		for _, r := range runs {
			r.succeeds(t)
		}
	}
}

// TestSharedAndResumed: a run that died takes its permit again before anything begins, what was lost as well as what is next.
func TestSharedAndResumed(t *testing.T) {
	t.Parallel()
	for _, died := range []string{"at work", "in a pause before"} {
		t.Run(died, func(t *testing.T) {
			t.Parallel()
			workflow := waits
			if died != "at work" {
				workflow = strings.Replace(workflow, "    run: |", "    steps:\n     - {id: nap, sleep: 300ms}\n     - run: |", 1)
			}
			c := prepare(t, workflow)
			first := c.shared(t, "1")
			if died == "at work" {
				first.inside(t)
			} else {
				until(t, slack, "begin", func() bool { return first.starts(t, "nap") == 1 })
			}
			if err := unix.Kill(first.engine(t), unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			until(t, slack, "end", first.over)
			id := first.id(t)
			_ = os.Remove(filepath.Join(c.dir, "here."+id))
			second := c.shared(t, "2")
			second.inside(t)
			again := &sharing{command: *c, state: first.state}
			cmd := again.cmd("resume", id, "--format", "json", "--state-dir", first.state)
			cmd.Stdout, cmd.Stderr = &again.out, &again.errs
			again.over = again.start(t, cmd)
			again.tells(t)
			again.held(t, second)
			time.Sleep(20 * time.Millisecond)
			if again.isInside(t) {
				t.Error("both are inside")
			}
			if n := again.starts(t, "s"); n != 1 {
				t.Errorf("its step has begun %d times, though it has no permit yet", n)
			}
			c.file("go")
			second.succeeds(t)
			again.inside(t)
			again.succeeds(t)
		})
	}
}

// starts is how many attempts of a step have begun.
func (s *sharing) starts(t *testing.T, path string) (n int) {
	t.Helper()
	for _, e := range eventsOf(t, s.run(t)) {
		if e.Path == path && e.Type == event.StepStart {
			n++
		}
	}
	return n
}
