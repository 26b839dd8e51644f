package durations

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// spot is a step by its path, in which [*] stands for the numbers of generated children: all of these are one.
type spot struct {
	def    *plan.Step
	path   string
	prefix string // of the paths of the steps inside with an id
	depth  int
	past   record
	inside []*spot         // nil until it is asked for
	number map[int32]int32 // of each in inside, by plan.Step.Index
	seen   *seen           // in this run; nil: nothing
	memo
}

// memo is what was found out of a spot.
type memo struct {
	expect  *span  // of one that has not begun; nil until it is asked for
	cancels answer // Run.cancels
	counted answer // items is known: how many of it a generator makes
	items   int
}

// seen is what a run has shown of a spot.
type seen struct {
	begun int
	again bool // there was more than one attempt
	times
}

// maxSpots bounds a tree: a workflow that calls others many times has more steps than there are in the file.
const maxSpots = 120_000

// tree are the spots of a plan.
type tree struct {
	plan    *plan.Plan
	past    *Past
	gather  gatherer
	digests []plan.StepDigest
	forms   []*form
	spots   int
}

// below are the spots directly inside s. A call has those of what it calls.
func (t *tree) below(s *spot) []*spot {
	if s.inside != nil || t.spots > maxSpots {
		return s.inside
	}
	s.number = map[int32]int32{}
	s.inside = []*spot{}
	around := s.prefix
	t.add(s, s.def, around)
	if c, ok := t.form(s.def).action.(*plan.Call); ok {
		prefix := s.path
		if prefix != "" {
			prefix += "."
		}
		t.add(s, c.Workflow.Body, prefix)
	}
	return s.inside
}

// add adds the spots of what is written inside def to s.
func (t *tree) add(s *spot, def *plan.Step, prefix string) {
	form := t.form(def)
	def.Inside(func(x *plan.Step) {
		y := &spot{def: x, prefix: prefix, depth: s.depth + 1}
		switch {
		case x == form.generated || x == form.visit:
			path := s.path
			if x == form.visit {
				path = plan.Below(path, "as_completed")
			} else if path == "" {
				path = def.Kind
			}
			y.path = path + "[*]"
			y.prefix = y.path + "."
			if x.ID != "" {
				y.path = y.prefix + x.ID
			}
		case x.ID != "":
			y.path = prefix + x.ID
		default:
			y.path = plan.Below(s.path, x.Piece)
		}
		y.past = t.gather.record(t.past, y.path, t.digests[x.Index].Own)
		s.number[x.Index] = int32(len(s.inside))
		s.inside = append(s.inside, y)
		t.spots++
	})
}

// form is what a step is made of, as far as it counts here.
type form struct {
	action    plan.Node
	generated *plan.Step // the body of a generator
	visit     *plan.Step // as_completed
	when      bool       // it has an `if`
	retry     bool
	needs     []plan.Need
	slot      bool    // it takes one of the limit of the block around it
	sems      []int32 // it takes, --jobs among them
	timeout   *plan.Value
	total     *plan.Value
	handle    *plan.Handle
}

func (t *tree) form(def *plan.Step) *form {
	if f := t.forms[def.Index]; f != nil {
		return f
	}
	f := &form{}
	t.forms[def.Index] = f
	n := def.Body
	for ; plan.Inner(n) != nil; n = plan.Inner(n) {
		switch n := n.(type) {
		case *plan.When:
			f.when = true
		case *plan.Retry:
			f.retry = true
		case *plan.Needs:
			f.needs = n.On
		case *plan.Hold:
			if f.slot = f.slot || n.Sem == plan.Slots; n.Sem != plan.Slots {
				f.sems = append(f.sems, n.Sem)
			}
		case *plan.Limit:
			if n.Total {
				f.total = n.D
			} else {
				f.timeout = n.D
			}
		case *plan.Handle:
			f.handle = n
		}
	}
	f.action = n
	switch n := n.(type) {
	case *plan.Loop:
		f.generated = n.Gen.Do
	case *plan.Join:
		if n.Gen != nil {
			f.generated = n.Gen.Do
		}
		if n.Visit != nil {
			f.visit = n.Visit.Step
		}
	}
	return f
}

// joins says whether f is a step whose own durations are kept though others work in it: it may cancel them, or they are tried again.
func (f *form) joins() bool {
	if f.works() {
		return false
	}
	_, joins := f.action.(*plan.Join)
	return joins || f.retry
}

// works says whether f is a step that takes time by itself.
func (f *form) works() bool {
	l, ok := f.action.(*plan.Leaf)
	return ok && works(l.Kind)
}

func works(k *kind.Kind) bool { return k.Instant == nil || k.Waits }

// instance is a step of the run.
type instance struct {
	*spot
	around  *instance // nil: it is the workflow
	at      int       // in the live ones of that around it
	phase   phase
	attempt int
	began   time.Time     // the last attempt
	first   time.Time     // the first one
	took    time.Duration // the last attempt, when it is over
	until   time.Time     // the pause before the next attempt
	ready   bool          // a service
	live    []*instance   // inside that have not ended
	over    []bool        // by spot.inside; nil: none of them has ended
	passed  int           // generated children that have begun
	done    int           // that have ended
	visited int           // visits that have ended
	atOnce  int           // children at work
	peak    int           // the most of them
}

// stepped is an instance with its number.
type stepped struct {
	number int32
	*instance
}

// phase is how far an instance is.
type phase uint8

const (
	unheard phase = iota
	waiting
	working
	pausing
	handling
	ended
)

// observe follows the run by its next event.
func (r *Run) observe(e event.Event) {
	switch e.Type {
	case event.StepQueued, event.StepStart, event.StepReady, event.StepRetry, event.StepEnd:
	default:
		return
	}
	i := r.instance(e)
	if i == nil {
		return
	}
	switch e.Type {
	case event.StepQueued:
		if i.phase == unheard {
			i.phase = waiting
		}
	case event.StepStart:
		r.start(i, e)
	case event.StepReady:
		i.ready = true
		i.spot.note().ready = append(i.spot.note().ready, e.Time.Sub(i.began))
	case event.StepRetry:
		i.phase, i.until = pausing, e.Time.Add(e.In)
		i.atWork(-1)
	case event.StepEnd:
		r.end(i, e)
	}
}

// note is what is seen of s.
func (s *spot) note() *seen {
	if s.seen == nil {
		s.seen = &seen{}
	}
	return s.seen
}

// instance is that of e, made when it is first heard of; nil: it is not followed.
func (r *Run) instance(e event.Event) *instance {
	n := int(e.Where.Step)
	for len(r.steps) <= n {
		r.steps = append(r.steps, nil)
	}
	if i := r.steps[n]; i != nil {
		return i
	}
	if e.Parent < 0 {
		r.steps[n] = &instance{spot: r.root}
		return r.steps[n]
	}
	around := r.steps[e.Parent]
	if around == nil {
		return nil
	}
	inside := r.below(around.spot)
	at, ok := around.number[e.Node]
	if !ok { // the tree is too large
		return nil
	}
	i := &instance{spot: inside[at], around: around, at: len(around.live)}
	r.steps[n] = i
	around.live = append(around.live, i)
	if e.Order >= event.InExcept && around.phase == working && e.Type != event.StepEnd {
		around.phase = handling
		around.took = e.Time.Sub(around.began)
	}
	return i
}

func (r *Run) start(i *instance, e event.Event) {
	if i.phase == working {
		return
	}
	if i.first.IsZero() {
		i.first = e.Time
		i.spot.note().begun++
		if i.around != nil && r.form(i.around.def).generated == i.def {
			i.around.passed++
		}
	}
	i.phase, i.began, i.attempt = working, e.Time, e.Attempt
	if e.Attempt > 1 { // all inside it begins again
		i.live, i.over, i.passed, i.done, i.visited, i.atOnce = nil, nil, 0, 0, 0, 0
	}
	i.atWork(+1)
}

// atWork counts i among those at work in the block around it.
func (i *instance) atWork(n int) {
	if i.around != nil {
		i.around.atOnce += n
		i.around.peak = max(i.around.peak, i.around.atOnce)
	}
}

func (r *Run) end(i *instance, e event.Event) {
	if i.phase == working || i.phase == handling {
		i.atWork(-1)
	}
	if i.phase == working {
		i.took = e.Time.Sub(i.began)
	}
	if f := r.form(i.def); !i.first.IsZero() && (f.works() && e.Status == event.Succeeded && e.Recovered == nil || f.joins()) {
		n := i.spot.note()
		n.attempts = append(n.attempts, i.took)
		n.whole = append(n.whole, i.began.Add(i.took).Sub(i.first))
		n.again = n.again || i.attempt > 1
	}
	i.phase = ended
	i.live, i.over = nil, nil
	r.lately = stepped{e.Where.Step, i}
	around := i.around
	if around == nil {
		return
	}
	r.steps[e.Where.Step] = nil
	if i.at < len(around.live) && around.live[i.at] == i { // it is not of an attempt that is over
		moved := around.live[len(around.live)-1]
		around.live[i.at], moved.at = moved, i.at
		around.live = around.live[:len(around.live)-1]
	}
	switch f := r.form(around.def); i.def {
	case f.generated:
		around.done++
		return
	case f.visit:
		around.visited++
		return
	}
	if around.over == nil {
		around.over = make([]bool, len(around.inside))
	}
	around.over[around.number[i.def.Index]] = true
}

// answer is one that may be known already.
type answer uint8

const (
	unasked answer = iota
	yes
	no
)
