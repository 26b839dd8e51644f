package kernel

import (
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// leafAct is an action of a kind: work at the host, or the wait of an instant kind.
type leafAct struct {
	base
	N     *plan.Leaf
	After event.Outcome // an instant kind's outcome, when its time has come
	Timed bool
	Lost  bool // it is not at work, and waits for Again
}

// instantLeaf runs a kind that is over at once. Only if it has to wait there is an activation.
func (k *Kernel) instantLeaf(p *base, n *plan.Leaf, f int32) id {
	o, after := k.runInstant(p, n)
	if after <= 0 {
		k.queue.push(message{to: p.Self, o: o})
		return 0
	}
	a := &leafAct{N: n, After: o, Timed: true}
	a.base = base{Parent: p.Self, Step: p.Step, Frame: f, Depth: p.Depth + 1}
	a.Self = k.arena.add(a)
	k.timers.start(k, &a.base, after)
	return a.Self
}

func (k *Kernel) runInstant(p *base, n *plan.Leaf) (event.Outcome, time.Duration) {
	if err := k.attempt(p); err != nil {
		return k.failure(p, err), 0
	}
	clear(k.scratch)
	if err := k.args(p, n.Args, k.scratch); err != nil {
		return k.failure(p, err), 0
	}
	r := n.Kind.Instant(k.scratch)
	if r.Output != "" {
		s := k.step(p)
		k.emit(event.Event{
			Type: event.StepOutput, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place,
			Stream: n.Kind.Name, Text: r.Output,
		})
	}
	if r.Err != nil {
		return k.failure(p, r.Err), r.After
	}
	return event.Success(r.Value), r.After
}

// failure is the outcome of b's step failing with e.
func (k *Kernel) failure(b *base, e *event.Error) event.Outcome {
	return event.Failure(k.raise(e, k.step(b).path(k)))
}

// args evaluates arguments into the map to.
func (k *Kernel) args(b *base, list []plan.Arg, to kind.Args) *event.Error {
	for i := range list {
		v, err := k.eval(b, list[i].Value, nil)
		if err != nil {
			return err
		}
		to[list[i].Key] = v
	}
	return nil
}

func (a *leafAct) begin(k *Kernel) {
	if err := k.attempt(&a.base); err != nil {
		k.fail(&a.base, err)
		return
	}
	if a.N.Reraise != nil {
		k.fail(&a.base, k.slot(a.Frame, a.N.Reraise.Depth, a.N.Reraise.Slot).Err)
		return
	}
	s := k.step(&a.base)
	args := make(kind.Args, len(a.N.Args))
	if err := k.args(&a.base, a.N.Args, args); err != nil {
		k.fail(&a.base, err)
		return
	}
	env, err := k.environList(&a.base, s.N.Env)
	if err != nil {
		k.fail(&a.base, err)
		return
	}
	call := kind.Call{Args: args, Env: env, Dir: a.N.Dir, Step: s.path(k), RunID: k.opt.RunID, Attempt: int(s.Attempt)}
	if s.N.Ready != nil {
		call.ReadyLine = s.N.Ready.Line
	}
	k.leaves++
	k.host.Start(a.Self, a.N.Kind, call)
}

// Say tells what a leaf says while it works, behind so many bytes of the stream that it does not say. Drivers call it
// between steps.
func (k *Kernel) Say(leaf int32, stream, text string, skipped int64) {
	a, ok := k.acts[leaf].(*leafAct)
	if !ok {
		return
	}
	s := k.step(&a.base)
	k.emit(event.Event{
		Type: event.StepOutput, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place,
		Stream: stream, Text: strings.ToValidUTF8(text, "�"), Skipped: skipped,
	})
}

// done: the host says how the work ended.
func (a *leafAct) done(k *Kernel, o event.Outcome) {
	if a.Stop != nil {
		o = event.Outcome{Status: event.Cancelled, Extra: o.Extra} // whatever it says of its end
	}
	if o.Err != nil {
		o.Err = k.raise(o.Err, k.step(&a.base).path(k))
	}
	k.endAs(&a.base, o)
}

func (a *leafAct) fired(k *Kernel) { k.endAs(&a.base, a.After) }

func (a *leafAct) cancel(k *Kernel, how force) {
	if a.Timed {
		k.end(&a.base, event.Stopped(a.Stop))
		return
	}
	if a.Lost {
		k.leaves--
		k.endAs(&a.base, event.Stopped(a.Stop))
		return
	}
	k.host.Stop(a.Self, how == hard)
}

func (a *leafAct) ended(*Kernel, int32, event.Outcome) { panic("kernel: a leaf has no children") }
