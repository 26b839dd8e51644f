// Package durations knows how long the steps of a workflow usually take, from its past runs that succeeded, and says of a run
// that is going on what is left of it.
//
//	journals of past runs ─► Past ─┐
//	plan.Plan ─────────────────────┼─► Follow ─► Run ─► Left, Usual, Slow
//	events of this run ────────────┘              └──► Past, for the next one
//
// A step is known by its path, in which [*] stands for the numbers of generated children, and by the digest of its definition
// (plan.StepDigest.Own): what was changed has no past.
//
// # What is left
//
// The tree of the steps is gone through with what is usual: lists add up, blocks take as long as their longest chain of needs, or as
// the queue for their limit, and never less than semaphores and --jobs let through. What has ended counts nothing, what is at work
// what is usually left after so long. Steps that usually are not begun, as a step with an `if` or a handler, count nothing either.
// What only this run can know is taken to be as it was: how many children a generator has, unless it hangs on inputs alone.
//
// There is no number where it would be a guess: with fewer than two good runs, or when more than a third of the time left is that of
// steps of which nothing is known. Those count as the mean of the others.
package durations

import (
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Past is what is known of the last good runs of a workflow: those that succeeded. It is not changed.
type Past struct {
	File  string // of the workflow, absolute
	Runs  []Good // the newest first
	steps map[step]*record
}

// Good is a run that succeeded.
type Good struct {
	ID   string
	Took time.Duration
}

// step is what a record is of.
type step struct {
	path   string // [*] stands for the numbers of generated children
	digest plan.Digest
}

// record is what is known of a step.
type record struct{ runs []sample }

// sample is what was seen of a step in one run.
type sample struct {
	run   int // its number in Past.Runs
	begun int // how often it began
	of    int // how often that around it did
	times
}

// times are durations, sorted; of very many some.
type times struct {
	attempts []time.Duration // of those that succeeded
	whole    []time.Duration // with all attempts before and their pauses; nil: there were none
	ready    []time.Duration // until a service was ready
}

// most is how many durations of a step are kept of one run.
const most = 16

// last is how many runs count.
const last = 10

func (p *Past) record(path string, d plan.Digest) *record {
	if p == nil || len(p.Runs) < fewest {
		return nil
	}
	return p.steps[step{path, d}]
}

// all are the durations of all runs, sorted, and of how many runs they are.
func (r *record) all(of func(*times) []time.Duration) (runs int, sorted []time.Duration) {
	if r == nil {
		return 0, nil
	}
	lists := make([][]time.Duration, 0, len(r.runs))
	for i := range r.runs {
		if list := of(&r.runs[i].times); len(list) > 0 {
			lists = append(lists, list)
		}
	}
	return len(lists), sortedDurations(lists...)
}

// rate is how often the step begins for each time that the one around it does, as it was in half of the runs.
func (r *record) rate() (rate float64, known bool) {
	if r == nil {
		return 0, false
	}
	var all []float64
	for _, s := range r.runs {
		all = append(all, float64(s.begun)/float64(s.of))
	}
	return median(all), len(all) > 0
}

// retried says that the step usually has more than one attempt.
func (r *record) retried() bool {
	return r != nil && slices.ContainsFunc(r.runs, func(s sample) bool { return len(s.whole) > 0 })
}

// neverWon says that the step has begun, and never succeeded.
func (r *record) neverWon() bool {
	return r != nil && !slices.ContainsFunc(r.runs, func(s sample) bool { return len(s.attempts) > 0 || s.begun == 0 })
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[(len(list)-1)/2]
}

func (t *times) ofAttempts() []time.Duration { return t.attempts }
func (t *times) ofReady() []time.Duration    { return t.ready }

// ofAll are the durations of steps with all their attempts.
func (t *times) ofAll() []time.Duration {
	if len(t.whole) > 0 {
		return t.whole
	}
	return t.attempts
}
