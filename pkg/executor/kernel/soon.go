package kernel

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Soon are the begins of up to n steps that have all but a permit: those that get one first, some of each queue. A driver that
// brings events to the disk can do so before their turn comes. They are events without Seq and Time, and without the number
// of the step, if it has none yet: parent, order and attempt tell them apart.
//
// What such a step will do hangs on nothing that is still to happen. So steps that are no work at a host are left out, and those
// that read how far another one is (Ref.Field), which may change while they wait; and those of which it must be known for certain
// whether they have begun (on_crash).
func (k *Kernel) Soon(n int) (list []event.Event) {
	queues := 0
	for i := range k.sems {
		if k.sems[i].waits() {
			queues++
		}
	}
	for i := 0; i < len(k.sems) && len(list) < n; i++ {
		if s := &k.sems[i]; s.waits() {
			list = k.soonOf(s, list, min(n, len(list)+max(1, n/queues)))
		}
	}
	return list
}

func (s *semaphore) waits() bool { return s.Head != 0 || s.Join != 0 }

// soonOf adds those that wait for a permit of s, until there are so many. Who waits already was first.
func (k *Kernel) soonOf(s *semaphore, list []event.Event, most int) []event.Event {
	for w := s.Head; w != 0 && len(list) < most; w = k.acts[w].(*holdAct).Next {
		if x := k.step(k.acts[w].head()); k.foreseen(x.N) {
			e := event.Event{Type: event.StepStart, Path: x.path(k), Where: x.Place, Attempt: int(max(1, x.Attempt))}
			list = append(list, e)
		}
	}
	if s.Join == 0 {
		return list
	}
	a := k.acts[s.Join].(*joinAct)
	if !k.foreseen(a.N.Gen.Do) {
		return list
	}
	for i := a.Begun; i < int32(len(a.Children)) && len(list) < most; i++ {
		place := event.Where{Step: -1, Parent: k.step(&a.base).Place.Step, Order: event.InBody | int64(i), Node: a.N.Gen.Do.Index}
		list = append(list, event.Event{Type: event.StepStart, Path: a.childPath(k, i), Where: place, Attempt: 1})
	}
	return list
}

// foreseen says whether s is work at a host that hangs on nothing that happens while it waits.
func (k *Kernel) foreseen(s *plan.Step) bool {
	l, ok := s.Action().(*plan.Leaf)
	if !ok || l.Kind.Instant != nil || slices.ContainsFunc(l.Args, func(a plan.Arg) bool { return a.Key == "on_crash" }) {
		return false
	}
	stands := true
	s.EachValue(func(_ string, v *plan.Value) {
		for i := range v.Refs {
			stands = stands && (v.Refs[i].Kind != plan.RefStep || v.Refs[i].Field != "status")
		}
	})
	return stands
}

// Begin is the step of a leaf that is at work, and its attempt, as in its step.start; a probe has none.
func (k *Kernel) Begin(leaf int32) (place event.Where, attempt int, ok bool) {
	a, ok := k.acts[leaf].(*leafAct)
	if !ok {
		return event.Where{}, 0, false
	}
	s := k.step(&a.base)
	return s.Place, int(s.Attempt), true
}
