package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReplace: the program with the engine takes the place of this one, under the supervisor that is there, in the folder where the
// command was typed, and with its exit code.
func TestReplace(t *testing.T) {
	t.Parallel()
	c := &command{dir: filepath.Join(home(t), "run"), mark: "replace"}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	const other = `#!/bin/sh
test "$FLOWRUN_SUPERVISOR" = "$PPID" && pwd && echo "$*"
exit 7
`
	syscall.ForkLock.RLock() // see home
	err := os.WriteFile(filepath.Join(c.dir, "flowrun-temporal"), []byte(other), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{
		{"worker", "--slots", "3"},
		{"run", "-C", "sub", "none.yaml", "--engine=temporal"},
	} {
		cmd := c.cmd(line...)
		cmd.Env = append(cmd.Env, "PATH="+c.dir+":"+os.Getenv("PATH"))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // its error is the code
		if got, want := own(&out), c.dir+"\n"+strings.Join(line, " ")+"\n"; got != want || cmd.ProcessState.ExitCode() != 7 {
			t.Errorf("%s: %q, exit code %d", line, got, cmd.ProcessState.ExitCode())
		}
	}
}
