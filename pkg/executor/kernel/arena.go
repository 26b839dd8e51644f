package kernel

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// id is the number of an activation; 0 is none.
type id = int32

// activation is one running node.
type activation interface {
	head() *base
	begin(k *Kernel)
	// ended: the child that it knows as arg came to its end.
	ended(k *Kernel, arg int32, o event.Outcome)
	// cancel: it is told to stop, the first time (base.Stop is set), or the first time with hard. It must still end, once.
	cancel(k *Kernel, how force)
}

// What only some activations hear.
type (
	timed     interface{ fired(k *Kernel) }     // its timer
	decider   interface{ decide(k *Kernel) }    // phase 4: everything else of this instant has happened
	signalled interface{ signalled(k *Kernel) } // something that it waits for may have begun, or ended
	worker    interface {                       // its work at the host has ended
		done(k *Kernel, o event.Outcome)
	}
)

// force says how a cancel goes down.
type force uint8

const (
	soft   force = iota // shields hold it back
	pierce              // through the shield of the step itself, soft below
	hard                // through everything; cleanups end too
)

// base is what all activations have.
type base struct {
	Self, Parent id
	Step         id    // the nearest step: itself, for a stepAct
	Arg          int32 // how the parent knows it
	Frame        int32
	Depth        int32
	Timer        int32 // position in the heap + 1; 0: none
	Stop         *event.Cause
	How          force // how the strongest cancel came
}

func (b *base) head() *base { return b }

type arena struct {
	acts  []activation
	free  []id
	freed []id // in this instant: numbers are not used again before its end, for messages may be under way
}

// slab makes values many at a time: a run has hundreds of thousands of a few types, which end together.
type slab[T any] struct {
	rest []T
	last int
}

func (s *slab[T]) take() *T {
	if len(s.rest) == 0 {
		s.last = min(max(4, 2*s.last), 256)
		s.rest = make([]T, s.last)
	}
	p := &s.rest[0]
	s.rest = s.rest[1:]
	return p
}

func (a *arena) init() { a.acts = make([]activation, 1, 64) }

func (a *arena) add(x activation) id {
	if n := len(a.free); n > 0 {
		i := a.free[n-1]
		a.free = a.free[:n-1]
		a.acts[i] = x
		return i
	}
	a.acts = append(a.acts, x)
	return id(len(a.acts) - 1)
}

func (a *arena) drop(i id) {
	a.acts[i] = nil
	a.freed = append(a.freed, i)
}

// live is how many activations there are.
func (a *arena) live() int { return len(a.acts) - 1 - len(a.free) - len(a.freed) }

func (a *arena) recycle() {
	a.free = append(a.free, a.freed...)
	a.freed = a.freed[:0]
}

// begin starts node n as the one child of p, in frame f. It returns 0 when the child has already ended (its end is
// posted, as always).
func (k *Kernel) begin(p *base, n plan.Node, f int32) id {
	if l, ok := n.(*plan.Leaf); ok && l.Kind.Instant != nil && l.Reraise == nil {
		return k.instantLeaf(p, l, f)
	}
	a := k.newActivation(n)
	b := a.head()
	*b = base{Parent: p.Self, Step: p.Step, Frame: f, Depth: p.Depth + 1}
	b.Self = k.arena.add(a)
	a.begin(k)
	return b.Self
}

// newActivation makes the activation of a node. The set of nodes is closed.
func (k *Kernel) newActivation(n plan.Node) activation {
	switch n := n.(type) {
	case *plan.Leaf:
		return &leafAct{N: n}
	case *plan.Sequence:
		return &sequenceAct{N: n}
	case *plan.Loop:
		return &loopAct{N: n}
	case *plan.Join:
		a := k.joins.take()
		a.N = n
		return a
	case *plan.Needs:
		return &needsAct{N: n}
	case *plan.When:
		return &whenAct{N: n}
	case *plan.Limit:
		return &limitAct{N: n}
	case *plan.Retry:
		return &retryAct{N: n}
	case *plan.Hold:
		return &holdAct{N: n}
	case *plan.Handle:
		return &handleAct{N: n}
	case *plan.Shield:
		return &shieldAct{N: n}
	case *plan.Result:
		return &resultAct{N: n}
	case *plan.Call:
		return &callAct{N: n}
	case *plan.Await:
		return &awaitAct{N: n}
	case *plan.Cancel:
		return &cancelAct{N: n}
	default:
		panic("kernel: unknown node")
	}
}

// end ends an activation: nobody hears of it again, and its parent is told.
func (k *Kernel) end(b *base, o event.Outcome) {
	if k.acts[b.Self] == nil {
		panic("kernel: a node ended twice")
	}
	k.timers.stop(b)
	k.drop(b.Self)
	k.queue.push(message{to: b.Parent, arg: b.Arg, o: o})
}

// endAs ends a node with one child as its child did, unless it was told to stop: then it was cancelled, whatever the child did.
func (k *Kernel) endAs(b *base, o event.Outcome) {
	if b.Stop != nil {
		o = stopped(b.Stop, o)
	}
	k.end(b, o)
}

// stopped is the outcome of a node that was told to stop and whose work then ended as o.
func stopped(c *event.Cause, o event.Outcome) event.Outcome {
	out := event.Outcome{Status: event.Cancelled, Cause: c, Extra: o.Extra, Last: o.Last}
	switch o.Status {
	case event.Cancelled:
		out.Err = o.Err
	case event.Failed:
		out.Last = o.Err
	}
	return out
}

// cancel tells an activation to stop. The first cause stays; a stronger cancel is passed on after a weaker one.
func (k *Kernel) cancel(i id, c *event.Cause, how force) {
	a := k.acts[i]
	if a == nil {
		return
	}
	if how == pierce && !pierced(a) {
		how = soft
	}
	b := a.head()
	if b.Stop != nil && how <= b.How {
		return
	}
	if b.Stop == nil {
		b.Stop = c
	}
	b.How = how
	a.cancel(k, how)
}

// pierced says whether a cancel keeps its way through the shield of the step itself at a: from the task to its shield.
func pierced(a activation) bool {
	switch a := a.(type) {
	case *stepAct, *shieldAct:
		return true
	case *joinAct:
		return a.kept() // its children are tasks of the list
	}
	return false
}

// step is the step that b belongs to.
func (k *Kernel) step(b *base) *stepAct { return k.acts[b.Step].(*stepAct) }

func (k *Kernel) root() id { return 1 }

func (k *Kernel) outermostFirst(acts []id) {
	slices.SortStableFunc(acts, func(a, b id) int { return int(k.acts[a].head().Depth - k.acts[b].head().Depth) })
}

// decide asks for a decision of b when nothing else moves in this instant.
func (k *Kernel) decide(b *base) { k.asked.push(b.Self, b.Depth) }

// signal wakes an activation that waits for something.
func (k *Kernel) signal(i id) { k.queue.push(message{to: i, kind: msgSignal}) }

// fail ends b with an error of its step.
func (k *Kernel) fail(b *base, e *event.Error) {
	k.end(b, event.Failure(k.raise(e, k.step(b).path(k))))
}

// failAttempt ends b with an error that came before its step's attempt began: it is an error of the attempt all the same.
func (k *Kernel) failAttempt(b *base, e *event.Error) {
	if err := k.attempt(b); err != nil {
		e = err
	}
	k.fail(b, e)
}
