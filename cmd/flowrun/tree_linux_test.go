package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
)

// watch runs the command on a terminal of 80 columns and 24 rows, on which a run is shown as a tree unless env, assignments
// for a shell, says otherwise.
func watch(t *testing.T, workflow, env, flags string) *screen {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	if _, err := exec.LookPath("stty"); err != nil {
		t.Skip(err)
	}
	return sit(t, workflow, sh, "-c", "stty rows 24 cols 80; unset CI NO_COLOR FORCE_COLOR LC_ALL LC_CTYPE; export TERM=xterm LANG=C.UTF-8 "+env+
		"; exec ../flowrun run w.yaml "+flags)
}

// cursorShown says whether the cursor is seen after a text was written.
func cursorShown(text string) bool {
	return strings.LastIndex(text, showCursor) > strings.LastIndex(text, hideCursor)
}

// TestTreeEnds: however a run ends that is shown as a tree, it leaves a terminal with a cursor, and below the tree.
func TestTreeEnds(t *testing.T) {
	t.Parallel()
	const waits = "while :; do sleep 0.05; done"
	goes := func(s *screen) { s.file("go") }
	for name, c := range map[string]struct {
		run  string
		end  func(s *screen)
		code string
		said string
	}{
		"success": {"until test -e go; do sleep 0.05; done", goes, "exit status 0", "succeeded in"},
		"failure": {"until test -e go; do sleep 0.05; done; exit 3", goes, "exit status 1", "failed in"},
		"Ctrl-C":  {waits, func(s *screen) { s.keys("\x03") }, "signal: interrupt", "cancelled by SIGINT in"},
		"twice": {`trap "" TERM; ` + waits, func(s *screen) {
			s.keys("\x03")
			s.shows("cancelling what runs")
			s.keys("\x03")
		}, "signal: interrupt", "killing what runs"},
		"SIGTERM":           {waits, func(s *screen) { _ = syscall.Kill(s.pid, syscall.SIGTERM) }, "signal: terminated", "cancelled by SIGTERM in"},
		"SIGQUIT":           {waits, func(s *screen) { s.keys("\x1c") }, "exit status 131", "cancelled by SIGQUIT in"},
		"engine killed":     {waits, func(s *screen) { _ = syscall.Kill(s.engine(s.t), syscall.SIGKILL) }, "exit status 137", "killed by SIGKILL"},
		"supervisor killed": {waits, func(s *screen) { _ = syscall.Kill(s.pid, syscall.SIGKILL) }, "signal: killed", "cancelled by"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := watch(t, "steps:\n  - id: work\n    run: '"+c.run+"'\n    stop: {grace: 1m}\n", "", "")
			s.shows("running  \x1b[0m  work")
			s.mu.Lock()
			s.shown.WriteString(hideCursor) // shows has forgotten that it is hidden
			s.mu.Unlock()
			c.end(s)
			until(t, limit+slack, "end", func() bool { return strings.Contains(s.text(), c.said) && cursorShown(s.text()) })
			s.gone(c.code)
			if text := s.text(); !cursorShown(text) || strings.LastIndex(text, "\x1b[?7l") > strings.LastIndex(text, "\x1b[?7h") {
				t.Errorf("%q", text)
			}
		})
	}
}

// TestTreeStops: a Ctrl-Z leaves the cursor to the shell; with fg the tree is drawn below, in the background it is not.
func TestTreeStops(t *testing.T) {
	t.Parallel()
	s := atShell(t, "\nsteps:\n  - {id: work, run: 'while ! test -e go; do sleep 0.05; done'}\n")
	s.keys("stty rows 24 cols 80; unset CI NO_COLOR; export TERM=xterm LANG=C.UTF-8\r")
	s.keys("flowrun run w.yaml\r")
	for range 2 {
		s.shows("work")
		s.keys("\x1a")
		s.shows(showCursor)
		s.shows("Stopped")
		s.shell()
		s.keys("bg\r")
		s.shows("prompt> ")
		if strings.Contains(s.text(), hideCursor) {
			t.Errorf("drawn in the background: %q", s.text())
		}
		s.keys("fg\r")
		s.shows(hideCursor)
	}
	s.file("go")
	s.shows("succeeded in")
	s.shell()
	s.leave()
}

// TestNoControl: where there is no terminal, or none that can be drawn on, nothing drives one.
func TestNoControl(t *testing.T) {
	t.Parallel()
	control := regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f]|\r[^\r\n]`) // but for the returns that a terminal makes itself
	const workflow = "steps:\n  - {id: work, run: 'echo out; sleep 0.3; printf \"\\033[31mred\\n10%%\\r20%%\\n\"'}\n  - {id: bad, run: exit 3}\n"
	for name, c := range map[string]struct{ env, flags string }{
		"NO_COLOR":       {"NO_COLOR=x", ""},
		"dumb":           {"TERM=dumb", ""},
		"no TERM":        {"TERM=", "--color never"},
		"CI":             {"CI=true", ""},
		"dumb, although": {"TERM=dumb", "--progress tty"},
		"pipe":           {"", "| cat"},
		"pipe, although": {"", "--progress tty | cat"},
		"file":           {"", "--format json >result; cat result"},
		"json":           {"NO_COLOR=x", "--format json"},
		"none":           {"", "--progress none --color never"},
		"plain":          {"", "--progress plain --color never"},
		"ndjson":         {"NO_COLOR=x", "--format ndjson"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(c.flags, ">") {
				c.env = "NO_COLOR=x"
			}
			s := watch(t, workflow, c.env, c.flags)
			<-s.ended
			if bad := control.FindString(s.text()); bad != "" || !strings.Contains(s.text(), "bad") {
				t.Errorf("%q in %q", bad, s.text())
			}
		})
	}
	// With colours, but without a tree: only colours.
	t.Run("plain in colour", func(t *testing.T) {
		t.Parallel()
		s := watch(t, workflow, "", "--progress plain")
		<-s.ended
		text := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(s.text(), "")
		if bad := control.FindString(text); bad != "" || text == s.text() {
			t.Errorf("%q in %q", bad, s.text())
		}
	})
}

// TestTreeAnyway: --progress tty asks for a tree where auto would draw none, and without colours it has none.
func TestTreeAnyway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ env, flags string }{
		{"CI=1 NO_COLOR=x", "--progress tty"},
		{"FLOWRUN_PROGRESS=tty", "--color never"},
		{"", "--color never --format json 2>&1 >result"},
	} {
		t.Run(fmt.Sprint(c.env, c.flags), func(t *testing.T) {
			t.Parallel()
			s := watch(t, "steps: [{id: work, run: 'until test -e go; do sleep 0.05; done'}]\n", c.env, c.flags)
			until(t, slack, "tree", func() bool { return strings.Contains(s.text(), hideCursor) })
			s.file("go")
			<-s.ended
			if text := s.text(); !strings.Contains(text, hideCursor) || !cursorShown(text) || strings.Contains(text, "\x1b[0m") {
				t.Errorf("%q", text)
			}
			if b, err := os.ReadFile(filepath.Join(s.dir, "result")); err == nil && strings.Contains(string(b), "\x1b") {
				t.Errorf("%q", b)
			}
		})
	}
}
