package kernel

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

func (a *joinAct) prepareWait(k *Kernel, n int) *event.Error {
	a.Wait = &waitState{Count: 1}
	if c := a.N.Return.Count; c != nil {
		count, err := k.whole(&a.base, c, "the number in return_when", 1)
		if err != nil {
			return err
		}
		if count > n {
			return event.Errorf(event.ValueError, "return_when wants %d of %d steps", count, n)
		}
		a.Wait.Count = count
	}
	if after := a.N.Return.After; after != nil {
		d, err := k.duration(&a.base, after)
		if err != nil {
			return err
		}
		if d <= 0 {
			return event.Errorf(event.ValueError, "return_after is %s, want more than 0", event.FormatDuration(d))
		}
		k.timers.start(k, &a.base, d)
	}
	return nil
}

// counts says how many children have ended, how.
func (a *joinAct) counts() (completed, succeeded int) {
	for i := range a.Children {
		switch a.Children[i].Status {
		case event.Succeeded:
			succeeded++
			completed++
		case event.Failed, event.Cancelled:
			completed++
		}
	}
	return completed, succeeded
}

// counted says whether an ended child counts for return_when.
func (a *joinAct) counted(s event.Status) bool {
	switch a.N.Return.Mode {
	case ast.FirstSuccess, ast.CountSucceeded:
		return s == event.Succeeded
	case ast.FirstException:
		return s == event.Failed
	case ast.AllCompleted:
		return s.Ended()
	default:
		return s.Ended() && s != event.Skipped
	}
}

func (a *joinAct) decideWait(k *Kernel) {
	completed, succeeded := a.counts()
	enough, quorum := false, false
	got := completed
	switch a.N.Return.Mode {
	case ast.AllCompleted:
	case ast.FirstCompleted:
		enough = completed > 0
	case ast.FirstException:
		enough = len(a.Failed) > 0
	case ast.FirstSuccess, ast.CountSucceeded:
		enough, quorum, got = succeeded >= a.Wait.Count, true, succeeded
	case ast.CountCompleted:
		enough, quorum = completed >= a.Wait.Count, true
	default:
		panic("kernel: unknown return_when")
	}
	switch {
	case enough:
		a.giveBack(k)
	case quorum && got+int(a.Left) < a.Wait.Count:
		a.noQuorum(k, got)
	case a.Left == 0 || a.Wait.Due:
		a.giveBack(k)
	}
}

// noQuorum: the number cannot be reached any more.
func (a *joinAct) noQuorum(k *Kernel, got int) {
	err := event.Errorf(event.QuorumError, "%d of %d steps were wanted, %d came", a.Wait.Count, len(a.Children), got)
	err.Fields = map[string]any{"wanted": a.Wait.Count, "got": got}
	err.Errors = a.errorList()
	a.Wait.NoQuorum = k.raise(err, k.step(&a.base).path(k))
	a.endRest(k, &event.Cause{Why: event.WhyReturned, By: k.step(&a.base).path(k)})
}

// giveBack returns with what has ended by now, and stops or hands over the rest.
func (a *joinAct) giveBack(k *Kernel) {
	a.Wait.Returned = true
	a.Wait.Done = make([]bool, len(a.Children))
	for i := range a.Children {
		a.Wait.Done[i] = a.Children[i].Status.Ended()
	}
	if a.N.Keep && a.Left > 0 {
		a.keep(k)
		return
	}
	a.endRest(k, &event.Cause{Why: event.WhyReturned, By: k.step(&a.base).path(k)})
}

// value is {done, pending, first}, with what is known of the children by now.
func (a *joinAct) value(k *Kernel) map[string]any {
	done, pending := []any{}, []any{}
	for i := range a.Children {
		m := state(a.N, i, &a.Children[i])
		if a.Wait.Done[i] {
			done = append(done, m)
		} else {
			if x, ok := k.acts[a.Children[i].Act].(*stepAct); ok && x.Phase != before {
				m["status"] = event.Running.String()
			}
			pending = append(pending, m)
		}
	}
	return map[string]any{"done": done, "pending": pending, "first": a.first()}
}

// noteFirst remembers the earliest child that counts; ties of one instant are in argument order.
func (a *joinAct) noteFirst(k *Kernel, i int32) {
	w := a.Wait
	if w.Returned || !a.counted(a.Children[i].Status) {
		return
	}
	if w.First == 0 || w.FirstAt == k.instant && i+1 < w.First {
		w.First, w.FirstAt = i+1, k.instant
	}
}

func (a *joinAct) first() any {
	i := a.Wait.First - 1
	if i < 0 {
		return nil
	}
	return state(a.N, int(i), &a.Children[i])
}

// returnedErrors counts what the wait hands back as values, of the modes that ask for more than successes.
func (a *joinAct) returnedErrors() int {
	switch a.N.Return.Mode {
	case ast.FirstSuccess, ast.CountSucceeded:
		return 0
	}
	n := 0
	for i, done := range a.Wait.Done {
		if done && a.Children[i].Status == event.Failed {
			n++
		}
	}
	return n
}

// keep hands the children that still run over to the list around the wait. The join stays what they belong to (their
// needs look at it) and becomes one background task of the list.
func (a *joinAct) keep(k *Kernel) {
	s := k.step(&a.base)
	s.Joined = &joined{N: a.N, Children: a.Children}
	s.Returned = int32(a.returnedErrors())
	for i := range a.Children {
		if x, ok := k.acts[a.Children[i].Act].(*stepAct); ok {
			x.path(k) // while the wait is there to ask
		}
	}
	var list *sequenceAct
	for up := a.Parent; list == nil; up = k.acts[up].head().Parent {
		list, _ = k.acts[up].(*sequenceAct)
	}
	k.timers.stop(&a.base)
	k.queue.push(message{to: a.Parent, arg: a.Arg, o: event.Success(a.value(k))})
	a.Wait.Kept, a.Ending = true, true
	a.Step = list.Step
	a.Parent, a.Arg = list.Self, list.adopt(a)
}
