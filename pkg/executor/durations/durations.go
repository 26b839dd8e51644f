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

// record is what is known of a step by all runs.
type record struct {
	times
	known bool    // anything is
	runs  int     // in which an attempt counts
	rate  float64 // how often it begins for each time that the step around it does, as in half of the runs
	again bool    // there were attempts before the last one
	never bool    // it has begun, and no attempt counts
}

// gatherer makes records.
type gatherer struct {
	times
	rates []float64
}

func (g *gatherer) record(p *Past, path string, d plan.Digest) (r record) {
	if p == nil {
		return r
	}
	key := keyOf(path, d)
	g.attempts, g.whole, g.ready, g.rates = g.attempts[:0], g.whole[:0], g.ready[:0], g.rates[:0]
	begun := int64(0)
	for _, run := range p.runs {
		line := run.find(key)
		if line == nil {
			continue
		}
		n, line := number(line)
		of, line := number(line)
		begun += n
		g.rates = append(g.rates, float64(n)/float64(max(1, of)))
		before := len(g.attempts)
		g.attempts, line = appendTo(g.attempts, line)
		whole := len(g.whole)
		if g.whole, line = appendTo(g.whole, line); len(g.whole) > whole {
			r.again = true
		} else {
			g.whole = append(g.whole, g.attempts[before:]...)
		}
		g.ready, _ = appendTo(g.ready, line)
		if len(g.attempts) > before {
			r.runs++
		}
	}
	if r.known = len(g.rates) > 0; !r.known {
		return r
	}
	slices.Sort(g.rates)
	r.rate = g.rates[(len(g.rates)-1)/2]
	r.never = begun > 0 && r.runs == 0
	r.attempts, r.ready = sorted(g.attempts), sorted(g.ready)
	r.whole = r.attempts
	if r.again {
		r.whole = sorted(g.whole)
	}
	return r
}

// sorted is a sorted copy; nil for none.
func sorted(list []time.Duration) []time.Duration {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// usual is that of the attempts.
func (r *record) usual() Usual {
	if r.runs == 0 {
		return Usual{}
	}
	return Usual{Runs: r.runs, Median: quantile(r.attempts, 0.5), P90: quantile(r.attempts, 0.9)}
}
