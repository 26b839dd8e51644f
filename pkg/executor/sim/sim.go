// Package sim runs a plan on a virtual clock, without goroutines, processes or waiting: for tests, for trying out a
// plan, for fuzzing. Time passes only between instants, so every result is exact.
package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Options say how the world behaves.
type Options struct {
	Kernel  kernel.Options
	Observe func(event.Event)
	// Work says how long a leaf works and how it then ends. Nil: each takes a second and gives null.
	Work func(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome)
	// Grace is how long a leaf takes to end when it is told to stop. Nil: no time.
	Grace func(k *kind.Kind, call kind.Call) time.Duration
	// Ready says after how long the output of a leaf matches what its service waits for (kind.Call.ReadyLine). Nil: none does.
	Ready func(k *kind.Kind, call kind.Call) (time.Duration, bool)
	// Permit says after how long the machine gives a permit of a semaphore, by its index in plan.Plan.Semaphores. Nil: at once.
	Permit func(sem int32) time.Duration
	// Inputs come from outside at their time, in order of time.
	Inputs []At
	// Enough is asked after each Step; what it gives kills the run. Nil: nobody is asked.
	Enough func() *event.Cause
	// Restore goes on after every Step with a kernel that was restored from a snapshot: nothing may change by it.
	Restore bool
}

// At is an input at a time since the start.
type At struct {
	Time  time.Duration
	Input kernel.Input
}

// Run runs p to its end and says how that was and how long it took.
func Run(p *plan.Plan, opt Options) (event.Outcome, time.Duration) {
	w := &world{opt: opt, inputs: slices.Clone(opt.Inputs), working: map[int32]work{}}
	k := kernel.New(p, opt.Kernel, w)
	for {
		k.Step(w.now, w.take())
		if opt.Enough != nil {
			if why := opt.Enough(); why != nil {
				k.Step(w.now, []kernel.Input{{Kind: kernel.Kill, Cause: why}})
			}
		}
		if data := snapshot(k, opt.Restore); data != nil {
			var err error
			if k, err = kernel.Restore(p, opt.Kernel, w, data); err != nil {
				panic(err)
			}
		}
		if o, done := k.Done(); done {
			return o, w.now
		}
		next, ok := k.Next()
		if len(w.inputs) > 0 && (!ok || w.inputs[0].Time < next) {
			next = w.inputs[0].Time
		} else if !ok {
			panic("sim: the run has not ended, and nothing is to come")
		}
		w.now = max(w.now, next)
	}
}

func snapshot(k *kernel.Kernel, wanted bool) []byte {
	if !wanted {
		return nil
	}
	return k.Snapshot()
}

// world is a kernel.Host in which time passes at will.
type world struct {
	opt     Options
	now     time.Duration
	inputs  []At // to come, in order of time
	working map[int32]work
}

type work struct {
	kind *kind.Kind
	call kind.Call
}

// take removes the inputs of this instant.
func (w *world) take() []kernel.Input {
	var in []kernel.Input
	for len(w.inputs) > 0 && w.inputs[0].Time <= w.now {
		if i := w.inputs[0].Input; i.Kind == kernel.Ended {
			delete(w.working, i.Leaf)
		}
		in = append(in, w.inputs[0].Input)
		w.inputs = w.inputs[1:]
	}
	return in
}

// Start implements kernel.Host.
func (w *world) Start(leaf int32, k *kind.Kind, call kind.Call) {
	d, o := time.Second, event.Success(nil)
	if w.opt.Work != nil {
		d, o = w.opt.Work(k, call)
	}
	w.working[leaf] = work{kind: k, call: call}
	if call.ReadyLine != nil && w.opt.Ready != nil {
		if at, ever := w.opt.Ready(k, call); ever && at <= d {
			w.in(at, kernel.Input{Kind: kernel.Ready, Leaf: leaf})
		}
	}
	w.endIn(leaf, d, o)
}

// Stop implements kernel.Host.
func (w *world) Stop(leaf int32, kill bool) {
	x := w.working[leaf]
	d := time.Duration(0)
	if w.opt.Grace != nil && !kill {
		d = w.opt.Grace(x.kind, x.call)
	}
	w.inputs = slices.DeleteFunc(w.inputs, func(a At) bool {
		return (a.Input.Kind == kernel.Ended || a.Input.Kind == kernel.Ready) && a.Input.Leaf == leaf
	})
	w.endIn(leaf, d, event.Outcome{Status: event.Cancelled})
}

func (w *world) endIn(leaf int32, d time.Duration, o event.Outcome) {
	w.in(d, kernel.Input{Kind: kernel.Ended, Leaf: leaf, Outcome: o})
}

// in has an input come after d, behind those of that time.
func (w *world) in(d time.Duration, i kernel.Input) {
	at := At{Time: w.now + d, Input: i}
	n, _ := slices.BinarySearchFunc(w.inputs, at, func(a, b At) int { return cmp.Or(cmp.Compare(a.Time, b.Time), -1) })
	w.inputs = slices.Insert(w.inputs, n, at)
}

// Take implements kernel.Host.
func (w *world) Take(hold, sem int32) {
	d := time.Duration(0)
	if w.opt.Permit != nil {
		d = w.opt.Permit(sem)
	}
	w.in(d, kernel.Input{Kind: kernel.Granted, Leaf: hold})
}

// Give implements kernel.Host.
func (w *world) Give(hold int32) {
	w.inputs = slices.DeleteFunc(w.inputs, func(a At) bool { return a.Input.Kind == kernel.Granted && a.Input.Leaf == hold })
}

// Emit implements kernel.Host.
func (w *world) Emit(e event.Event) {
	if w.opt.Observe != nil {
		w.opt.Observe(e)
	}
}
