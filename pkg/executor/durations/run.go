package durations

import (
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Run follows a run by its events. All of its methods can be called at any time, by any goroutine; those that ask give
// nothing when r is nil. Of steps it knows those that have not ended, and the one that ended last.
//
//	r := durations.Follow(p, past, inputs)
//	for each event e:              r.Observe(e)
//	for each frame, or second:     left, known := r.Left(now)          "about 2m left"
//	for a step at work, or ended:  usual, known := r.Usual(number)     "41s / ~12s", number is event.Where.Step
//	                               r.Slow(number, now)                 "slower than usual (12s)"
type Run struct {
	tree
	inputs map[string]any
	mu     sync.Mutex
	root   *spot
	steps  []*instance // by event.Where.Step; nil: unheard of, not followed, or ended
	lately stepped     // that ended last
	ended  bool
	clock
	ask
}

// clock is when something was asked last, and the answer.
type clock struct {
	asked time.Time
	left  time.Duration
	known bool
}

// Follow follows a run of p, with what is known of past ones (nil: nothing) and the inputs of this one (nil: they are not known).
func Follow(p *plan.Plan, past *Past, inputs map[string]any) *Run {
	r := &Run{
		tree:   tree{plan: p, past: past, digests: p.Digests(), forms: make([]*form, len(p.Steps))},
		inputs: inputs,
	}
	r.root = &spot{def: p.Main.Body}
	return r
}

// Observe takes the next event.
func (r *Run) Observe(e event.Event) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observe(e)
	r.ended = r.ended || e.Type == event.RunEnd
}

// encode is the file of the run, which has succeeded.
func (r *Run) encode(run Good) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return encode(&r.tree, r.root, run)
}

// Left is about how long the run still takes; not known when that would be a guess. It is cheap to ask often: what is
// left is looked at once a second.
func (r *Run) Left(now time.Time) (left time.Duration, known bool) {
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || len(r.steps) == 0 || r.past == nil || len(r.past.runs) < fewest {
		return 0, false
	}
	if since := now.Sub(r.asked); r.asked.IsZero() || since < 0 || since >= time.Second {
		r.clock = clock{asked: now}
		r.clock.left, r.clock.known = r.look(now)
	}
	return max(0, r.clock.left-now.Sub(r.asked)), r.clock.known
}

// Usual is about how long an attempt at a step works that succeeds, by the number of the step in the run; not known when too
// little is known of it, or when it takes no time by itself, as a block.
func (r *Run) Usual(step int32) (usual time.Duration, known bool) {
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.usual(r.at(step))
	return u.Median, u.Runs >= fewest
}

func (r *Run) usual(i *instance) Usual {
	if i == nil || !r.form(i.def).works() {
		return Usual{}
	}
	return i.past.usual()
}

// at is the instance with a number; nil: nothing is known of it.
func (r *Run) at(step int32) *instance {
	if int(step) < len(r.steps) && r.steps[step] != nil {
		return r.steps[step]
	}
	if r.lately.number == step {
		return r.lately.instance
	}
	return nil
}

// Expect is how long a step that has begun takes with all its attempts, and after how long a service is ready, when past runs say
// so; else it is negative.
func (r *Run) Expect(step int32) (works, ready time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	works, ready = -1, -1
	i := r.at(step)
	if i == nil {
		return works, ready
	}
	past := &i.past
	if len(past.whole) > 0 {
		works = quantile(past.whole, 0.5)
	}
	if len(past.ready) > 0 {
		ready = quantile(past.ready, 0.5)
	}
	return works, ready
}

// Slow says whether the attempt at a step that is at work, or was the last one, is slower than usual (Usual.Slow).
func (r *Run) Slow(step int32, now time.Time) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.at(step)
	u := r.usual(i)
	switch {
	case u.Runs == 0:
		return false
	case i.phase == working:
		return u.Slow(now.Sub(i.began))
	}
	return (i.phase == handling || i.phase == ended) && u.Slow(i.took)
}
