package durations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// large is a file of n steps.
func large(n int) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\ngather:\n")
	for i := range n / 4 {
		fmt.Fprintf(&b, "  - {steps: [{id: a%d, run: a}, {id: b%d, run: b, retry: {attempts: 3}}, {run: c}]}\n", i, i)
	}
	b.WriteString("limit: 8\n")
	return b.String()
}

// BenchmarkLarge is what it costs to know what is left of a run of 10,000 steps.
func BenchmarkLarge(b *testing.B) {
	p := compile(b, large(10_000), 4)
	w := func(string, int) (time.Duration, bool) { return time.Second, true }
	past := learned(b, p, nil, w, w, w, w, w, w, w, w, w, w)
	b.Run("read", func(b *testing.B) {
		file := past.Files()
		for b.Loop() {
			if _, err := durations.Decode(file); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("follow", func(b *testing.B) {
		for b.Loop() {
			durations.Follow(p, past, nil)
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			r := durations.Follow(p, past, nil)
			b.StartTimer()
			r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
			r.Left(start)
		}
	})
	b.Run("left", func(b *testing.B) {
		r := durations.Follow(p, past, nil)
		var events []event.Event
		play(p, nil, w, func(e event.Event) { events = append(events, e) })
		for _, e := range events[:len(events)/2] {
			r.Observe(e)
		}
		now := start
		for b.Loop() {
			now = now.Add(time.Second)
			if _, known := r.Left(now); !known {
				b.Fatal("not known")
			}
		}
	})
}
