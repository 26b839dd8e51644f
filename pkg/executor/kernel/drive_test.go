package kernel_test

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// start is when every run begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// host drives a kernel on a virtual clock, as package sim does, and looks into it after every Step. What it sees
// that must not be goes to problems, as "law: what".
type host struct {
	k        *kernel.Kernel
	now      time.Duration
	inputs   []sim.At // to come, in order of time
	working  map[int32]*work
	newest   map[string]int32 // the last instance of a step that began, by path
	parents  map[int32]int32  // the instance that each belongs to
	moments  []moment
	queues   []kernel.Queue
	problems []string
	taken    map[int32]bool // permits of the machine, and wishes for one, by hold
	quiet    bool           // leaves that are told to stop say nothing of their own, and nobody says who holds a permit
}

// moment is an event and the number of the instant in which it happened.
type moment struct {
	event.Event
	Instant int64
}

// work is a leaf at work.
type work struct {
	args     kind.Args
	instance int32
	stops    int
	killed   bool
}

// drive runs a scenario to its end. With restore > 0 the kernel is replaced after every restore-th Step by one that was
// restored from its snapshot.
func drive(s *scenario, restore int, quiet bool) (h *host) {
	h = &host{quiet: quiet, inputs: slices.Clone(s.Inputs), working: map[int32]*work{}, newest: map[string]int32{}, parents: map[int32]int32{}, taken: map[int32]bool{}}
	opt := options()
	h.k = kernel.New(s.Plan, opt, h)
	defer func() {
		if r := recover(); r != nil {
			h.say("the kernel does not panic", "%v\n%s", r, debug.Stack())
		}
	}()
	for n := 1; ; n++ {
		if n > 20_000 {
			h.say("every run ends", "it went on for %d instants", n)
			return h
		}
		h.k.Step(h.now, h.take())
		h.inspect()
		if restore > 0 && n%restore == 0 {
			k, err := kernel.Restore(s.Plan, opt, h, h.k.Snapshot())
			if err != nil {
				h.say("snapshot and restore is the identity", "%v", err)
				return h
			}
			h.k = k
		}
		if _, done := h.k.Done(); done {
			h.afterDone()
			return h
		}
		next, ok := h.k.Next()
		if len(h.inputs) > 0 && (!ok || h.inputs[0].Time < next) {
			next, ok = h.inputs[0].Time, true
		}
		if !ok {
			h.say("if nothing can move the run ends with DeadlockError", "it stands still at %s", h.now)
			return h
		}
		h.now = max(h.now, next)
	}
}

func options() kernel.Options { return kernel.Options{RunID: "laws", Name: "laws", Start: start} }

func (h *host) say(law, format string, args ...any) {
	h.problems = append(h.problems, fmt.Sprintf("law %q is broken: %s", law, fmt.Sprintf(format, args...)))
}

// take removes the inputs of this instant.
func (h *host) take() []kernel.Input {
	var in []kernel.Input
	for len(h.inputs) > 0 && h.inputs[0].Time <= h.now {
		i := h.inputs[0].Input
		if i.Kind == kernel.Ended {
			delete(h.working, i.Leaf)
		}
		in = append(in, i)
		h.inputs = h.inputs[1:]
	}
	return in
}

// Start implements kernel.Host.
func (h *host) Start(leaf int32, k *kind.Kind, call kind.Call) {
	if h.working[leaf] != nil {
		h.say("every Start has one end", "leaf %d was started twice", leaf)
	}
	w := &work{args: call.Args, instance: h.newest[call.Step]}
	if k.Probe {
		w.instance = h.parents[w.instance] // it is the list's
	}
	h.working[leaf] = w
	d, o := doWork(k, call)
	if at, ever := readyAt(call.Args); ever && call.ReadyLine != nil && at <= d {
		h.in(at, kernel.Input{Kind: kernel.Ready, Leaf: leaf})
	}
	h.endIn(leaf, d, o)
}

// Stop implements kernel.Host.
func (h *host) Stop(leaf int32, kill bool) {
	w := h.working[leaf]
	if w == nil {
		return // its end is on the way, in this very instant
	}
	w.stops++
	if w.stops > 2 || w.stops == 2 && (!kill || w.killed) {
		h.say("one cause per cancel", "leaf %d was told to stop again", leaf)
	}
	w.killed = w.killed || kill
	d := graceOf(w.args)
	if kill {
		d = 0
	}
	h.inputs = slices.DeleteFunc(h.inputs, func(a sim.At) bool {
		return (a.Input.Kind == kernel.Ended || a.Input.Kind == kernel.Ready) && a.Input.Leaf == leaf
	})
	o := event.Outcome{Status: event.Cancelled}
	if !h.quiet {
		o = stoppedAs(w.args)
	}
	h.endIn(leaf, d, o)
}

func (h *host) endIn(leaf int32, d time.Duration, o event.Outcome) {
	h.in(d, kernel.Input{Kind: kernel.Ended, Leaf: leaf, Outcome: o})
}

// permitAfter is how long the machine takes to give a permit.
func permitAfter(sem int32) time.Duration { return time.Duration(sem) * time.Second }

// Take implements kernel.Host.
func (h *host) Take(hold, sem int32) {
	if h.taken[hold] {
		h.say("a permit is held only while its child works", "%d asked the machine twice", hold)
	}
	h.taken[hold] = true
	d := permitAfter(sem)
	if d > 0 && !h.quiet {
		h.in(0, kernel.Input{Kind: kernel.Held, Leaf: hold, By: "another run"})
	}
	h.in(d, kernel.Input{Kind: kernel.Granted, Leaf: hold})
}

// Give implements kernel.Host.
func (h *host) Give(hold int32) {
	if !h.taken[hold] {
		h.say("a permit is held only while its child works", "%d gave back what it did not have", hold)
	}
	delete(h.taken, hold)
	h.inputs = slices.DeleteFunc(h.inputs, func(a sim.At) bool {
		return (a.Input.Kind == kernel.Granted || a.Input.Kind == kernel.Held) && a.Input.Leaf == hold
	})
}

// in has an input come after d, behind those of that time.
func (h *host) in(d time.Duration, in kernel.Input) {
	at := sim.At{Time: h.now + d, Input: in}
	i, _ := slices.BinarySearchFunc(h.inputs, at, func(a, b sim.At) int { return cmp.Or(cmp.Compare(a.Time, b.Time), -1) })
	h.inputs = slices.Insert(h.inputs, i, at)
}

// Emit implements kernel.Host.
func (h *host) Emit(e event.Event) {
	h.moments = append(h.moments, moment{e, kernel.Instant(h.k)})
	switch e.Type {
	case event.StepStart:
		h.newest[e.Path] = e.Step
		h.parents[e.Step] = e.Parent
	case event.StepEnd:
		for _, w := range h.working {
			if w.instance == e.Step {
				h.say("whatever is started is stopped before the parent ends", "%q ended while its leaf was at work", e.Path)
			}
		}
	}
}

// inspect looks at the permits: who works, who waits, and whether all of them are there.
func (h *host) inspect() {
	permits := h.k.Permits()
	for _, p := range permits {
		waits := slices.ContainsFunc(h.inputs, func(a sim.At) bool { return a.Input.Kind == kernel.Granted && a.Input.Leaf == p.Hold })
		if p.Held == waits || !h.taken[p.Hold] {
			h.say("a permit is held only while its child works", "hold %d: held %v, not granted yet %v", p.Hold, p.Held, waits)
		}
	}
	if len(permits) != len(h.taken) {
		h.say("a permit is held only while its child works", "the kernel knows of %d permits of the machine, the host of %d", len(permits), len(h.taken))
	}
	for _, b := range kernel.Broken(h.k) {
		h.say("everything belongs to something that lives", "%s", b)
	}
	queues := kernel.Queues(h.k)
	for i, q := range queues {
		if q.Free < 0 || q.Permits >= 0 && q.Free+q.Working != q.Permits {
			h.say("a permit is held only while its child works", "queue %d (%s): %d free, %d work, of %d", i, q.Name, q.Free, q.Working, q.Permits)
		}
		if _, done := h.k.Done(); q.Free > 0 && (len(q.Waiting) > 0 || q.Pulling && q.Owner >= 0) && !done {
			h.say("a permit is held only while its child works", "queue %d (%s) has %d free, and somebody waits", i, q.Name, q.Free)
		}
		if i < len(h.queues) && h.queues[i].Owner == q.Owner {
			h.inOrder(i, h.queues[i].Waiting, q.Waiting)
		}
	}
	h.queues = queues
}

// inOrder: who waits still waits in the same order, newcomers behind; and who began to work did so before all who wait.
func (h *host) inOrder(i int, before, after []kernel.Waiter) {
	at := 0
	passed := false // somebody who waited before still waits
	for _, w := range before {
		if at < len(after) && after[at] == w {
			at++
			passed = true
			continue
		}
		if slices.Contains(after, w) {
			h.say("queues are first in, first out", "queue %d: %v waited, then %v", i, before, after)
			return
		}
		if passed && h.beganNow(w) {
			h.say("queues are first in, first out", "queue %d: step %d overtook; %v waited, then %v", i, w.Step, before, after)
		}
	}
	for _, w := range after[at:] {
		if slices.Contains(before, w) {
			h.say("queues are first in, first out", "queue %d: %v waited, then %v", i, before, after)
		}
	}
}

// beganNow says whether the waiter's attempt began in this instant: it was granted, and not stopped.
func (h *host) beganNow(w kernel.Waiter) bool {
	for _, m := range slices.Backward(h.moments) {
		if m.Instant != kernel.Instant(h.k) {
			return false
		}
		if m.Type == event.StepStart && m.Step == w.Step {
			return true
		}
	}
	return false
}

func (h *host) afterDone() {
	if left := kernel.Leftovers(h.k); left != "" {
		h.say("after the end no timer, leaf or permit is left", "%s", left)
	}
	if len(h.working) > 0 {
		h.say("after the end no timer, leaf or permit is left", "%d leaves are at work", len(h.working))
	}
	if len(h.taken) > 0 {
		h.say("after the end no timer, leaf or permit is left", "%d permits of the machine are held", len(h.taken))
	}
}
