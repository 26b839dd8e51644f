package durations_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestConformance asks between all instants of runs of all kinds what is left. Those that succeed went the same way twice before.
func TestConformance(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../testdata/conformance/*/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	asked, off := 0, 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p := compile(t, string(text), 0)
		var past *durations.Past
		var total time.Duration
		for run := range 3 {
			r := durations.Follow(p, past, nil)
			before := start
			o, took := play(p, nil, each(time.Second), func(e event.Event) {
				if e.Time.After(before) {
					now := before.Add(e.Time.Sub(before) / 2)
					left, known := r.Left(now)
					if left < 0 || run == 2 && !known {
						t.Errorf("%s: %v, %v", path, left, known)
					}
					if is := total - now.Sub(start); run == 2 {
						asked++
						if (left - is).Abs() > total/4 {
							off++
							t.Logf("%s: after %v: %v, is %v", path, now.Sub(start), left, is)
						}
					}
					before = e.Time
				}
				r.Observe(e)
			})
			if o.Status != event.Succeeded {
				break
			}
			past, total = past.With(r, durations.Good{ID: "r", Took: took}), took
		}
	}
	if off > asked/15 { // cleanups after a cancel, and tasks that are awaited in an inner list, are not looked at
		t.Errorf("%d of %d answers are off by more than a quarter of the run", off, asked)
	}
}
