package kernel

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// semaphore is a named one, or the slots of a join. First come, first served; nobody overtakes.
type semaphore struct {
	Name       string // "" : slots
	Free       int32
	Head, Tail id   // the queue, linked through holdAct.Next and Prev
	Join       id   // of slots that pull their children (plan.Join.Lazy); 0: none
	Reserved   bool // a permit is set aside for the child that is being pulled
	Asked      bool // stands in Kernel.toGrant
	Holders    []id // of a named one: the steps that hold it
}

// holdAct works while it has a permit.
type holdAct struct {
	base
	N          *plan.Hold
	Sem        int32
	Child      id
	Next, Prev id
	Queued     bool
}

func (a *holdAct) begin(k *Kernel) {
	a.Sem = a.N.Sem
	if a.Sem == plan.Slots {
		a.Sem = k.joinAround(&a.base).Slots
	}
	s := &k.sems[a.Sem]
	switch {
	case s.Reserved:
		s.Reserved = false
		a.work(k)
	case s.Free > 0 && s.Head == 0 && s.Join == 0:
		s.Free--
		a.work(k)
	default:
		a.enqueue(k, s)
		k.step(&a.base).queued(k, k.whyQueued(a.Sem))
		k.askGrant(a.Sem)
	}
}

func (k *Kernel) whyQueued(sem int32) string {
	switch name := k.sems[sem].Name; name {
	case "":
		return "a slot of the limit"
	case plan.Jobs:
		return "a slot of " + name
	case plan.Room:
		return "free file descriptors (ulimit -n)"
	default:
		return fmt.Sprintf("semaphore %q", name)
	}
}

func (a *holdAct) work(k *Kernel) {
	if s := &k.sems[a.Sem]; s.Name != "" {
		s.Holders = append(s.Holders, a.Step)
	}
	a.Child = k.begin(&a.base, a.N.Body, a.Frame)
}

func (a *holdAct) enqueue(k *Kernel, s *semaphore) {
	a.Queued, a.Prev = true, s.Tail
	if s.Tail == 0 {
		s.Head = a.Self
	} else {
		k.acts[s.Tail].(*holdAct).Next = a.Self
	}
	s.Tail = a.Self
}

func (a *holdAct) unlink(k *Kernel) {
	s := &k.sems[a.Sem]
	if a.Prev == 0 {
		s.Head = a.Next
	} else {
		k.acts[a.Prev].(*holdAct).Next = a.Next
	}
	if a.Next == 0 {
		s.Tail = a.Prev
	} else {
		k.acts[a.Next].(*holdAct).Prev = a.Prev
	}
	a.Queued, a.Next, a.Prev = false, 0, 0
	k.step(&a.base).unqueued(k)
}

// granted: its turn has come; the permit is already its own.
func (a *holdAct) granted(k *Kernel) {
	a.unlink(k)
	a.work(k)
}

func (a *holdAct) ended(k *Kernel, _ int32, o event.Outcome) {
	s := &k.sems[a.Sem]
	if i := slices.Index(s.Holders, a.Step); i >= 0 {
		s.Holders = slices.Delete(s.Holders, i, i+1)
	}
	s.Free++
	k.askGrant(a.Sem)
	k.endAs(&a.base, o)
}

func (a *holdAct) cancel(k *Kernel, how force) {
	if a.Queued {
		a.unlink(k)
		k.end(&a.base, event.Stopped(a.Stop))
		return
	}
	k.cancel(a.Child, a.Stop, how)
}

// askGrant has the semaphore looked at in phase 5.
func (k *Kernel) askGrant(sem int32) {
	if s := &k.sems[sem]; !s.Asked {
		s.Asked = true
		k.toGrant = append(k.toGrant, sem)
	}
}

// grant hands out what is free: to children not yet begun (they were ready first), then to the queue.
func (k *Kernel) grant(sem int32) {
	k.sems[sem].Asked = false
	for k.sems[sem].Free > 0 {
		s := &k.sems[sem]
		if s.Join != 0 {
			s.Free--
			s.Reserved = true
			more := k.acts[s.Join].(*joinAct).pull(k)
			s = &k.sems[sem]
			if s.Reserved { // it was skipped, or failed before it came here
				s.Reserved = false
				s.Free++
			}
			if !more {
				s.Join = 0
			}
			continue
		}
		if s.Head == 0 {
			return
		}
		s.Free--
		k.acts[s.Head].(*holdAct).granted(k)
	}
}

// newSlots makes the slots of a join; lazy names the join that pulls.
func (k *Kernel) newSlots(n int32, lazy id) int32 {
	s := semaphore{Free: n, Join: lazy}
	if l := len(k.freeSems); l > 0 {
		i := k.freeSems[l-1]
		k.freeSems = k.freeSems[:l-1]
		s.Asked = k.sems[i].Asked
		k.sems[i] = s
		return i
	}
	k.sems = append(k.sems, s)
	return int32(len(k.sems) - 1)
}
