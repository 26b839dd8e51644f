package executor

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// collector builds a Result from events, and from nothing else. It keeps a record of about 200 bytes for each
// step; a further attempt of a step takes the place of what the former attempt had begun.
type collector struct {
	plan   *plan.Plan
	steps  []*Step // by event.Where.Step; nil: forgotten
	result *Result
}

func newCollector(p *plan.Plan, runID string) *collector {
	return &collector{plan: p, result: &Result{Run: runID, Workflow: p.Name, File: p.File}}
}

// observe takes the next event.
func (c *collector) observe(e event.Event) {
	switch e.Type {
	case event.RunStart:
		c.result.Started = e.Time
	case event.StepQueued:
		c.record(e)
	case event.StepStart:
		s := c.record(e)
		s.Attempts = e.Attempt
		if e.Attempt > 1 {
			c.forgetBody(s)
		}
	case event.StepEnd:
		s := c.record(e)
		s.Outcome, s.Timing = e.Outcome, e.Timing
		s.Artifacts = e.Artifacts()
		s.Extra, s.Last = nil, nil
		s.Attempts = e.Attempt
		s.Recovered = e.Recovered
		s.returned = int32(e.Returned)
	case event.RunEnd:
		c.finish(e)
	}
}

// record is the record of the step that e tells of, made when it is first heard of.
func (c *collector) record(e event.Event) *Step {
	n := int(e.Where.Step)
	for len(c.steps) <= n {
		c.steps = append(c.steps, nil)
	}
	if s := c.steps[n]; s != nil {
		return s
	}
	s := &Step{Path: e.Path, Def: c.plan.Steps[e.Node], order: e.Order, number: e.Where.Step}
	c.steps[n] = s
	if e.Parent < 0 {
		c.result.Root = s
		return s
	}
	// A step whose parent is forgotten belongs to an attempt that is over; nobody would see it.
	if p := c.steps[e.Parent]; p != nil {
		p.Children = append(p.Children, s)
	}
	return s
}

// forgetBody drops what the former attempt of s had begun. Handlers stand around all attempts: they stay.
func (c *collector) forgetBody(s *Step) {
	s.Children = slices.DeleteFunc(s.Children, func(x *Step) bool {
		if x.order >= event.InExcept {
			return false
		}
		c.forget(x)
		return true
	})
}

func (c *collector) forget(s *Step) {
	c.steps[s.number] = nil
	for _, x := range s.Children {
		c.forget(x)
	}
}

// finish puts everything in its order.
func (c *collector) finish(e event.Event) {
	r := c.result
	r.Duration = e.Time.Sub(r.Started)
	if r.Root == nil {
		panic("executor: a run ended without its workflow")
	}
	r.Root.Outcome = e.Outcome
	r.Root.Extra, r.Root.Last = nil, nil
	r.Returned = arrange(r.Root)
	c.steps = nil
}

// arrange sorts the children below s and counts the errors that were handed back as values.
func arrange(s *Step) (returned int) {
	byOrder := func(a, b *Step) int { return cmp.Compare(a.order, b.order) }
	if !slices.IsSortedFunc(s.Children, byOrder) {
		slices.SortStableFunc(s.Children, byOrder)
	}
	s.Children = slices.Clip(s.Children)
	returned = int(s.returned)
	for _, c := range s.Children {
		returned += arrange(c)
	}
	return returned
}
