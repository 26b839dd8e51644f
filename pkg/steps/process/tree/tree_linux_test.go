package tree

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRunOfAForkingEngine: an engine without a supervisor has the limit of a step while it forks that, and its run is
// alive all the same. Another command would kill it.
func TestRunOfAForkingEngine(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Prlimit(0, rlimitLocks, nil, &before); err != nil {
		t.Fatal(err)
	}
	m := maker{limit: hash(os.Getpid()), hard: before}
	defer func() { _ = unix.Prlimit(0, rlimitLocks, &before, nil) }()
	if anyHas(m.limit) {
		t.Fatal("a limit that nobody has is found")
	}
	if !m.set(m.limit) || !anyHas(m.limit) {
		t.Error("between two forks its run is dead")
	}
	m.limited(7, func() {
		if !anyHas(m.limit) {
			t.Error("while it forks its run is dead")
		}
	})
}

// TestMarksInAnExec: the mark of a process is seen whatever it is doing, also when it has just put another program in
// its place, whose environment is not there yet.
func TestMarksInAnExec(t *testing.T) {
	again := filepath.Join(t.TempDir(), "again")
	if err := os.WriteFile(again, []byte("#!/bin/sh\nexec \"$0\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(again)
	cmd.Env = []string{Variable + "=mine"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for n := range 5000 {
		if got := marks(cmd.Process.Pid); !slices.Equal(got, []string{"mine"}) {
			t.Fatalf("look %d found %q", n, got)
		}
	}
	bare := exec.Command("sleep", "1000")
	bare.Env = []string{}
	if err := bare.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bare.Process.Kill()
		_ = bare.Wait()
	}()
	if got := marks(bare.Process.Pid); len(got) > 0 {
		t.Errorf("one without an environment has %q", got)
	}
}
