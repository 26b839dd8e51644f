package executor

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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

// TestTimeOfOutput: output has the time at which it came, and no event one before that of another before it.
func TestTimeOfOutput(t *testing.T) {
	p := compile(t, `flowrun: 1
steps:
  - {id: tell, run: 'sleep 0.4; date +%s%N; sleep 0.4; date +%s%N'}
  - {id: late, run: 'while :; do date +%s%N; done', timeout: 50ms, except: [{value: 1}]}
`)
	const begin = 300 * time.Millisecond // between the begin of the run, by the clock, and that of its own time, on a busy machine
	var last time.Time
	_, err := Run(context.Background(), p, Options{Observe: []func(event.Event){func(e event.Event) {
		if e.Time.Before(last) {
			t.Errorf("%s %s is %s before the event before it", e.Type, e.Path, last.Sub(e.Time))
		}
		last = e.Time
		if said, err := strconv.ParseInt(strings.TrimSpace(e.Text), 10, 64); err == nil && e.Path == "tell" && e.Time.Add(begin).Before(time.Unix(0, said)) {
			t.Errorf("it was said %s after the time of the event", time.Unix(0, said).Sub(e.Time))
		}
	}}})
	if err != nil {
		t.Fatal(err)
	}
}
