package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// state is the folder in which runs of the command have theirs.
func (c *command) state() string { return filepath.Join(c.dir, ".state", "flowrun") }

// run is the only run of the command.
func (c *command) run(t *testing.T) *journal.Run {
	t.Helper()
	ids, err := journal.IDs(c.state())
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	return journal.Look(c.state(), ids[0])
}

// events are those that the journal of a run has.
func eventsOf(t *testing.T, r *journal.Run) (list []event.Event) {
	t.Helper()
	in, err := journal.Open(r.Folder)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for {
		e, err := in.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
}

// say runs the command with those arguments to its end.
func (c *command) say(args ...string) (out, errs, state string) {
	cmd := c.cmd(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its error is the state
	return stdout.String(), own(&stderr), cmd.ProcessState.String()
}

// small gives the command a file system for runs with so many bytes left.
func (c *command) small(t *testing.T, left int) {
	t.Helper()
	full := filepath.Join(c.dir, ".state")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", full, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
		t.Skip("no file system can be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(full, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(full, "fill"), make([]byte, 256<<10-left), 0o600); err != nil {
		t.Fatal(err)
	}
}

const manySteps = `
steps:
  - id: g
    gather: {for: x, in: range(200), do: {run: ": >n${{ x }}"}}
    limit: 2
finally:
  - run: ": >tidied"
`

// TestFullDiskOfJournal: what cannot be kept ends the run, with its cleanups; nothing more begins.
func TestFullDiskOfJournal(t *testing.T) {
	t.Parallel()
	c := prepare(t, manySteps)
	c.small(t, 160<<10)
	out, errs, state := c.say("run", "w.yaml", "--format", "json")
	if state != "exit status 3" {
		t.Errorf("it ended with %s", state)
	}
	r := c.run(t)
	want := "flowrun: " + r.Folder + "/journal.ndjson cannot be written: no space left on device\n"
	if !strings.HasSuffix(errs, want) {
		t.Errorf("said\n%s\nwant\n%s", errs, want)
	}
	var doc struct {
		Status, Cause string
		Exit          int
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Status != "cancelled" || doc.Cause != "the loss of its journal (no space left on device)" || doc.Exit != 3 {
		t.Errorf("%v: %+v", err, doc)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "tidied")); err != nil {
		t.Error(err)
	}
	c.begun(t, r, 1, 199)
	if end := eventsOf(t, r); end[len(end)-1].Type != event.RunEnd || r.Word() != "cancelled" {
		t.Errorf("its journal says that it has %s", r.Word())
	}
	if out, errs, state := c.say("show", "-q"); state != "exit status 0" || !strings.Contains(out, " cancelled by the loss of its journal (no space left on device) in ") {
		t.Errorf("show: %s\n%s%s", state, out, errs)
	}
}

// begun sees that the journal tells of each step that has begun, and of few others; and that between so many have.
func (c *command) begun(t *testing.T, r *journal.Run, least, most int) {
	t.Helper()
	started := map[string]bool{}
	for _, e := range eventsOf(t, r) {
		if e.Type == event.StepStart {
			started[strings.Replace(e.Path, "g[", "n", 1)] = true
		}
	}
	found, err := filepath.Glob(filepath.Join(c.dir, "n*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if name := filepath.Base(path) + "]"; !started[name] {
			t.Errorf("the journal does not know that %s has begun", name)
		}
	}
	if len(found) < least || len(found) > most {
		t.Errorf("%d steps have begun", len(found))
	}
}

// TestFullDiskWithout: who wants so goes on without a journal.
func TestFullDiskWithout(t *testing.T) {
	t.Parallel()
	c := prepare(t, manySteps)
	c.small(t, 20<<10)
	_, errs, state := c.say("run", "w.yaml", "-q", "--durability", "none")
	want := "flowrun: " + c.run(t).Folder + "/journal.ndjson cannot be written: no space left on device: what came after that is not kept\n"
	if state != "exit status 0" || errs != want {
		t.Errorf("%s, said\n%s\nwant\n%s", state, errs, want)
	}
}

// TestNoRoomForRun: a run whose folder cannot be made does not begin, and leaves nothing.
func TestNoRoomForRun(t *testing.T) {
	t.Parallel()
	c := prepare(t, manySteps)
	c.small(t, 0)
	_, errs, state := c.say("run", "w.yaml")
	if state != "exit status 3" || !strings.HasSuffix(errs, " cannot be written: no space left on device\n") {
		t.Errorf("%s, said\n%s", state, errs)
	}
	if found, _ := filepath.Glob(filepath.Join(c.dir, "n*")); len(found) > 0 {
		t.Error("it has begun")
	}
	if ids, err := journal.IDs(c.state()); len(ids) > 0 || err != nil {
		t.Errorf("left %v, %v", ids, err)
	}
}

// TestNoRoomWithout: who wants so goes on without a folder.
func TestNoRoomWithout(t *testing.T) {
	t.Parallel()
	c := prepare(t, manySteps)
	c.small(t, 0)
	_, errs, state := c.say("run", "w.yaml", "-q", "--durability", "none")
	if state != "exit status 0" || !strings.HasSuffix(errs, " cannot be written: no space left on device: what came after that is not kept\n") {
		t.Errorf("%s, said\n%s", state, errs)
	}
	if ids, err := journal.IDs(c.state()); len(ids) > 0 || err != nil {
		t.Errorf("left %v, %v", ids, err)
	}
}

// TestKilledJournal: whenever flowrun is killed, the journal knows all that has begun and can be read; the run is then seen to have
// crashed.
func TestKilledJournal(t *testing.T) {
	t.Parallel()
	rounds := 20
	if long() {
		rounds = 500
	}
	for range rounds {
		c := prepare(t, manySteps)
		ended := c.start(t, c.cmd("run", "w.yaml"))
		until(t, slack, "journal", func() bool {
			found, _ := filepath.Glob(filepath.Join(c.state(), "runs", "*", "journal.ndjson"))
			return len(found) == 1
		})
		time.Sleep(rand.N(100 * time.Millisecond)) // any moment
		if r := c.run(t); r.State == journal.Live {
			_ = syscall.Kill(r.Header.Process.PID, syscall.SIGKILL)
		}
		until(t, slack, "end", ended)
		r := c.run(t)
		c.begun(t, r, 0, 200)
		if r.State != journal.Crashed && r.State != journal.Ended {
			t.Errorf("the run is %s: %v", r.Word(), r.Problem)
		}
		if out, errs, state := c.say("show", "-q"); r.State == journal.Crashed && (state != "exit status 0" || !strings.Contains(out, "crashed")) {
			t.Errorf("show: %s\n%s%s", state, out, errs)
		}
	}
}

// TestLogsAgree: the journal says of every byte of every log when it came: what was masked, skipped, no text, or written by the
// process itself included.
func TestLogsAgree(t *testing.T) {
	t.Parallel()
	const flood = `
steps:
  - gather:
      - {id: flood, capture: none, run: "seq 400000; echo end"}
      - {capture: none, run: "seq 400000 >&2; sleep 0.1; seq 400000 >&2; echo end"}
      - {id: odd, run: "printf 'a\\303'; sleep 0.05; printf '\\251\\377\\376b\\n\\303'; printf '\\300' >&2"}
      - {id: again, run: "echo $FLOWRUN_ATTEMPT; test $FLOWRUN_ATTEMPT = 3", retry: {attempts: 3}}
      - id: block
        retry: {attempts: 2}
        steps: [{id: inner, run: "echo inner >&2; exit $((2 - $FLOWRUN_ATTEMPT))", except: [{echo: no}]}, {id: more, run: "echo more"}]
`
	files := `
steps:
  - id: g
    gather: {for: x, in: range(12), do: {run: "seq 20000; : >$FLOWRUN_STEP.here; until [ $(ls *.here | wc -l) -ge 12 ]; do sleep 0.02; done; echo e >&2"}}
`
	for _, x := range []struct{ name, workflow, limits string }{
		{"pipes", flood, ":"},
		{"masked", "secrets: [S]\n" + flood + `      - {id: tell, env: {X: "${{ secrets.S }}"}, run: "for i in 1 2 3; do printf hunt; sleep 0.02; printf 'er22 %s\\n' $X; done"}`, ":"},
		{"files", files, "ulimit -n 64"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := prepare(t, x.workflow)
			if p := c.play(t, "export S=hunter22; "+x.limits); p.state != "exit status 0" {
				t.Errorf("it ended with %s\n%s", p.state, tail(p.errs))
			}
			r := c.run(t)
			sums := map[string]int64{}
			for _, e := range eventsOf(t, r) {
				if e.Type == event.StepOutput && e.Log != "" {
					sums[e.Log+"."+e.Stream] += e.Skipped + e.Bytes
				}
			}
			logs := 0
			err := filepath.WalkDir(filepath.Join(r.Folder, "logs"), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				logs++
				info, err := d.Info()
				if err == nil && info.Size() != sums[path] {
					t.Errorf("%s has %d bytes, and the journal %d", path, info.Size(), sums[path])
				}
				return err
			})
			if err != nil || logs < 8 {
				t.Errorf("%d logs, %v", logs, err)
			}
			if x.name == "pipes" {
				c.whole(t, r)
			}
		})
	}
}

// whole sees that logs give back what a step wrote, to the byte, and in the order in which it did.
func (c *command) whole(t *testing.T, r *journal.Run) {
	t.Helper()
	out, errs, state := c.say("logs", r.ID, "flood", "--raw")
	var want strings.Builder
	for i := range 400000 {
		fmt.Fprintln(&want, i+1)
	}
	if want.WriteString("end\n"); state != "exit status 0" || out != want.String() {
		t.Errorf("%s: %d bytes, want %d\n%s", state, len(out), want.Len(), errs)
	}
	if out, _, _ := c.say("logs", r.ID, "odd", "--raw"); out != "a\303\251\377\376b\n\303\300" && out != "a\303\300\251\377\376b\n\303" && out != "\300a\303\251\377\376b\n\303" {
		t.Errorf("odd: %q", out)
	}
}

// TestCancelCommand: a run is cancelled from another process, with its cleanups, or killed without.
func TestCancelCommand(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ name, flag, state, word, tidied string }{
		{"cancel", "", "signal: terminated", "cancelled", "yes"},
		{"now", "--now", "exit status 131", "cancelled", "no"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := prepare(t, `
steps:
  - {id: s, run: ": >ready; exec sleep 1000", finally: [{run: ": >tidied"}]}
`)
			run := c.cmd("run", "w.yaml")
			ended := c.start(t, run)
			until(t, slack, "step", func() bool { _, err := os.Stat(filepath.Join(c.dir, "ready")); return err == nil })
			r := c.run(t)
			if out, errs, _ := c.say("status"); !strings.Contains(out, r.ID) || !strings.Contains(out, fmt.Sprint(" ", r.Header.Process.PID, " ")) || !strings.HasSuffix(out, "  s\n") {
				t.Errorf("status:\n%s%s", out, errs)
			}
			args := []string{"cancel", r.ID[len(r.ID)-8:]}
			if x.flag != "" {
				args = append(args, x.flag)
			}
			out, errs, state := c.say(args...)
			if state != "exit status 0" || !strings.HasPrefix(out, "run "+r.ID+" has been "+x.word+" after ") {
				t.Errorf("%s: %q, %q", state, out, errs)
			}
			until(t, slack, "end", ended)
			if got := run.ProcessState.String(); got != x.state {
				t.Errorf("it ended with %q, want %q", got, x.state)
			}
			_, err := os.Stat(filepath.Join(c.dir, "tidied"))
			if (err == nil) != (x.tidied == "yes") {
				t.Errorf("tidied: %v, want %s", err, x.tidied)
			}
			if _, errs, state := c.say(args...); state != "exit status 2" || !strings.Contains(errs, " is not going on: it has been "+x.word) {
				t.Errorf("again: %s, %q", state, errs)
			}
			if out, _, _ := c.say("status"); out != "nothing is running\n" {
				t.Errorf("status: %q", out)
			}
		})
	}
}

// TestCancelWaits: a run that is at its cleanups when nobody wants to wait any longer goes on with them, and can then be killed.
func TestCancelWaits(t *testing.T) {
	t.Parallel()
	c := prepare(t, `
steps:
  - {id: s, run: ": >ready; exec sleep 1000", finally: [{id: tidy, run: ": >tidying; exec sleep 1000"}]}
`)
	run := c.cmd("run", "w.yaml")
	ended := c.start(t, run)
	exists := func(name string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(c.dir, name)); return err == nil }
	}
	until(t, slack, "step", exists("ready"))
	id := c.run(t).ID
	want := "flowrun: run " + id + " is told to stop, and still at its cleanups (flowrun cancel --now " + id + " kills it)\n"
	if out, errs, state := c.say("cancel", "last", "--wait", "50ms"); state != "exit status 1" || out != "" || errs != want {
		t.Errorf("%s: %q, %q", state, out, errs)
	}
	until(t, slack, "cleanup", exists("tidying"))
	if out, errs, state := c.say("cancel", "last", "--now"); state != "exit status 0" || !strings.HasPrefix(out, "run "+id+" has been cancelled after ") {
		t.Errorf("%s: %q, %q", state, out, errs)
	}
	until(t, slack, "end", ended)
	if got := run.ProcessState.String(); got != "signal: terminated" { // the first signal
		t.Errorf("it ended with %q", got)
	}
}

// TestLogsFollow: another process sees what a run prints while it does, and its end; also when that is a crash.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprint("crash ", crash), func(t *testing.T) {
			t.Parallel()
			c := prepare(t, `
steps:
  - {id: s, run: "echo one; until test -e go; do sleep 0.01; done; echo two; until test -e on; do sleep 0.01; done; printf three"}
  - {id: last, run: "echo four"}
`)
			ended := c.start(t, c.cmd("run", "w.yaml"))
			until(t, slack, "output", func() bool {
				out, _, _ := c.say("logs")
				return out == "s | one\n"
			})
			follow := c.cmd("logs", "last", "-f")
			pipe, err := follow.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := follow.Start(); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(pipe)
			read := func(want string) {
				t.Helper()
				if got, err := in.ReadString('\n'); got != want && !(want == "" && errors.Is(err, io.EOF)) {
					t.Errorf("%q, %v, want %q", got, err, want)
				}
			}
			read("s | one\n")
			c.file("go")
			read("s | two\n")
			if crash {
				_ = syscall.Kill(c.run(t).Header.Process.PID, syscall.SIGKILL)
			} else {
				c.file("on")
				read("s | three\n")
				read("last | four\n")
			}
			read("")
			if err := follow.Wait(); err != nil {
				t.Error(err)
			}
			until(t, slack, "end", ended)
		})
	}
}

// TestTwoRuns: runs at once have folders of their own, and are both seen.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	c := prepare(t, `
steps:
  - {id: s, run: ": >$FLOWRUN_RUN_ID.here; until test -e go; do sleep 0.01; done; echo $FLOWRUN_RUN_ID"}
`)
	first := c.start(t, c.cmd("run", "w.yaml"))
	second := c.start(t, c.cmd("run", "w.yaml"))
	until(t, slack, "steps", func() bool {
		here, _ := filepath.Glob(filepath.Join(c.dir, "*.here"))
		return len(here) == 2
	})
	ids, err := journal.IDs(c.state())
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	if out, errs, _ := c.say("status"); strings.Count(out, "\n") != 3 || !strings.Contains(out, ids[0]) || !strings.Contains(out, ids[1]) {
		t.Errorf("%s%s", out, errs)
	}
	if out, errs, state := c.say("history", "--prune", "0"); out != "removed 0 runs\n" {
		t.Errorf("%s: %s%s", state, out, errs)
	}
	c.file("go")
	until(t, slack, "end", first)
	until(t, slack, "end", second)
	for _, id := range ids {
		if out, errs, _ := c.say("logs", id); out != "s | "+id+"\n" {
			t.Errorf("%s%s", out, errs)
		}
	}
	if out, errs, state := c.say("history", "--prune", "0"); out != "removed 2 runs\n" {
		t.Errorf("%s: %s%s", state, out, errs)
	}
}

// TestPruneGoesOn: a run that cannot be removed, as one of another user, hinders nobody from removing the others.
func TestPruneGoesOn(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 && nobody() == nil {
		t.Skip("root can remove all")
	}
	c := &command{dir: filepath.Join(home(t), "run"), user: nobody(), mark: "prune"}
	err := os.Mkdir(c.dir, 0o777)
	if err == nil && c.user != nil {
		err = os.Chown(c.dir, int(c.user.Uid), int(c.user.Gid))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte("flowrun: 1\nsteps: [{id: s, run: echo one}]\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if out, errs, state := c.say("run", "w.yaml"); state != "exit status 0" {
			t.Fatal(state, out, errs)
		}
	}
	ids, err := journal.IDs(c.state())
	if err != nil || len(ids) != 3 {
		t.Fatal(ids, err)
	}
	logs := filepath.Join(journal.Of(c.state(), ids[1]), "logs", "s")
	if err := os.Chmod(logs, 0o500); err != nil {
		t.Fatal(err)
	}
	out, errs, state := c.say("history", "--prune", "0")
	if out != "removed 2 runs\n" || !strings.Contains(errs, ids[1]) || state != "exit status 3" {
		t.Errorf("%s: %s%s", state, out, errs)
	}
	if err := os.Chmod(logs, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestInjectedFailures: whichever call fails that makes a file, writes it or brings it to the disk, a run never ends well with a record
// lost; its journal can be read and knows all that has begun; and it ends in an orderly way.
func TestInjectedFailures(t *testing.T) {
	t.Parallel()
	strace := strace(t)
	most, steps := 3, 6
	if long() {
		most, steps = 200, 60
	}
	other := prepare(t, `steps: [{run: "exec sleep 1000"}]`) // which nobody may take for a run that is dead
	ended := other.start(t, other.cmd("run", "w.yaml"))
	t.Cleanup(func() {
		if ended() {
			t.Error("another run has been killed")
		}
		_ = syscall.Kill(other.pid, syscall.SIGTERM)
		until(t, slack, "end", ended)
	})
	for _, x := range []struct {
		call    string
		reasons []string
	}{
		{"write", []string{"EIO", "ENOSPC", "EDQUOT"}},
		{"fsync", []string{"EIO", "ENOSPC"}},
		{"fallocate", []string{"ENOSPC", "EDQUOT", "EOPNOTSUPP", "EIO"}},
		{"ftruncate", []string{"EIO"}},
		{"mkdirat", []string{"ENOSPC", "EROFS"}},
		{"renameat", []string{"EIO", "ENOSPC"}},
		{"openat", []string{"EIO", "ENOSPC"}},
		{"flock", []string{"ENOLCK", "ENOSYS"}},
	} {
		if !long() {
			x.reasons = x.reasons[:1]
		}
		for _, reason := range x.reasons {
			t.Run(x.call+" "+reason, func(t *testing.T) {
				t.Parallel()
				for n, missed := 1, 0; n <= most && missed < 5; n++ { // how many calls there are is not the same in all runs
					when := fmt.Sprint(n)
					if n%3 == 0 {
						when += "+" // and all after it
					}
					if c := prepare(t, fmt.Sprintf(injected, steps)); c.inject(t, strace, x.call, reason, when, steps) {
						missed = 0
					} else {
						missed++
					}
				}
			})
		}
	}
}

// strace is that program, where it may look at others.
func strace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		var out []byte
		if out, err = exec.Command(path, "-f", "--seccomp-bpf", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
			err = fmt.Errorf("strace: %w: %s", err, out)
		}
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

const injected = `
steps:
  - {id: a, run: ": >n0"}
  - {id: b, run: "echo hi; : >n1"}
  - {id: g, limit: 2, gather: {for: x, in: range(%d), do: {run: ": >n${{ x + 2 }}"}}}
finally: [{run: ": >tidied"}]
`

// inject runs the workflow, which has so many steps that queue, with those calls of each thread failing, and says whether one has.
func (c *command) inject(t *testing.T, strace, call, reason, when string, steps int) bool {
	t.Helper()
	trace := filepath.Join(c.dir, "trace")
	cmd := c.cmd()
	cmd.Args = []string{
		strace, "-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:error=%s:when=%s", call, reason, when),
		cmd.Path, "run", "w.yaml", "--durability", "power", "--state-dir", c.state(), // else another folder may take its place
	}
	cmd.Path = strace
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1") // each signal of Go's own stops it under strace
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its error is the state
	state := cmd.ProcessState.String()
	calls, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(calls, []byte("(INJECTED)")) {
		return false
	}
	mute := call == "write" && strings.HasSuffix(when, "+") // and cannot say why
	if state == "exit status 2" && mute || strings.Contains(out.String(), "runtime: netpollBreak write failed") {
		return true // it was Go's own write, to wake itself, and not one of ours: the runtime can only abort, at any moment
	}
	begun, err := filepath.Glob(filepath.Join(c.dir, "n[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := journal.IDs(c.state())
	if err != nil {
		t.Fatal(err)
	}
	word := "not begun"
	if len(ids) > 0 {
		word = c.run(t).Word()
	}
	if len(begun) > 0 || word != "not begun" && word != "unknown" { // what was made for it could not be removed, either
		r := c.run(t)
		ended := map[string]bool{}
		started := map[string]bool{"a": true, "b": true}
		for _, e := range eventsOf(t, r) {
			started[e.Path] = started[e.Path] || e.Type == event.StepStart
			ended[e.Path] = ended[e.Path] || e.Type == event.StepEnd && e.Status == event.Succeeded
		}
		if state == "exit status 0" && (len(ended) < steps+4 || word != "succeeded" || len(begun) < steps+2) {
			t.Errorf("%s %s %s: all is well, and its journal has only the ends of %v", call, reason, when, ended)
		}
		for _, path := range begun {
			i, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "n"))
			if step := fmt.Sprintf("g[%d]", i-2); i > 1 && !started[step] || err != nil {
				t.Errorf("%s %s %s: the journal does not know that %s has begun", call, reason, when, step)
			}
		}
	}
	switch state {
	case "exit status 0", "exit status 1", "exit status 3":
	case "exit status 2", "exit status 127": // it, or its libraries, could not be read
		if word != "not begun" && word != "unknown" || len(begun) > 0 {
			t.Errorf("%s %s %s: %s, and it has begun\n%s", call, reason, when, state, out.String())
		}
	default:
		t.Errorf("%s %s %s: %s, and its journal says it has %s\n%s", call, reason, when, state, word, out.String())
	}
	if state == "exit status 3" && !strings.HasSuffix(when, "+") && len(begun) > 0 && len(begun) < steps+2 {
		if _, err := os.Stat(filepath.Join(c.dir, "tidied")); err != nil {
			t.Errorf("%s %s %s: it has not tidied up: %s\n%s", call, reason, when, word, out.String())
		}
	}
	return true
}
