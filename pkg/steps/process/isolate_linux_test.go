package process

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	_ "github.com/flowrun/flowrun/pkg/steps/process/supervisor" // its init is the first process of a namespace
)

// canIsolate is found out once: under the race detector each end of a process takes a second.
var canIsolate = sync.OnceValue(isolates)

// isolated is a script in a namespace of its own.
func isolated(t *testing.T, text string, out *output) Spec {
	t.Helper()
	if !canIsolate() {
		t.Skip("no namespaces")
	}
	spec := script(text, out)
	spec.Mode = Isolated
	return spec
}

func TestIsolatedExit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"exit 0": "exit status 0", "exit 143": "exit status 143", "kill -TERM $$": "killed by SIGTERM",
		"kill -KILL $$": "killed by SIGKILL", "kill -SEGV $$": "killed by SIGSEGV", "exec sleep 0": "exit status 0",
		// One that it has left behind does not hold it up, nor make it another's status.
		"setsid sh -c 'sleep 0.01; exit 3' & sleep 0.05; exit 4": "exit status 4", "sleep 1000 & exit 5": "exit status 5",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got := wait(t, start(t, isolated(t, text, newOutput()), time.Hour)).String(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// TestIsolatedSees: the step sees itself, its children and the first process, which collects orphans.
func TestIsolatedSees(t *testing.T) {
	t.Parallel()
	out := newOutput()
	wait(t, start(t, isolated(t, `for i in 1 2 3 4 5 6 7 8; do (true & exec true) & done; wait
n=0; while grep -qs 'State:.Z' /proc/[0-9]*/status && [ $n -lt 1000 ]; do sleep 0.01; n=$((n+1)); done
grep -l 'State:.Z' /proc/[0-9]*/status; cd /proc; ls -d [0-9]* | wc -l; cat /proc/1/comm; test "$(cat /proc/self/stat | wc -l)" = 1; readlink /proc/self/ns/pid`, out), time.Hour))
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 4 || lines[0] > "6" || lines[1] == "" {
		t.Errorf("%q", lines)
	}
	mine := newOutput()
	wait(t, start(t, script("readlink /proc/self/ns/pid", mine), time.Hour))
	if len(lines) > 2 && lines[2]+"\n" == mine.String() {
		t.Error("the namespace is ours")
	}
}

// TestIsolatedStop: the signal, and the grace, are for the whole tree, also when its leader has gone.
func TestIsolatedStop(t *testing.T) {
	t.Parallel()
	for _, sig := range []string{"TERM", "HUP", "USR1"} {
		out := newOutput()
		p := start(t, isolated(t, `trap 'echo told; exit 9' `+sig+`
setsid sh -c 'trap "while kill -0 $1 2>/dev/null; do sleep 0.01; done; echo cleaned; exit" `+sig+`; echo up; while :; do sleep 0.01; done' sh $$ &
while :; do sleep 0.01; done`, out), 2*soon)
		p.signal = sig
		out.lines(1)
		p.Stop()
		exit := wait(t, p)
		if got := out.String(); exit.String() != "exit status 9" || got != "up\ntold\ncleaned\n" {
			t.Errorf("%s: %s, %q", sig, exit, got)
		}
	}
}

// TestIsolatedGrace: what does not obey is killed after the grace.
func TestIsolatedGrace(t *testing.T) {
	t.Parallel()
	out := newOutput()
	p := start(t, isolated(t, `trap '' TERM; setsid sleep 1000 & echo up; while :; do sleep 0.01; done`, out), 50*time.Millisecond)
	out.lines(1)
	p.Stop()
	if exit := wait(t, p); exit.String() != "killed by SIGKILL" || len(exit.Left) > 0 {
		t.Error(exit)
	}
	p = start(t, isolated(t, `echo up; while :; do sleep 0.01; done`, newOutput()), 0)
	p.Kill()
	if exit := wait(t, p); exit.String() != "killed by SIGKILL" {
		t.Error(exit)
	}
}

// TestIsolatedStart: what keeps the program from starting is told as without a namespace.
func TestIsolatedStart(t *testing.T) {
	t.Parallel()
	spec := isolated(t, "", newOutput())
	spec.Path = "/no/such/program"
	if _, err := Start(spec); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	spec.Path = t.TempDir()
	if _, err := Start(spec); !errors.Is(err, unix.EACCES) {
		t.Error(err)
	}
}
