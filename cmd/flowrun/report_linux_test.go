package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/files"
)

// reports are flags for one of every kind, in the folder out.
func reports() (flags []string) {
	for _, kind := range files.Names() {
		flags = append(flags, "--report", kind+"=out/"+kind)
	}
	return flags
}

// report is one of them; all of them have to be there, and nothing else.
func (c *command) report(t *testing.T, kind string) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(c.dir, "out"))
	if err != nil || len(list) != len(files.Names()) {
		t.Errorf("%v, %v", list, err)
	}
	b, err := os.ReadFile(filepath.Join(c.dir, "out", kind))
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestReportsOfWhatEndsBadly: reports are written when a run is cancelled, killed, or loses its journal; of one that crashed they can
// be made later, and by the run that goes on.
func TestReportsOfWhatEndsBadly(t *testing.T) {
	t.Parallel()
	const waits = `
steps:
  - {id: first, run: echo done}
  - {id: s, run: "echo begun $FLOWRUN_ATTEMPT; : >ready; test -e go || exec sleep 1000", finally: [{run: ": >tidied"}]}
`
	begin := func(t *testing.T) (c *command, r *journal.Run, ended func() bool) {
		c = prepare(t, waits)
		ended = c.start(t, c.cmd(append(reports(), "run", "w.yaml")...))
		until(t, slack, "step", func() bool { _, err := os.Stat(filepath.Join(c.dir, "ready")); return err == nil })
		return c, c.run(t), ended
	}
	for _, x := range []struct {
		name    string
		signals []syscall.Signal
		cause   string
	}{
		{"cancelled", []syscall.Signal{syscall.SIGINT}, "SIGINT"},
		{"killed", []syscall.Signal{syscall.SIGQUIT}, "SIGQUIT"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c, r, ended := begin(t)
			for _, s := range x.signals {
				_ = syscall.Kill(r.Header.Process.PID, s)
			}
			until(t, slack, "end", ended)
			if got := c.report(t, "junit"); !strings.Contains(got, `<error message="cancelled: `+x.cause+`" type="cancelled">`) || !strings.HasSuffix(got, "</testsuites>\n") {
				t.Error(got)
			}
		})
	}
	t.Run("journal lost", func(t *testing.T) {
		t.Parallel()
		c := prepare(t, manySteps)
		c.small(t, 160<<10)
		if _, errs, state := c.say(append(reports(), "run", "w.yaml", "-q")...); state != "exit status 3" {
			t.Errorf("%s\n%s", state, errs)
		}
		if got := c.report(t, "md"); !strings.Contains(got, "cancelled by `the loss of its journal") {
			t.Error(got)
		}
	})
	t.Run("crashed", func(t *testing.T) {
		t.Parallel()
		c, r, ended := begin(t)
		until(t, slack, "log", func() bool {
			b, _ := os.ReadFile(filepath.Join(r.Folder, "logs", "s", "1.stdout"))
			return len(b) > 0
		})
		_ = syscall.Kill(r.Header.Process.PID, syscall.SIGKILL)
		until(t, slack, "end", ended)
		// What is written as it happens is there.
		b, err := os.ReadFile(filepath.Join(c.dir, "out", "events"))
		if err != nil || !strings.Contains(string(b), `"path":"s"`) {
			t.Errorf("%s, %v", b, err)
		}
		if out, errs, state := c.say(append(reports(), "report")...); state != "exit status 0" {
			t.Errorf("%s\n%s%s", state, out, errs)
		}
		if got := c.report(t, "junit"); !strings.Contains(got, `<error message="it was working when the run crashed" type="Unfinished">`) {
			t.Error(got)
		}
		if got := c.report(t, "events"); strings.Count(got, `"text":"begun 1\n"`) != 1 { // whether its journal knows it or not
			t.Error(got)
		}
		c.file("go")
		if out, errs, state := c.say(append(reports(), "resume", "-q")...); state != "exit status 0" {
			t.Errorf("%s\n%s%s", state, out, errs)
		}
		junit, events := c.report(t, "junit"), c.report(t, "events")
		if !strings.Contains(junit, `tests="3" failures="0" errors="0"`) || !strings.Contains(junit, "done\n") || !strings.Contains(junit, "begun 2\n") {
			t.Error(junit)
		}
		for _, text := range []string{`"text":"done\n"`, `"text":"begun 2\n"`, `"type":"run.end"`} {
			if strings.Count(events, text) != 1 {
				t.Errorf("%s is not there once:\n%s", text, events)
			}
		}
	})
}
