package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// status N COMMAND [ARG...] runs a command and wants the exit code N. `exec` only knows success and failure.
// What it prints is left in the files out and err.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Args[0] = args[1]
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "NO_COLOR", "FORCE_COLOR", "TERM", "FLOWRUN_JOBS", "FLOWRUN_STRICT", "FLOWRUN_INPUT", "FLOWRUN_DRY_RUN", "FLOWRUN_FORMAT", "TOKEN", "FLOWRUN_ENV_FILE", "XDG_STATE_HOME", "A", "TRACEPARENT", "TEMPORAL_ADDRESS", "FLOWRUN_ENGINE"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := os.Create(ts.MkAbs("out"))
	ts.Check(err)
	defer out.Close()
	errs, err := os.Create(ts.MkAbs("err"))
	ts.Check(err)
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	code := 0
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if code != want {
		o, e := ts.ReadFile("out"), ts.ReadFile("err")
		ts.Fatalf("exit code %d, want %d\n[stdout]\n%s[stderr]\n%s", code, want, o, e)
	}
}
