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

// Past is what is known of the last good runs of a workflow: those that succeeded, the newest first. It is not changed. Nil is none.
type Past struct{ runs []*good }

// Good is a run that succeeded.
type Good struct {
	ID   string
	Took time.Duration
}

// last is how many runs count.
const last = 10

// Runs are those that count.
func (p *Past) Runs() []Good {
	if p == nil {
		return nil
	}
	out := make([]Good, len(p.runs))
	for i, g := range p.runs {
		out[i] = g.Good
	}
	return out
}

// With is p with a run that succeeded as the newest.
func (p *Past) With(r *Run, run Good) *Past {
	g, err := decode(r.encode(run))
	if err != nil {
		panic("durations: what was just written cannot be read")
	}
	out := &Past{runs: []*good{g}}
	if p != nil {
		out.runs = append(out.runs, p.runs[:min(len(p.runs), last-1)]...)
	}
	return out
}

// Without is p as it were without a run.
func (p *Past) Without(id string) *Past {
	if p == nil {
		return nil
	}
	return &Past{runs: slices.DeleteFunc(slices.Clone(p.runs), func(g *good) bool { return g.ID == id })}
}

// record is what is known of a step.
type record struct{ runs []sample }

// record is nil if nothing is known.
func (p *Past) record(path string, d plan.Digest) *record {
	if p == nil {
		return nil
	}
	key := keyOf(path, d)
	var r *record
	for _, g := range p.runs {
		if s, ok := g.find(key); ok {
			if r == nil {
				r = &record{}
			}
			r.runs = append(r.runs, s)
		}
	}
	return r
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

// usual is that of the attempts.
func (r *record) usual() Usual {
	runs, sorted := r.all((*times).ofAttempts)
	return usual(runs, sorted)
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
