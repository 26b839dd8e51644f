package kernel

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Queue is a semaphore, or the slots of a join, as it stands between two instants.
type Queue struct {
	Name    string // of a named one
	Owner   int32  // the instance of the step whose join has these slots; -1: a named one, or nobody's
	Permits int32  // as the plan has it; -1: nobody's
	Free    int32
	Working int32    // nodes that work with a permit, or have asked the machine for one
	Waiting []Waiter // first come first
	Pulling bool     // its join has children that it has not begun
}

// Waiter is who waits in a queue: an instance of a step, in an attempt.
type Waiter struct{ Step, Attempt int32 }

// Instant is the number of the instant that the kernel is in.
func Instant(k *Kernel) int64 { return k.instant }

// Queues shows all semaphores and slots.
func Queues(k *Kernel) []Queue {
	out := make([]Queue, len(k.sems))
	for i := range k.sems {
		s := &k.sems[i]
		out[i] = Queue{Name: s.Name, Owner: -1, Permits: -1, Free: s.Free, Pulling: s.Join != 0}
		if i < len(k.plan.Semaphores) {
			out[i].Permits = int32(k.plan.Semaphores[i].Permits)
		}
		for at := s.Head; at != 0; at = k.acts[at].(*holdAct).Next {
			step := k.step(k.acts[at].head())
			out[i].Waiting = append(out[i].Waiting, Waiter{step.Place.Step, step.Attempt})
		}
	}
	for _, a := range k.acts {
		switch a := a.(type) {
		case *holdAct:
			if !a.Queued {
				out[a.Sem].Working++
			}
		case *joinAct:
			if a.N.Limit != nil && a.Slots >= 0 {
				if s, ok := k.acts[a.Step].(*stepAct); ok {
					limit, _ := a.N.Limit.V.Constant()
					out[a.Slots].Owner = s.Place.Step
					out[a.Slots].Permits = int32(min(limit.(int), len(a.Children)+1)) // more would be of no use
				}
			}
		}
	}
	return out
}

// Broken says what does not fit together between two instants, when nothing is under way.
func Broken(k *Kernel) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if k.done {
		return nil
	}
	for i, a := range k.acts {
		if a == nil {
			continue
		}
		b := a.head()
		if int(b.Self) != i {
			say("activation %d thinks it is %d", i, b.Self)
		}
		if b.Parent != 0 && k.acts[b.Parent] == nil {
			say("%T lives on without its parent", a)
		}
		if h, ok := a.(*holdAct); ok && !h.Queued && !h.Asked && k.acts[h.Child] == nil {
			say("a permit is held and nothing works with it")
		}
		if b.Timer != 0 && (int(b.Timer) > k.timers.len() || k.timers.Heap[b.Timer-1].Act != b.Self) {
			say("%T has a timer that is not its own", a)
		}
	}
	for i := range k.timers.Heap {
		if t := &k.timers.Heap[i]; k.acts[t.Act] == nil || k.acts[t.Act].head() != t.base {
			say("a timer of a node that has ended")
		}
	}
	for i := range k.sems {
		s := &k.sems[i]
		if s.Reserved {
			say("a permit is set aside and nobody came for it")
		}
		for _, h := range s.Holders {
			if k.acts[h] == nil {
				say("semaphore %q is held by a step that has ended", s.Name)
			}
		}
	}
	return problems
}

// Leftovers says what is left of a run that is done, in words; "" when nothing is.
func Leftovers(k *Kernel) string {
	var left []string
	say := func(format string, args ...any) { left = append(left, fmt.Sprintf(format, args...)) }
	if n := k.timers.len(); n > 0 {
		say("%d timers", n)
	}
	if k.leaves != 0 {
		say("%d leaves", k.leaves)
	}
	for _, a := range k.acts {
		if a != nil {
			say("a %T", a)
		}
	}
	for {
		m, ok := k.queue.pop()
		if !ok {
			break
		}
		if k.acts[m.to] != nil {
			say("a message to %T", k.acts[m.to])
		}
	}
	for i := range k.sems {
		s := &k.sems[i]
		if s.Head != 0 || s.Tail != 0 || len(s.Holders) > 0 || s.Reserved {
			say("semaphore %d (%s) is still in use", i, s.Name)
		}
		if i < len(k.plan.Semaphores) && int(s.Free) != k.plan.Semaphores[i].Permits {
			say("semaphore %q has %d of %d permits", s.Name, s.Free, k.plan.Semaphores[i].Permits)
		}
	}
	if n := len(k.sems) - len(k.plan.Semaphores) - len(k.freeSems); n != 0 {
		say("%d limits of blocks", n)
	}
	if n := len(k.frames.All) - len(k.frames.Free); n != 1 {
		say("%d frames beside the root's", n-1)
	}
	return strings.Join(left, ", ")
}

// Chain is the nodes of a step from its outermost modifier to its action.
func Chain(n plan.Node) []plan.Node {
	var out []plan.Node
	for {
		out = append(out, n)
		switch m := n.(type) {
		case *plan.Shield:
			n = m.Body
		case *plan.Needs:
			n = m.Body
		case *plan.When:
			n = m.Body
		case *plan.Handle:
			n = m.Body
		case *plan.Limit:
			n = m.Body
		case *plan.Retry:
			n = m.Body
		case *plan.Hold:
			n = m.Body
		case *plan.Result:
			n = m.Body
		default:
			return out
		}
	}
}
