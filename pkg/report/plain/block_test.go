package plain

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/played"
)

// TestHeld: of very much the begin and the end are shown, in whole lines, and less of each when there is much of all.
func TestHeld(t *testing.T) {
	for _, c := range []struct{ all, most int }{{0, maxPiece}, {maxAllHeld + 1, littlePiece}} {
		all, long := c.all, strings.Repeat(".", 90)
		h := &held{all: &all}
		const lines = 60_000
		for i := range lines {
			fmt.Fprintf(h, "line %d%s\n", i, long)
		}
		shown := strings.Split(strings.TrimSuffix(h.String(), "\n"), "\n")
		if n := len(h.begin) + len(h.end); n > 3*c.most || n < c.most/2 || all != c.all+n {
			t.Errorf("%d bytes are kept, and %d are counted", n, all-c.all)
		}
		if shown[0] != "line 0"+long || shown[len(shown)-1] != fmt.Sprintf("line %d%s", lines-1, long) {
			t.Errorf("%q ... %q", shown[0], shown[len(shown)-1])
		}
		if want := fmt.Sprintf("… %d lines are not shown here", lines-len(shown)+1); !strings.Contains(h.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestBeat: when nothing was said for a while, what is at work is told.
func TestBeat(t *testing.T) {
	p, events := played.Events(t, map[string]string{
		"flow.yaml": `flowrun: 1
semaphores: {db: 1}
steps:
  - gather:
      - {id: a, run: x, semaphore: db}
      - {id: b, run: x, semaphore: db}
      - {id: c, run: x, retry: {attempts: 2, delay: 50s}}
      - {id: many, gather: {for: i, in: range(9), do: {run: x}}}
`,
		"work/a": "100s", "work/b": "20s", "work/c": "5s 1", "stdout/many[0]": "hi",
	})
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := New(&out, p, Options{})
		time.Sleep(time.Until(played.Start))
		stop := r.Beat()
		for _, e := range events {
			time.Sleep(time.Until(e.Time))
			if e.Type == event.RunEnd {
				break
			}
			r.Observe(e)
		}
		stop()
		var beats []string
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "… running") {
				beats = append(beats, line)
			}
		}
		want := `… running    a 35s; waiting: b 35s (semaphore "db"), c (attempt 2 in 20s)
… running    a 1m30s; waiting: b 1m30s (semaphore "db")
`
		if got := strings.Join(beats, ""); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

// TestBeatNamesFew: of many steps some are named.
func TestBeatNamesFew(t *testing.T) {
	p, events := played.Events(t, map[string]string{
		"flow.yaml": "flowrun: 1\nsteps:\n  - gather: {for: i, in: range(9), do: {run: x}}\n    limit: 7\n",
	})
	r := New(&bytes.Buffer{}, p, Options{})
	for _, e := range events {
		if e.Time.After(played.Start) {
			break
		}
		r.Observe(e)
	}
	want := "steps[0][0] 1s, steps[0][1] 1s, steps[0][2] 1s, steps[0][3] 1s, steps[0][4] 1s; and 2 more"
	if got := r.atWork(played.Start.Add(time.Second)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
