package journal_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// TestSignal: only the process that has begun a run and still has its journal is signalled, and none that has its number.
func TestSignal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("processes cannot be told apart here")
	}
	state := t.TempDir()
	w, _ := create(t, state, "01A")
	r := journal.Look(state, "01A")
	if r.State != journal.Live || r.Header.Process.PID != os.Getpid() {
		t.Fatalf("%+v", r)
	}
	const nothing = syscall.Signal(0)
	if err := r.Signal(nothing); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(p *journal.Process){
		"its number was given again":  func(p *journal.Process) { p.Start++ },
		"the system was booted again": func(p *journal.Process) { p.Boot = "other" },
		"it is gone":                  func(p *journal.Process) { p.PID = 1 << 30 },
		"nobody knows":                func(p *journal.Process) { *p = journal.Process{PID: 1 << 30} },
	} {
		other := *r
		change(&other.Header.Process)
		if err := other.Signal(nothing); !errors.Is(err, journal.ErrOther) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.End(func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.Signal(nothing); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the run has ended: %v", err)
	}
}
