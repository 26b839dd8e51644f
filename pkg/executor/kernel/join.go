package kernel

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// joinAct is gather, wait and taskgroup: children that run together, and a rule that says when to stop them. It ends
// when the last of them has ended.
type joinAct struct {
	base
	N        *plan.Join
	Items    []any // of a generator: the values of its variables
	Children []child
	Left     int32 // children that have not ended
	Begun    int32 // children begun so far; they begin in argument order
	Spawned  bool
	Slots    int32 // the semaphore of its limit; -1: none
	Failed   []failed
	Ending   bool // the rest was told to stop
	Wait     *waitState
	Visit    *visitState
	Needs    *needState
}

// child is what a join knows of a child. 40 bytes: there may be a million.
type child struct {
	Act    id
	Frame  int32 // of a generated one
	Status event.Status
	Late   bool // it ended after its wait had returned (rest: keep)
	Value  any
	Err    *event.Error
}

// failed is one failure: ties of one instant are in argument order.
type failed struct {
	Instant int64
	Index   int32
	Err     *event.Error
}

// waitState is what only a wait has.
type waitState struct {
	Count    int
	First    int32 // the earliest child that counted + 1; 0: none yet
	FirstAt  int64 // its instant
	Due      bool  // return_after has expired
	Returned bool
	Done     []bool // then: which children had ended
	Kept     bool   // it has returned, and is now a background task of the list around it
	NoQuorum *event.Error
}

// visitState is what only a block with as_completed has.
type visitState struct {
	Queue     []int32 // children to be visited, in order of completion
	Act       id      // the handler that runs
	Frame     int32
	Count     int // handlers begun
	Err       *event.Error
	Completed []any
}

// needState is what only a block with needs has.
type needState struct {
	Waiters map[int32][]id // by the child that they wait for
	Woken   []id           // those whose child has ended in this instant
}

const visitArg = -1

// maxLive bounds what is alive at once (activations): a workflow that calls itself twice doubles without end, in no time.
const maxLive = 4_000_000

func (a *joinAct) begin(k *Kernel) {
	a.Slots = -1
	if a.N.Visit != nil {
		a.Visit = &visitState{}
	}
	err := k.attempt(&a.base)
	if err == nil {
		err = a.prepare(k)
	}
	if err != nil {
		k.fail(&a.base, err)
		return
	}
	k.queue.push(message{to: a.Self, kind: msgSpawn})
}

// prepare evaluates what the block is to do.
func (a *joinAct) prepare(k *Kernel) *event.Error {
	n := len(a.N.Children)
	if a.N.Gen != nil {
		items, err := k.items(&a.base, a.N.Gen, a.N.Kind.String())
		if err != nil {
			return err
		}
		a.Items, n = items, len(items)
	}
	if k.live()+n > maxLive {
		return event.Errorf(event.ValueError, "%d more steps at once: a run holds at most %d", n, maxLive)
	}
	if a.N.Kind == ast.Wait {
		if n == 0 {
			return event.Errorf(event.ValueError, "wait needs at least one step")
		}
		if err := a.prepareWait(k, n); err != nil {
			return err
		}
	}
	if a.N.Limit != nil {
		limit, err := k.whole(&a.base, a.N.Limit, "limit", 1)
		if err != nil {
			return err
		}
		lazy := id(0)
		if a.N.Lazy {
			lazy = a.Self
		}
		a.Slots = k.newSlots(int32(min(limit, n+1)), lazy)
	}
	a.Children = make([]child, n)
	a.Left = int32(n)
	return nil
}

// spawn begins the children in argument order; those of a lazy join begin when there is a slot.
func (a *joinAct) spawn(k *Kernel) {
	a.Spawned = true
	switch {
	case a.Stop != nil:
		a.abandon(k, a.Stop)
	case a.Slots >= 0 && a.N.Lazy:
		k.askGrant(a.Slots)
	default:
		for a.Begun < int32(len(a.Children)) {
			a.beginNext(k)
		}
	}
	k.decide(&a.base)
}

// pull begins the next child; more says whether there are others.
func (a *joinAct) pull(k *Kernel) (more bool) {
	if a.Begun < int32(len(a.Children)) {
		a.beginNext(k)
	}
	return a.Begun < int32(len(a.Children))
}

func (a *joinAct) beginNext(k *Kernel) {
	i := a.Begun
	a.Begun++
	if a.N.Gen == nil {
		n := a.N.Children[i]
		a.Children[i].Act = k.beginStep(a.Self, n, a.Frame, i, n.Order, "")
		return
	}
	f, path := k.iteration(&a.base, a.N.Gen, a.Items, int(i), a.N.Kind.String())
	a.Children[i].Frame = f
	a.Children[i].Act = k.beginStep(a.Self, a.N.Gen.Do, f, i, event.InBody|int64(i), path)
}

// await has the activation w signalled when the child has ended.
func (a *joinAct) await(child int32, w id) {
	if a.Needs == nil {
		a.Needs = &needState{Waiters: map[int32][]id{}}
	}
	a.Needs.Waiters[child] = append(a.Needs.Waiters[child], w)
}

func (a *joinAct) ended(k *Kernel, arg int32, o event.Outcome) {
	if arg == visitArg {
		a.visited(k, o)
		return
	}
	c := &a.Children[arg]
	c.Act, c.Status, c.Value, c.Err = 0, o.Status, o.Value, o.Err
	if a.N.Gen != nil {
		k.frames.drop(c.Frame)
	}
	a.Left--
	if a.Wait != nil {
		c.Late = a.Wait.Kept
		a.noteFirst(k, arg)
	}
	if o.Status == event.Failed {
		a.Failed = append(a.Failed, failed{k.instant, arg, o.Err})
	}
	if a.Needs != nil {
		a.Needs.Woken = append(a.Needs.Woken, a.Needs.Waiters[arg]...)
		delete(a.Needs.Waiters, arg)
	}
	byItself := o.Status == event.Succeeded || o.Status == event.Failed
	if v := a.Visit; v != nil && byItself && a.Stop == nil && v.Err == nil && !a.kept() {
		v.Queue = append(v.Queue, arg)
		a.visitNext(k)
	}
	// Only what can change the rule's mind asks for a decision: a gather of a million has one.
	if a.Left == 0 || o.Status == event.Failed || a.Wait != nil || a.Needs != nil {
		k.decide(&a.base)
	}
}

// decide applies the block's rule to everything that happened in this instant.
func (a *joinAct) decide(k *Kernel) {
	if a.Stop == nil && !a.Ending {
		switch {
		case a.Visit != nil && a.Visit.Err != nil:
			a.endRest(k, &event.Cause{Why: event.WhySibling, By: a.Visit.Err.Step})
		case a.N.Kind == ast.TaskGroup && len(a.Failed) > 0:
			first := a.errors()[0]
			a.endRest(k, &event.Cause{Why: event.WhySibling, By: a.childPath(k, first.Index)})
		case a.N.Kind == ast.Wait:
			a.decideWait(k)
		}
	}
	a.wake(k)
	if a.Left == 0 && a.Spawned && (a.Visit == nil || a.Visit.Act == 0 && len(a.Visit.Queue) == 0) {
		a.finish(k)
	}
}

// wake tells the needs that wait, in argument order: who becomes ready in one instant queues in that order.
func (a *joinAct) wake(k *Kernel) {
	if a.Needs == nil {
		return
	}
	woken := slices.DeleteFunc(a.Needs.Woken, func(w id) bool { return k.acts[w] == nil })
	a.Needs.Woken = nil
	slices.SortFunc(woken, func(x, y id) int {
		return int(k.step(k.acts[x].head()).Arg - k.step(k.acts[y].head()).Arg)
	})
	for _, w := range woken {
		k.signal(w)
	}
}

// endRest stops the children that have not ended.
func (a *joinAct) endRest(k *Kernel, c *event.Cause) {
	a.Ending = true
	k.timers.stop(&a.base)
	a.cancelChildren(k, c, soft)
}

func (a *joinAct) cancelChildren(k *Kernel, c *event.Cause, how force) {
	for i := range a.Begun {
		k.cancel(a.Children[i].Act, c, how)
	}
	if a.Spawned {
		a.abandon(k, c)
	}
}

// abandon ends the children that were not begun.
func (a *joinAct) abandon(k *Kernel, c *event.Cause) {
	o := event.Stopped(c)
	for a.Begun < int32(len(a.Children)) {
		i := a.Begun
		a.Begun++
		a.Left--
		a.Children[i].Status = event.Cancelled
		if a.N.Gen == nil {
			n := a.N.Children[i]
			k.neverBegun(&a.base, n, k.own(a.Frame, n.Slot), n.Order, "", o)
			continue
		}
		k.neverBegun(&a.base, a.N.Gen.Do, nil, event.InBody|int64(i), a.childPath(k, i), o)
	}
	if a.Slots >= 0 {
		k.sems[a.Slots].Join = 0
	}
}

func (a *joinAct) cancel(k *Kernel, how force) {
	k.timers.stop(&a.base)
	if v := a.Visit; v != nil {
		v.Queue = nil
		k.cancel(v.Act, a.Stop, how)
	}
	a.cancelChildren(k, a.Stop, how)
	k.decide(&a.base)
}

// fired: return_after.
func (a *joinAct) fired(k *Kernel) {
	a.Wait.Due = true
	k.decide(&a.base)
}

// errors are the failures in order of completion; those of one instant in argument order.
func (a *joinAct) errors() []failed {
	slices.SortStableFunc(a.Failed, func(x, y failed) int {
		if x.Instant != y.Instant {
			return int(x.Instant - y.Instant)
		}
		return int(x.Index) - int(y.Index)
	})
	return a.Failed
}

func (a *joinAct) errorList() []*event.Error {
	var list []*event.Error
	for _, f := range a.errors() {
		list = append(list, f.Err)
	}
	return list
}

// finish: everything has ended.
func (a *joinAct) finish(k *Kernel) {
	if a.Slots >= 0 {
		k.sems[a.Slots].Join = 0
		k.freeSems = append(k.freeSems, a.Slots)
	}
	if a.kept() {
		list := k.acts[a.Parent].(*sequenceAct)
		list.Tasks[a.Arg-taskArg].Kept = a.Children
		k.end(&a.base, event.Success(nil))
		return
	}
	s := k.step(&a.base)
	if sl := k.own(s.Frame, s.N.Slot); sl != nil {
		s.Joined = &joined{N: a.N, Children: a.Children}
		if a.Visit != nil {
			s.Joined.Completed = a.Visit.Completed
		}
		sl.Joined = s.Joined
	}
	if a.Stop != nil {
		k.end(&a.base, event.Stopped(a.Stop))
		return
	}
	k.end(&a.base, a.outcome(k, s))
}

func (a *joinAct) outcome(k *Kernel, s *stepAct) event.Outcome {
	errs := a.errorList()
	var visitErr *event.Error
	if a.Visit != nil {
		visitErr = a.Visit.Err
	}
	switch {
	case a.N.Kind == ast.TaskGroup:
		if visitErr != nil {
			errs = append(errs, visitErr)
		}
		if len(errs) > 0 {
			return k.failure(&a.base, event.Group(errs))
		}
	case visitErr != nil:
		return event.Failure(withOthers(visitErr, errs))
	case a.Wait != nil && a.Wait.NoQuorum != nil:
		return event.Failure(a.Wait.NoQuorum)
	case a.Wait != nil:
		s.Returned = int32(a.returnedErrors())
		return event.Success(a.value(k))
	case a.N.ReturnExceptions:
		s.Returned = int32(len(errs))
	case len(errs) > 0 && a.N.GroupErrors:
		return k.failure(&a.base, event.Group(errs))
	case len(errs) > 0:
		return event.Failure(withOthers(errs[0], errs[1:]))
	}
	values := make([]any, len(a.Children))
	for i := range a.Children {
		c := &a.Children[i]
		values[i] = c.Value
		if c.Status == event.Failed {
			values[i] = map[string]any{"error": c.Err.Value()}
		}
	}
	return event.Success(values)
}

// withOthers is e with the errors that did not come out.
func withOthers(e *event.Error, others []*event.Error) *event.Error {
	if len(others) == 0 {
		return e
	}
	c := *e
	c.Others = append(slices.Clip(c.Others), others...)
	return &c
}

// state is a child as the language shows it: {id, index, status, value, error}.
func state(n *plan.Join, i int, c *child) map[string]any {
	m := map[string]any{"id": nil, "index": i, "status": c.Status.String(), "value": c.Value, "error": nil}
	step := (*plan.Step)(nil)
	if n.Gen != nil {
		step = n.Gen.Do
	} else {
		step = n.Children[i]
	}
	if step.ID != "" {
		m["id"] = step.ID
	}
	if c.Err != nil {
		m["error"] = c.Err.Value()
	}
	return m
}

// childPath is the path of the child i.
func (a *joinAct) childPath(k *Kernel, i int32) string {
	if a.N.Gen != nil {
		return k.generatedPath(&a.base, a.N.Gen, int(i), a.N.Kind.String())
	}
	n := a.N.Children[i]
	if n.ID != "" {
		return k.frames.All[a.Frame].Prefix + n.ID
	}
	return join(k.step(&a.base).path(k), n.Piece)
}

// visitNext begins the next handler of as_completed, one at a time.
func (a *joinAct) visitNext(k *Kernel) {
	v := a.Visit
	if v.Act != 0 || len(v.Queue) == 0 {
		return
	}
	i := int(v.Queue[0])
	v.Queue = v.Queue[1:]
	path := fmt.Sprintf("%s[%d]", join(k.step(&a.base).path(k), "as_completed"), v.Count)
	v.Frame = k.inner(a.Frame, a.N.Visit.Slots, path+".")
	k.frames.All[v.Frame].Vars = []any{state(a.N, i, &a.Children[i])}
	if a.N.Visit.Step.ID != "" {
		path = ""
	}
	order := event.InVisit | int64(v.Count)
	v.Count++
	v.Act = k.beginStep(a.Self, a.N.Visit.Step, v.Frame, visitArg, order, path)
}

func (a *joinAct) visited(k *Kernel, o event.Outcome) {
	v := a.Visit
	v.Act = 0
	k.frames.drop(v.Frame)
	switch {
	case a.Stop != nil:
	case o.Status == event.Failed:
		v.Err = o.Err
		v.Queue = nil
	default:
		v.Completed = append(v.Completed, o.Value)
		a.visitNext(k)
	}
	k.decide(&a.base)
}

// kept says whether it is a wait that has handed its children over.
func (a *joinAct) kept() bool { return a.Wait != nil && a.Wait.Kept }
