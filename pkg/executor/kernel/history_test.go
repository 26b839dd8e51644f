package kernel_test

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// history is what the events of a run tell, as a tree of the lives of steps.
type history struct {
	*scenario
	moments []moment
	lives   []*life // by instance
	end     event.Outcome
}

// life is one instance of a step, from its first event to its end.
type life struct {
	step    *plan.Step
	chain   []plan.Node // its modifiers and its action
	parent  *life
	order   int64
	attempt int // of the parent, when this one was first heard of
	kids    []*life
	first   moment
	starts  []moment // of attempts
	retries []moment
	ready   *moment
	cancel  *moment
	told    state // how far it was when it was told to stop
	end     *moment
	state   state
}

// state is how far a life is, as its events tell.
type state uint8

const (
	unborn state = iota
	queued
	running
	pausing
	handling
	over
)

var stateWords = [...]string{"unborn", "queued", "running", "pausing", "handling", "over"}

func (s state) String() string { return stateWords[s] }

// index is the position among the siblings of the same section.
func (l *life) index() int { return int(l.order & (1<<32 - 1)) }

// section is which part of the parent it belongs to (event.InBody, ...).
func (l *life) section() int64 { return l.order >> 32 << 32 }

// read makes a history of events. What contradicts the first laws is reported, and the rest read as well as possible.
func read(s *scenario, moments []moment, report func(law, format string, args ...any)) *history {
	h := &history{scenario: s, moments: moments}
	for i := range moments {
		m := moments[i]
		if m.Seq != int64(i+1) {
			report("events are numbered without a gap", "event %d has the number %d", i+1, m.Seq)
		}
		if i > 0 && m.Time.Before(moments[i-1].Time) {
			report("time never goes back", "event %d", m.Seq)
		}
		switch m.Type {
		case event.RunStart:
			if i != 0 {
				report("a run begins once", "event %d", m.Seq)
			}
		case event.RunEnd:
			h.end = m.Outcome
			if i != len(moments)-1 {
				report("after the end of the run there is no event", "event %d", m.Seq)
			}
		default:
			h.take(m, report)
		}
	}
	return h
}

func (h *history) take(m moment, report func(law, format string, args ...any)) {
	for int(m.Step) >= len(h.lives) {
		h.lives = append(h.lives, nil)
	}
	l := h.lives[m.Step]
	if l == nil {
		l = &life{step: h.Plan.Steps[m.Node], order: m.Order, first: m}
		l.chain = kernel.Chain(l.step.Body)
		h.lives[m.Step] = l
		switch {
		case m.Parent < 0:
		case h.lives[m.Parent] == nil:
			report("a step is told of before its children", "%q", m.Path)
		default:
			l.parent = h.lives[m.Parent]
			l.attempt = len(l.parent.starts)
			l.parent.kids = append(l.parent.kids, l)
			if l.parent.end != nil {
				report("a step ends after all its children", "%q began after the end of its parent", m.Path)
			}
			if l.section() >= event.InExcept {
				l.parent.state = handling
			}
		}
	}
	if l.end != nil {
		report("a step ends exactly once, and nothing of it comes after", "%s of %q after its end", m.Type, m.Path)
	}
	switch m.Type {
	case event.StepQueued:
		l.state = queued
	case event.StepStart:
		l.starts = append(l.starts, m)
		l.state = running
	case event.StepRetry:
		l.retries = append(l.retries, m)
		l.state = pausing
	case event.StepReady:
		if l.ready != nil || l.step.Ready == nil || len(l.starts) == 0 {
			report("a list waits for its services", "%q was ready twice, or is no service, or had not begun", m.Path)
		}
		l.ready = &m
	case event.StepCancel:
		if l.cancel != nil {
			report("a cancel has one cause", "%q was told twice: %s, %s", m.Path, l.cancel.Cause, m.Cause)
		}
		l.cancel, l.told = &m, l.state
	case event.StepEnd:
		l.end, l.state = &m, over
	}
}

// path is what people know it by.
func (l *life) path() string { return l.first.Path }

// handle is its except, else, finally; nil: none.
func (l *life) handle() *plan.Handle {
	h, _ := nodeOf[*plan.Handle](l)
	return h
}

// nodeOf is the first node of a type among the modifiers and the action of a life.
func nodeOf[T plan.Node](l *life) (T, bool) {
	for _, n := range l.chain {
		if x, ok := n.(T); ok {
			return x, true
		}
	}
	var none T
	return none, false
}

func has[T plan.Node](l *life) bool { _, ok := nodeOf[T](l); return ok }

// action is what it does; of a call, what the workflow does.
func (l *life) action() plan.Node { return l.chain[len(l.chain)-1] }

// inner is the modifiers and the action of the workflow that it calls: they are told of under its own name.
func (l *life) inner() []plan.Node {
	if c, ok := l.action().(*plan.Call); ok {
		return kernel.Chain(c.Workflow.Body.Body)
	}
	return nil
}

// limit is the timeout or total_timeout among its own modifiers; nil: none.
func (l *life) limit(total bool) *plan.Limit {
	for _, n := range l.chain {
		if x, ok := n.(*plan.Limit); ok && x.Total == total {
			return x
		}
	}
	return nil
}

// body is the children of the last attempt's action, in order.
func (l *life) body() []*life {
	var out []*life
	for _, c := range l.kids {
		if c.section() == event.InBody && c.attempt == len(l.starts) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *life) int { return int(a.order - b.order) })
	return out
}

// kept says whether it is a child of a wait that hands over what is not done: it may outlive it.
func (l *life) kept() bool {
	j, ok := l.parent.action().(*plan.Join)
	return ok && j.Keep && l.section() == event.InBody
}

// within says whether it ended, and in that instant or before.
func (l *life) within(instant int64) bool { return l.end != nil && l.end.Instant <= instant }

// shielded says whether a cancel may be held back: then it is not told.
func (l *life) shielded() bool { return has[*plan.Shield](l) }
