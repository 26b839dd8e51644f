package executor_test

import (
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestJitterOfEachAttempt: the jitter is a function of the attempt, too, so the pauses of one step are spread over the
// bounds and not only those of many steps.
func TestJitterOfEachAttempt(t *testing.T) {
	p := compile(t, "flow.yaml", []byte(`
flowrun: 1
steps: [{id: r, fail: x, retry: {attempts: 30, delay: 1s, jitter: 0.5}}]
`), nil)
	pauses := func() (all []time.Duration, low, high int) {
		for _, e := range onSim(p, nil, false).events {
			if e.Type != event.StepRetry {
				continue
			}
			switch {
			case e.In < 500*time.Millisecond, e.In > 1500*time.Millisecond:
				t.Errorf("a pause of %s", e.In)
			case e.In < 850*time.Millisecond:
				low++
			case e.In > 1150*time.Millisecond:
				high++
			}
			all = append(all, e.In)
		}
		return all, low, high
	}
	first, low, high := pauses()
	if len(first) != 29 || low == 0 || high == 0 {
		t.Errorf("%d pauses, %d much shorter than the delay, %d much longer: %v", len(first), low, high, first)
	}
	if again, _, _ := pauses(); jsonText(again) != jsonText(first) {
		t.Errorf("a run with the same id pauses otherwise: %v, %v", again, first)
	}
}
