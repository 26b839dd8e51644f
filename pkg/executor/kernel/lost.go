package kernel

import (
	"cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// A leaf that was at work when flowrun died, or the worker that carried it out, is lost: a run that goes on begins it anew. For its step that is a further
// attempt: `attempt` counts on, and `timeout`, which bounds one attempt, begins again. It failed at nothing, so no retry counts it.

// lost: nobody works for a leaf any more, as who did has died. One that was told to stop has ended by that.
func (k *Kernel) lost(leaf int32, who string) {
	switch a := k.acts[leaf].(type) {
	case *leafAct:
		if a.Lost {
			return
		}
		if a.Stop != nil {
			k.leaves--
			a.done(k, event.Outcome{Status: event.Cancelled})
			return
		}
		a.Lost = true
		s := k.step(&a.base)
		e := event.Errorf(event.LostError, "%s died while it was at work", cmp.Or(who, "flowrun"))
		e.Step, e.Attempts = s.path(k), int(s.Attempt)
		k.emit(event.Event{
			Type: event.StepRetry, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place,
			Outcome: event.Outcome{Err: e},
		})
		s.Phase = between
		k.around(&a.base, func(up activation) {
			switch up := up.(type) {
			case *limitAct:
				if !up.N.Total {
					k.timers.stop(&up.base)
				}
			case *retryAct:
				up.Attempts++
			}
		})
	case *probeAct:
		if a.Lost = a.Stop == nil; !a.Lost {
			k.leaves--
			a.done(k, event.Outcome{Status: event.Cancelled})
		}
	}
}

// again begins what was lost anew.
func (k *Kernel) again(leaf int32) {
	switch a := k.acts[leaf].(type) {
	case *leafAct:
		if !a.Lost {
			return // it was cancelled meanwhile
		}
		a.Lost = false
		k.leaves--
		s := k.step(&a.base)
		s.Attempt++
		k.around(&a.base, func(up activation) {
			switch up := up.(type) {
			case *limitAct:
				if !up.N.Total {
					k.timers.start(k, &up.base, up.D)
				}
			case *retryAct:
				if sl := k.own(up.Frame, up.N.Slot); sl != nil {
					sl.Attempt = s.Attempt
				}
			}
		})
		a.begin(k)
	case *probeAct:
		if a.Lost {
			a.Lost = false
			k.leaves--
			a.begin(k)
		}
	}
}

// around calls visit for the modifiers that stand around b in its step.
func (k *Kernel) around(b *base, visit func(activation)) {
	for up := b.Parent; up != b.Step; up = k.acts[up].head().Parent {
		visit(k.acts[up])
	}
}
