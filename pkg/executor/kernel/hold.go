package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"time"

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

// holdAct works while it has a permit. One of the whole machine is first waited for as any other, among the steps of this
// run, and then asked for at the host, which knows of the other runs.
type holdAct struct {
	base
	N          *plan.Hold
	Sem        int32
	Child      id
	Next, Prev id
	Queued     bool
	Asked      bool // the host has not given it yet
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
		if k.ofMachine(a.Sem) { // which takes its time
			k.step(&a.base).waits(k, k.whyQueued(a.Sem))
		}
		a.turn(k)
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

// turn: a permit of this run is its own.
func (a *holdAct) turn(k *Kernel) {
	if !k.ofMachine(a.Sem) {
		a.work(k)
		return
	}
	a.Asked = true
	k.leaves++
	k.step(&a.base).Queueing = k.now
	k.host.Take(a.Self, a.Sem)
}

// given: the host has said how the wish for a permit ended.
func (a *holdAct) given(k *Kernel, o event.Outcome) {
	if !a.Asked {
		return
	}
	a.answered(k)
	if o.Err != nil {
		a.back(k)
		k.failAttempt(&a.base, o.Err)
		return
	}
	a.work(k)
}

// answered: the host is not asked any more.
func (a *holdAct) answered(k *Kernel) {
	a.Asked = false
	k.leaves--
	k.step(&a.base).unqueued(k)
}

// back gives the permit of this run to who is next.
func (a *holdAct) back(k *Kernel) {
	k.sems[a.Sem].Free++
	k.askGrant(a.Sem)
}

// ofMachine says whether a permit of the semaphore is also one of the machine.
func (k *Kernel) ofMachine(sem int32) bool {
	return int(sem) < len(k.plan.Semaphores) && k.plan.Semaphores[sem].Machine
}

// Permit is one of the machine's that a step has, or has asked for.
type Permit struct {
	Hold, Sem int32 // as in Host.Take
	Held      bool
}

// Permits are all of them, in the order of asking. A driver that has lost its own knowledge takes them again.
func (k *Kernel) Permits() []Permit {
	var out []Permit
	for i, x := range k.acts {
		if a, ok := x.(*holdAct); ok && !a.Queued && k.ofMachine(a.Sem) {
			out = append(out, Permit{Hold: id(i), Sem: a.Sem, Held: !a.Asked})
		}
	}
	since := func(p Permit) time.Duration { return k.step(k.acts[p.Hold].head()).Queueing }
	slices.SortStableFunc(out, func(a, b Permit) int { return cmp.Compare(since(a), since(b)) })
	return out
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
	a.turn(k)
}

func (a *holdAct) ended(k *Kernel, _ int32, o event.Outcome) {
	s := &k.sems[a.Sem]
	if i := slices.Index(s.Holders, a.Step); i >= 0 {
		s.Holders = slices.Delete(s.Holders, i, i+1)
	}
	if k.ofMachine(a.Sem) {
		k.host.Give(a.Self)
	}
	a.back(k)
	k.endAs(&a.base, o)
}

func (a *holdAct) cancel(k *Kernel, how force) {
	if a.Queued {
		a.unlink(k)
		k.end(&a.base, event.Stopped(a.Stop))
		return
	}
	if a.Asked {
		a.answered(k)
		k.host.Give(a.Self)
		a.back(k)
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
