package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// TestPowerCut: what is left of a run when the power is lost may be any begin of its journal, with logs of steps that the journal does
// not know: resumed, it comes to its end, and every log is one attempt's own.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	c := prepare(t, `
steps:
  - {id: a, run: "echo a"}
  - {id: g, limit: 2, gather: {for: x, in: range(6), do: {run: "echo g${{ x }}"}}}
`)
	if out, errs, state := c.say("run", "w.yaml", "--durability", "power"); state != "exit status 0" {
		t.Fatal(state, out, errs)
	}
	r := c.run(t)
	path := filepath.Join(r.Folder, "journal.ndjson")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	for n := 2; n < len(lines)-2; n += 12 {
		if err := os.WriteFile(path, bytes.Join(lines[:n], nil), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, errs, state := c.say("resume", "last"); state != "exit status 0" {
			t.Errorf("%d lines: %s\n%s%s", n, state, out, errs)
		}
	}
	logs, err := filepath.Glob(filepath.Join(r.Folder, "logs", "*", "*"))
	if err != nil || len(logs) < 9 {
		t.Errorf("%d logs, %v", len(logs), err)
	}
	for _, log := range logs {
		b, err := os.ReadFile(log)
		if want := strings.NewReplacer("[", "", "]", "").Replace(filepath.Base(filepath.Dir(log))) + "\n"; err != nil || string(b) != want {
			t.Errorf("%s has %q, %v", log, b, err)
		}
	}
}

// TestFolderRemoved: a run whose folder is removed while it goes on is cancelled, and nothing makes the folder again.
func TestFolderRemoved(t *testing.T) {
	t.Parallel()
	c := prepare(t, `
steps:
  - {id: a, run: "rm -rf .state/flowrun/runs/*"}
  - {id: b, run: ": >n1"}
finally: [{run: ": >tidied; echo said"}]
`)
	out, errs, state := c.say("run", "w.yaml")
	if state != "exit status 3" || !strings.HasSuffix(errs, "/journal.ndjson cannot be written: it has been removed\n") || !strings.Contains(out, "cancelled by the loss of its journal (it has been removed)") {
		t.Errorf("%s\n%s%s", state, out, errs)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "n1")); err == nil {
		t.Error("b has begun")
	}
	if _, err := os.Stat(filepath.Join(c.dir, "tidied")); err != nil {
		t.Error(err)
	}
	if ids, err := journal.IDs(c.state()); len(ids) > 0 || err != nil {
		t.Errorf("there is %v, %v", ids, err)
	}
}

// TestStateRefused: what happens in a folder for runs that cannot be used.
func TestStateRefused(t *testing.T) {
	t.Parallel()
	const workflow = `steps: [{run: ": >n0"}]`
	refused := func(t *testing.T, c *command, want string, cmd *exec.Cmd) {
		t.Helper()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // its error is the state
		if state := cmd.ProcessState.String(); state != "exit status 3" || !strings.Contains(out.String(), want) {
			t.Errorf("%s, said\n%s\nwant\n%s", state, out.String(), want)
		}
		if _, err := os.Stat(filepath.Join(c.dir, "n0")); err == nil {
			t.Error("it has begun")
		}
	}
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		c := prepare(t, workflow)
		c.small(t, 64<<10)
		if err := os.MkdirAll(filepath.Join(c.state(), "runs"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("none", filepath.Join(c.dir, ".state"), "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		refused(t, c, "flowrun: --state-dir: write to "+c.state()+": read-only file system\n", c.cmd("run", "w.yaml", "--state-dir", c.state()))
		if out, errs, state := c.say("history", "--state-dir", c.state()); state != "exit status 0" {
			t.Errorf("history: %s\n%s%s", state, out, errs)
		}
		// Where nobody has named a folder there is one for temporary files.
		if out, errs, state := c.say("run", "w.yaml"); state != "exit status 0" || !strings.Contains(errs, "read-only file system: the run is kept in "+c.dir) {
			t.Errorf("%s\n%s%s", state, out, errs)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		t.Parallel()
		if nobody() == nil {
			t.Skip("only root can be two users")
		}
		c := &command{dir: filepath.Join(home(t), "run"), user: nobody(), mark: "other"}
		other := filepath.Join(c.dir, "other")
		err := os.MkdirAll(other, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte("flowrun: 1\n"+workflow), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		refused(t, c, "flowrun: --state-dir: use "+other+": it is another user's\n", c.cmd("run", "w.yaml", "--state-dir", other))
	})
	t.Run("no locks", func(t *testing.T) {
		t.Parallel()
		strace := strace(t)
		c := prepare(t, workflow)
		cmd := c.cmd()
		cmd.Args = []string{strace, "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK", cmd.Path, "run", "w.yaml"}
		cmd.Path = strace
		refused(t, c, "/journal.ndjson cannot be written: its file system has no locks, by which others know that the run is alive (no locks available); --state-dir names a folder elsewhere\n", cmd)
		if ids, err := journal.IDs(c.state()); len(ids) > 0 || err != nil {
			t.Errorf("left %v, %v", ids, err)
		}
	})
}

// TestPowerOrder: what the system is asked for, in its order. No program of a step is started before the journal on the disk has its
// begin, and the ends of the steps that it hangs on; and no end of a step is written before its log is on the disk.
func TestPowerOrder(t *testing.T) {
	t.Parallel()
	strace := strace(t)
	c := prepare(t, `
steps:
  - {id: a, run: [echo, "mark of a"]}
  - {id: g, limit: 2, gather: {for: x, in: range(20), do: {run: [echo, "mark of g[${{ x }}]"]}}}
  - {id: b, run: [echo, "mark of b"]}
`)
	trace := filepath.Join(c.dir, "trace")
	cmd := c.cmd()
	cmd.Args = []string{strace, "-f", "--seccomp-bpf", "-y", "-qq", "-s", "1000000", "-o", trace, "-e", "trace=fsync,fdatasync,write,execve", cmd.Path, "run", "w.yaml", "--durability", "power"}
	cmd.Path = strace
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1") // each signal of Go's own stops it under strace
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	var written, safe string     // of the journal
	under := map[string]func(){} // what a call does when it returns, by its thread
	logs := map[string]bool{}    // that are on the disk
	begun, early := 0, 0         // programs; those whose begin was only announced
	inPath := regexp.MustCompile(`<([^>]*)>`)
	marked := regexp.MustCompile(`"mark of ([^"]*)"`)
	ended := regexp.MustCompile(`\\"type\\":\\"step.end\\",\\"path\\":\\"([abg0-9\[\]]+)\\"`)
	for line := range strings.Lines(string(calls)) {
		thread, call, _ := strings.Cut(line, " ")
		call = strings.TrimLeft(call, " ")
		path := ""
		if m := inPath.FindStringSubmatch(call); m != nil {
			path = m[1]
		}
		done := func() {}
		switch {
		case strings.HasPrefix(call, "<... "):
			if f := under[thread]; f != nil {
				f()
			}
			delete(under, thread)
			continue
		case strings.HasPrefix(call, "execve("):
			m := marked.FindStringSubmatch(call)
			if m == nil || strings.Contains(call, "ENOENT") {
				continue
			}
			begun++
			own := `\"path\":\"` + m[1] + `\"`
			if !strings.Contains(safe, own) {
				t.Errorf("%s is started, and its begin is not on the disk", m[1])
			}
			if !strings.Contains(safe, `\"type\":\"step.start\",`+own) {
				early++
			}
			if before := map[byte]string{'g': "a", 'b': "g"}[m[1][0]]; before != "" && !strings.Contains(safe, `\"type\":\"step.end\",\"path\":\"`+before+`\"`) {
				t.Errorf("%s is started, and the end of %s is not on the disk", m[1], before)
			}
		case strings.HasSuffix(path, "/journal.ndjson") && strings.HasPrefix(call, "write("):
			for _, m := range ended.FindAllStringSubmatch(call, -1) {
				if m[1] != "g" && !logs[m[1]] {
					t.Errorf("the end of %s is written, and its log is not on the disk", m[1])
				}
			}
			written += call
		case strings.HasSuffix(path, "/journal.ndjson"):
			upTo := written
			done = func() { safe = upTo }
		case strings.HasSuffix(path, "/1.stdout") && !strings.HasPrefix(call, "write("):
			done = func() { logs[filepath.Base(filepath.Dir(path))] = true }
		}
		if strings.Contains(call, "<unfinished ...>") {
			under[thread] = done
		} else {
			done()
		}
	}
	if begun != 22 || early == 0 {
		t.Errorf("%d programs were started, %d of them announced", begun, early)
	}
}
