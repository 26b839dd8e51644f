package simulation

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Limit is what a limit, a semaphore or --jobs cost.
type Limit struct {
	What string // limit, semaphore, --jobs
	// Of is the path of the block that has the limit ([*] stands for numbers), or the name of the semaphore.
	Of      string
	Permits int           // how many at once; 0: that is not the same for all
	Steps   int           // that waited
	Waited  time.Duration // of all of them together
	Longest time.Duration // of one of them
	// Without is how long the run takes without it; negative: that was not tried, for there are too many limits.
	Without time.Duration
}

// maxTries is how many limits are taken away, one by one, those first that made steps wait the most.
const maxTries = 8

// limits finds out what made steps wait, and what the run would be without it.
func (s *simulator) limits(r *Report) {
	type cost struct {
		Limit
		free *plan.Value
		sem  int // index in plan.Plan.Semaphores; -1: it is the limit of a block
	}
	var costs []*cost
	known := map[string]*cost{}
	for _, x := range r.Steps {
		for _, w := range x.Spans {
			if w.What != Waiting || strings.HasPrefix(w.Why, "needs ") {
				continue
			}
			key, c := w.Why, &cost{sem: -1}
			if w.Why == slot {
				join := x.parent.Def.Action().(*plan.Join)
				c.What, c.Of, c.free = "limit", x.parent.Path, join.Limit
				key += " " + strconv.Itoa(int(x.parent.Def.Index))
				c.Permits = s.guess.limits[join.Limit]
			} else if c.sem = s.semaphore(w.Why); c.sem >= 0 {
				sem := s.plan.Semaphores[c.sem]
				c.What, c.Of, c.Permits = "semaphore", sem.Name, sem.Permits
				if sem.Name == plan.Jobs || sem.Name == plan.Room {
					c.What, c.Of = sem.Name, ""
				}
			}
			if known[key] == nil {
				known[key] = c
				costs = append(costs, c)
			}
			c = known[key]
			if c.What == "limit" && c.Of != x.parent.Path {
				c.Of = numbers.ReplaceAllString(c.Of, "[*]")
			}
			c.Steps++
			c.Waited += w.To - w.From
			c.Longest = max(c.Longest, w.To-w.From)
		}
	}
	slices.SortStableFunc(costs, func(a, b *cost) int { return cmp.Compare(b.Waited, a.Waited) })
	for i, c := range costs {
		c.Without = -1
		if i < maxTries {
			c.Without = s.without(c.free, c.sem)
		}
		r.Limits = append(r.Limits, c.Limit)
	}
}

// semaphore is the index of the one that the words of an event are about; -1: none.
func (s *simulator) semaphore(why string) int {
	return slices.IndexFunc(s.plan.Semaphores, func(x plan.Semaphore) bool {
		switch x.Name {
		case plan.Jobs:
			return why == "a slot of "+plan.Jobs
		case plan.Room:
			return strings.HasPrefix(why, "free file descriptors")
		}
		return why == `semaphore "`+x.Name+`"`
	})
}

// without is how long the run takes without a limit of a block, or a semaphore.
func (s *simulator) without(free *plan.Value, sem int) time.Duration {
	if sem < 0 {
		return s.run(s.plan, free).Total
	}
	p := *s.plan
	p.Semaphores = slices.Clone(p.Semaphores)
	p.Semaphores[sem].Permits = boundless
	return s.run(&p, nil).Total
}
