package durations

import (
	"math"
	"time"
)

// Usual is how long the attempts at a step worked that succeeded, in past runs that did.
type Usual struct {
	Runs   int // in which there were any
	Median time.Duration
	P90    time.Duration // nine of ten were not longer
}

// What makes a step slow. Who waits does not ask about seconds, and short steps differ by chance.
const (
	slowFactor = 1.5
	slowBy     = 5 * time.Second
)

// Slow says whether an attempt that took so long, or works for so long, is slower than usual: than nine of ten, than one and a
// half times the median, and by more than five seconds.
func (u Usual) Slow(took time.Duration) bool {
	return u.Runs >= fewest && took > u.P90 && took-u.Median > slowBy && float64(took) > slowFactor*float64(u.Median)
}

// fewest is in how many runs something must have been seen to be usual.
const fewest = 2

// quantile is the shortest of sorted durations that the share q of them does not exceed.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(1, int(math.Ceil(q*float64(len(sorted)))))-1]
}

// thinned are at most n of sorted durations, spread over them as these are.
func thinned(sorted []time.Duration, n int) []time.Duration {
	if len(sorted) <= n {
		return sorted
	}
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = sorted[(2*i+1)*len(sorted)/(2*n)]
	}
	return out
}
