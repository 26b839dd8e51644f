package kernel

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// stepAct is the boundary of a step: it has the path, the state that expressions read, and tells the events.
type stepAct struct {
	base
	N      *plan.Step
	Path   string // made when first wanted
	Place  event.Where
	Child  id
	Phase  phase
	Shield bool // a cancel was held back: the outcome stands
	Told   bool // of the cancel
	// NoMore: no further attempt may begin.
	NoMore                bool
	NeedsBad, NeedsFailed bool // over its needs: not all succeeded; one failed
	Attempt               int32
	Returned              int32         // errors handed back as values
	Queueing, Queued      time.Duration // since when it waits; how long it waited in all
	Started               time.Duration // of the first attempt + 1; 0: never
	Recovered             *event.Error
	Waiters               []id
	Joined                *joined
}

// joined is what is left of a join that has ended, for steps.x.children and completed.
type joined struct {
	N         *plan.Join
	Children  []child
	Completed []any
}

// phase is how far a step is. A shield holds from inAttempt on, but for between.
type phase uint8

const (
	before phase = iota
	inAttempt
	between // in a retry's pause, or queueing for the next attempt
	handling
)

// beginStep begins a written step as a child of the activation parent. order is its place among the parent step's
// children in reports, index its number among generated siblings.
func (k *Kernel) beginStep(parent id, n *plan.Step, f int32, arg int32, order int64, path string) id {
	s := k.newStep(parent, n, f, arg, order, path)
	s.Self = k.arena.add(s)
	s.Step = s.Self
	s.begin(k)
	return s.Self
}

// newStep makes the activation without beginning it.
func (k *Kernel) newStep(parent id, n *plan.Step, f int32, arg int32, order int64, path string) *stepAct {
	s := k.stepActs.take()
	s.N, s.Path = n, path
	s.base = base{Parent: parent, Arg: arg, Frame: f}
	s.Place = event.Where{Step: k.steps, Parent: -1, Order: order, Node: n.Index}
	k.steps++
	if parent != 0 {
		p := k.acts[parent].head()
		s.Depth = p.Depth + 1
		s.Place.Parent = k.step(p).Place.Step
	}
	return s
}

// neverBegun tells of a step that its block never began.
func (k *Kernel) neverBegun(parent *base, n *plan.Step, sl *slot, order int64, path string, o event.Outcome) {
	s := k.newStep(parent.Self, n, parent.Frame, 0, order, path)
	if sl != nil {
		sl.Status, sl.Cause = o.Status, o.Cause
	}
	k.emit(event.Event{Type: event.StepEnd, Path: s.path(k), Where: s.Place, Outcome: o})
}

func (s *stepAct) begin(k *Kernel) {
	if sl := k.own(s.Frame, s.N.Slot); sl != nil {
		*sl = slot{Act: s.Self, Attempt: sl.Attempt}
	}
	s.Child = k.begin(&s.base, s.N.Body, s.Frame)
}

func (s *stepAct) path(k *Kernel) string {
	if s.Path != "" || s.Parent == 0 {
		return s.Path
	}
	if s.N.ID != "" {
		s.Path = k.frames.All[s.Frame].Prefix + s.N.ID
		return s.Path
	}
	up := k.step(k.acts[s.Parent].head()).path(k)
	s.Path = join(up, s.N.Piece)
	return s.Path
}

func join(path, piece string) string {
	if path == "" {
		return piece
	}
	return path + "." + piece
}

// attempt tells that an attempt of b's step begins, if it was not told yet. The error is that of its name.
func (k *Kernel) attempt(b *base) *event.Error {
	s := k.step(b)
	if s.Phase == inAttempt || s.Phase == handling {
		return nil
	}
	s.Phase = inAttempt
	if s.Attempt == 0 {
		s.Attempt = 1
	}
	if s.Started == 0 {
		s.Started = k.now + 1
		if s.N.Ready != nil {
			k.signal(s.Parent)
		}
	}
	if sl := k.own(s.Frame, s.N.Slot); sl != nil {
		sl.Status = event.Running
	}
	var name string
	var err *event.Error
	if s.N.Name != nil {
		name, err = k.text(&s.base, s.N.Name)
	}
	k.emit(event.Event{Type: event.StepStart, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place, Name: name})
	return err
}

// queued tells that the step waits, and from when on.
func (s *stepAct) queued(k *Kernel, why string) {
	s.Queueing = k.now
	s.waits(k, why)
}

// waits tells what the step that waits is waiting for.
func (s *stepAct) waits(k *Kernel, why string) {
	k.emit(event.Event{Type: event.StepQueued, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place, Why: why})
}

func (s *stepAct) unqueued(k *Kernel) { s.Queued += k.now - s.Queueing }

func (s *stepAct) ended(k *Kernel, _ int32, o event.Outcome) {
	if s.Stop != nil && !s.Shield {
		o = stopped(s.Stop, o)
	}
	s.finish(k, o)
	for _, w := range s.Waiters {
		k.signal(w)
	}
	o.Extra = nil // what it has printed and kept is its own, and not that of the block that fails with it
	k.end(&s.base, o)
}

// finish writes down how the step ended and tells it.
func (s *stepAct) finish(k *Kernel, o event.Outcome) {
	e := event.Event{
		Type: event.StepEnd, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place,
		Outcome: o, Recovered: s.Recovered, Returned: int(s.Returned), Timing: event.Timing{Queued: s.Queued},
	}
	if s.Started > 0 {
		e.Started = k.time(s.Started - 1)
		e.Duration = k.now - (s.Started - 1)
	}
	if sl := k.own(s.Frame, s.N.Slot); sl != nil {
		*sl = slot{
			Status: o.Status, Awaited: sl.Awaited, Attempt: s.Attempt, Duration: e.Duration, Value: o.Value, Err: o.Err,
			Cause: o.Cause, Extra: o.Extra, Joined: s.Joined,
		}
	}
	k.emit(e)
}

func (s *stepAct) cancel(k *Kernel, how force) {
	shield, _ := k.acts[s.Child].(*shieldAct)
	if !s.Told && (shield == nil || !shield.holds(s, how)) {
		s.Told = true
		k.emit(event.Event{
			Type: event.StepCancel, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place,
			Outcome: event.Outcome{Cause: s.Stop},
		})
	}
	k.cancel(s.Child, s.Stop, how)
}
