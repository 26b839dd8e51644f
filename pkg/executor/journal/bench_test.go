package journal_test

import (
	"io"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// BenchmarkWriter is what it takes to keep a step: its begin and its end, each committed by itself, as of a process; or many at
// once, as of values; and what a sync adds.
func BenchmarkWriter(b *testing.B) {
	for _, x := range []struct {
		name  string
		how   journal.Durability
		batch int
		sync  bool
	}{{"alone", journal.Crash, 1, false}, {"100 at once", journal.Crash, 100, false}, {"synced", journal.PowerLoss, 1, true}, {"100 synced at once", journal.PowerLoss, 100, true}} {
		b.Run(x.name, func(b *testing.B) {
			w, err := journal.Create(journal.Keep{Folder: journal.Of(b.TempDir(), "01A"), Durability: x.how}, journal.Header{Start: begin()}, journal.Inputs{})
			if err != nil {
				b.Fatal(err)
			}
			step := event.Where{Step: 1, Order: 1, Node: 1}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				w.Observe(event.Event{Type: event.StepStart, Time: begin(), Path: "gather[17]", Attempt: 1, Where: step})
				w.Observe(event.Event{Type: event.StepEnd, Time: begin(), Path: "gather[17]", Attempt: 1, Where: step, Outcome: event.Success("some output")})
				if n++; n%x.batch > 0 {
					continue
				}
				if err := w.Commit(); err != nil {
					b.Fatal(err)
				}
				if x.sync {
					w.Sync()
				}
			}
			if err := w.End(func(io.Writer) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	}
}
