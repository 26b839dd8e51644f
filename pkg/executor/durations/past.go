package durations

import (
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// With is p with a run that succeeded as the newest. Those before the last ten are left out.
func (p *Past) With(r *Run, good Good) *Past {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := p.shift(func(run int) int { return run + 1 })
	out.Runs = append([]Good{good}, p.Runs[:min(len(p.Runs), last-1)]...)
	out.learn(&r.tree, r.root)
	return out
}

// Without is p as it were without some runs.
func (p *Past) Without(drop func(id string) bool) *Past {
	var runs []Good
	number := make([]int, len(p.Runs))
	for i, r := range p.Runs {
		number[i] = len(runs)
		if drop(r.ID) {
			number[i] = -1
		} else {
			runs = append(runs, r)
		}
	}
	out := p.shift(func(run int) int { return number[run] })
	out.Runs = runs
	return out
}

// shift is p with other numbers of runs; those that are negative, or above the last, are left out.
func (p *Past) shift(to func(run int) int) *Past {
	out := &Past{File: p.File, steps: make(map[step]*record, len(p.steps))}
	for k, r := range p.steps {
		kept := &record{}
		for _, s := range r.runs {
			if s.run = to(s.run); s.run >= 0 && s.run < last {
				kept.runs = append(kept.runs, s)
			}
		}
		if len(kept.runs) > 0 {
			out.steps[k] = kept
		}
	}
	return out
}

// learn adds what a run has shown of the steps inside s.
func (p *Past) learn(t *tree, s *spot) {
	if s.seen == nil || s.seen.begun == 0 {
		return
	}
	for _, c := range t.below(s) {
		x := sample{of: s.seen.begun}
		if c.seen != nil {
			x.begun = c.seen.begun
			x.attempts, x.ready = few(c.seen.attempts), few(c.seen.ready)
			if c.seen.again {
				x.whole = few(c.seen.whole)
			}
		}
		// Of what begins whenever its block does, and takes no time by itself, there is nothing to know.
		f := t.form(c.def)
		if x.begun != x.of || f.works() || f.when || c.def.Order >= event.InExcept {
			k := step{c.path, t.digests[c.def.Index].Own}
			r := p.steps[k]
			if r == nil {
				r = &record{}
				p.steps[k] = r
			}
			r.runs = append([]sample{x}, r.runs...)
		}
		p.learn(t, c)
	}
}

// few are at most so many of the durations as are kept, sorted, to the microsecond.
func few(list []time.Duration) []time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	sorted = thinned(sorted, most)
	for i := range sorted {
		sorted[i] = sorted[i].Round(time.Microsecond)
	}
	return sorted
}
