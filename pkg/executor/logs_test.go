package executor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// TestLogs: the event at the end of an attempt names the files that keep its output, whatever else has run for the step.
func TestLogs(t *testing.T) {
	p := compile(t, `flowrun: 1
steps:
  - {id: again, run: 'echo $FLOWRUN_ATTEMPT; exit 1', retry: {attempts: 2, delay: 0s}, except: [{value: 1}]}
  - {id: db, background: true, run: 'echo up; sleep 1000', ready: {log: up}}
  - {id: quiet, run: 'exit 0'}
`)
	folder := filepath.Join(t.TempDir(), "run")
	var got []string
	_, err := Run(context.Background(), p, Options{Keep: journal.Keep{Folder: folder}, Observe: []func(event.Event){func(e event.Event) {
		if e.Log == "" || e.Type == event.StepOutput {
			return
		}
		kept, err := os.ReadFile(e.Log + ".stdout")
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		at, err := filepath.Rel(folder, e.Log)
		if err != nil {
			t.Error(err)
		}
		got = append(got, string(e.Type)+" "+at+": "+strings.TrimSpace(string(kept)))
	}}})
	if err != nil {
		t.Fatal(err)
	}
	want := "step.retry logs/again/1: 1\nstep.end logs/again/2: 2\nstep.end logs/quiet/1: \nstep.end logs/db/1: up"
	if text := filepath.ToSlash(strings.Join(got, "\n")); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
