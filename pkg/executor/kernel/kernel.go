// Package kernel says what a plan does: an event-driven state machine without IO, goroutines, locks or clocks.
//
// A driver feeds it with Step and carries out what it asks of its Host. Whoever gives it the same plan, options and
// inputs at the same instants gets the same calls and events, to the byte.
//
// # How it works
//
// Every node of the plan that is running is an activation in an arena, known by its number: plain data, no
// closures. An activation begins once, hears of its children's ends, of its timer, of its turn in a queue and of
// cancels, and ends once. Laws, each with a property test: an activation ends exactly once and nothing of it runs
// after that; results stand in argument order; a cancel has one cause, and what was cancelled never fails; a permit is
// held only while its child works; after the end no timer, leaf or permit is left; snapshot and restore is the identity.
//
// # One instant
//
// Step handles the instants that are due, one by one, each in these phases:
//
//  1. what ended by itself is noted (leaves, sleeps, pauses), but nobody is told yet;
//  2. cancels from outside and expired limits go down the tree, the outermost first: a limit wins over a result;
//  3. ends are told upwards, in order, and what they begin begins, until nothing moves;
//  4. then the deepest block that has something to decide decides (a group with a failure, a wait that has enough,
//     a list at its end), and phase 3 is repeated: so a decision sees everything that happened in its instant;
//  5. then permits that became free are granted: nothing is started only to be stopped in the same instant.
//
// A chain of one-child nodes and the head of a list begin in one turn, like a coroutine up to its first await; the
// children of a concurrent block are posted, like tasks. Ends are always posted, so the stack stays bounded.
package kernel

import (
	"maps"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Host carries out what the kernel asks for. Its methods must not call the kernel.
type Host interface {
	// Start begins the work of a leaf. Exactly one Ended input answers it.
	Start(leaf int32, k *kind.Kind, call kind.Call)
	// Stop asks a leaf to end; with kill, at once. Its Ended input still comes.
	Stop(leaf int32, kill bool)
	// Take asks for a permit of a semaphore of the machine, by its index in plan.Plan.Semaphores; hold names the wish. A
	// Granted input answers it, unless Give comes before.
	Take(hold, sem int32)
	// Give gives back what Take got, or does not want it any more. Nothing comes for hold after that.
	Give(hold int32)
	// Emit tells what happened, in order.
	Emit(event.Event)
}

// Options are the facts of one run.
type Options struct {
	RunID   string
	Name    string
	Start   time.Time
	Begun   time.Time // what run.started_at is; zero: Start
	Inputs  map[string]any
	Env     []string // NAME=value, what processes inherit
	Secrets map[string]string
	// Glob answers the glob function; nil: it finds nothing.
	Glob func(pattern string) (any, error)
	// Items, which may be nil, is told what each generator goes over, and what stands before the numbers in the paths of its
	// children.
	Items func(path string, items []any)
	// Eval, in a simulation, stands around each evaluation of a value of the plan: it calls eval or answers by itself. A Poison
	// that it gives is the value of something that nobody can know. Nil: nobody stands there.
	Eval func(v *plan.Value, eval func() (any, *event.Error)) (any, *event.Error)
}

// Input is one thing that happened outside.
type Input struct {
	Kind    InputKind
	Leaf    int32         // all but Cancel and Kill; of Granted and Held the hold
	Outcome event.Outcome // Ended; of Granted the error, if no permit is to be had
	Cause   *event.Cause  // Cancel
	By      string        // Held: who, in words; Lost: who died, "": flowrun
}

// InputKind is the kind of an Input.
type InputKind uint8

// The inputs.
const (
	Ended   InputKind = iota // a leaf has ended
	Cancel                   // the run is told to stop
	Kill                     // the run must end now: shields and cleanups too
	Ready                    // the output of a leaf has matched kind.Call.ReadyLine
	Lost                     // a leaf is not at work any more, and nobody knows how far it came: it waits for Again, its timeout does not run
	Again                    // the leaf that was Lost begins anew, as a further attempt that no retry counts
	Granted                  // Host.Take has a permit, or will never have one
	Held                     // Host.Take waits, since others have all permits; or a driver that takes a permit again, which the step has
)

// Kernel is one run. It is owned by one goroutine.
type Kernel struct {
	plan *plan.Plan
	opt  Options
	host Host
	env  map[string]string // opt.Env
	// inherited is what a process gets of opt.Env, without secrets, sorted.
	inherited []string

	now     time.Duration // of the current instant, since opt.Start
	instant int64         // its number
	seq     int64         // of the last event
	arena
	stepActs slab[stepAct]
	joins    slab[joinAct]
	queue    fifo
	asked    decisions
	timers   timers
	sems     []semaphore
	frames   frames
	// free semaphores of ended joins, and semaphores that may have something to grant
	freeSems, toGrant []int32

	steps   int32        // instances so far
	errors  int64        // errors raised so far
	given   []Input      // Granted inputs of this instant
	leaves  int32        // at work at the host, with the permits that it has not given yet
	scratch kind.Args    // of the instant leaf that runs
	locked  *event.Error // the deadlock that ended the run
	done    bool
	busy    bool // an instant is not over
	out     event.Outcome
}

// New makes a run of p that has not begun: the first Step begins it.
func New(p *plan.Plan, opt Options, h Host) *Kernel {
	k := &Kernel{plan: p, opt: opt, host: h, env: environment(opt.Env), scratch: kind.Args{}}
	k.arena.init()
	inherited, _ := k.environ(nil, nil)
	for _, name := range slices.Sorted(maps.Keys(inherited)) {
		k.inherited = append(k.inherited, name+"="+inherited[name])
	}
	for _, s := range p.Semaphores {
		k.sems = append(k.sems, semaphore{Free: int32(s.Permits), Name: s.Name})
	}
	return k
}

// Said counts an event of output that was told in an earlier life of the run, whose inputs are given again: Say told of it.
func (k *Kernel) Said() { k.seq++ }

// Done says whether the run has ended, and how.
func (k *Kernel) Done() (event.Outcome, bool) { return k.out, k.done }

// Now is the time of the current instant, since Options.Start.
func (k *Kernel) Now() time.Duration { return k.now }

// Next is when the kernel must be stepped again if nothing happens before: time since Options.Start. It is now when an
// instant is not over yet.
func (k *Kernel) Next() (time.Duration, bool) {
	if k.busy {
		return k.now, true
	}
	return k.timers.next()
}

// A Step does not go on for ever: after so many messages of an instant, or so many instants, it returns with busy set,
// and what is left belongs to the next one. So the clock, and a cancel, are seen in the middle of a workflow that
// multiplies, or tries again and again without a pause.
const (
	maxMessages = 50_000
	maxInstants = 1_000
)

// Step takes the run to now (since Options.Start; never goes back): instants of timers that are due come first, each
// at its own time, then in as one instant at now.
func (k *Kernel) Step(now time.Duration, in []Input) {
	if k.steps == 0 {
		k.beginRun()
	} else if k.busy {
		k.at(now, in)
		in = nil
	}
	for n := 0; !k.done && !k.busy; n++ {
		due, ok := k.timers.next()
		if !ok || due > now || due == now && len(in) > 0 {
			break
		}
		if n == maxInstants {
			k.busy = true
			break
		}
		k.at(due, nil)
	}
	if len(in) > 0 && !k.done {
		k.at(now, in)
	}
}

// tell passes on a cancel from outside to the root, to the list of a service that it is ready, to a leaf that it is lost, and to a
// step for whom it waits.
func (k *Kernel) tell(i Input) {
	switch i.Kind {
	case Cancel:
		k.cancel(k.root(), i.Cause, soft)
	case Kill:
		k.cancel(k.root(), i.Cause, hard)
	case Ready:
		k.matched(i.Leaf)
	case Lost:
		k.lost(i.Leaf, i.By)
	case Again:
		k.again(i.Leaf)
	case Granted:
		k.given = append(k.given, i)
	case Held:
		if a, ok := k.acts[i.Leaf].(*holdAct); ok && !a.Queued {
			k.step(&a.base).waits(k, k.whyQueued(a.Sem)+event.HeldBy+i.By)
		}
	default:
		panic("kernel: unknown input")
	}
}

func (k *Kernel) beginRun() {
	k.emit(event.Event{Type: event.RunStart, Where: event.Where{Parent: -1}})
	f := k.frames.add(frame{Parent: -1, Inputs: k.opt.Inputs, Slots: make([]slot, k.plan.Main.Slots)})
	k.beginStep(0, k.plan.Main.Body, f, 0, 0, "")
	k.settle()
}

// at is one instant.
func (k *Kernel) at(now time.Duration, in []Input) {
	k.now = max(k.now, now)
	k.instant++
	var limits []id
	for _, a := range k.timers.due(k.now) {
		switch x := k.acts[a].(type) {
		case *limitAct, *handleAct:
			limits = append(limits, a)
		case timed:
			x.fired(k)
		default:
			panic("kernel: a timer of a node that has none")
		}
	}
	for _, i := range in {
		if i.Kind == Ended {
			k.leaves--
			k.acts[i.Leaf].(worker).done(k, i.Outcome)
		}
	}
	for _, i := range in {
		if i.Kind != Ended {
			k.tell(i)
		}
	}
	k.outermostFirst(limits)
	for _, a := range limits {
		k.acts[a].(timed).fired(k)
	}
	k.settle()
}

// settle runs phases 3 to 5 until nothing moves, and then looks for a deadlock.
func (k *Kernel) settle() {
	k.busy = false
	for n := 0; !k.done; n++ {
		if n == maxMessages {
			k.busy = true
			return
		}
		if m, ok := k.queue.pop(); ok {
			k.deliver(m)
		} else if a, ok := k.asked.pop(); ok {
			if d, ok := k.acts[a].(decider); ok {
				d.decide(k)
			}
		} else if len(k.given) > 0 {
			i := k.given[0]
			k.given = k.given[1:]
			if a, ok := k.acts[i.Leaf].(*holdAct); ok {
				a.given(k, i.Outcome)
			}
		} else if len(k.toGrant) > 0 {
			s := k.toGrant[0]
			k.toGrant = k.toGrant[1:]
			k.grant(s)
		} else {
			break
		}
	}
	k.arena.recycle()
	if !k.done && k.leaves == 0 && k.timers.len() == 0 {
		k.deadlock()
	}
}

// message is one thing to be told to an activation.
type message struct {
	to   id
	arg  int32
	kind uint8
	o    event.Outcome
}

const (
	msgEnded  uint8 = iota // the child that it knows as arg has ended as o
	msgSpawn               // a join begins its children
	msgSignal              // something that it waits for has ended
)

func (k *Kernel) deliver(m message) {
	if m.to == 0 {
		k.endRun(m.o)
		return
	}
	a := k.acts[m.to]
	if a == nil {
		return // it was stopped and has ended meanwhile
	}
	switch m.kind {
	case msgEnded:
		a.ended(k, m.arg, m.o)
	case msgSpawn:
		a.(*joinAct).spawn(k)
	case msgSignal:
		if s, ok := a.(signalled); ok {
			s.signalled(k)
		}
	}
}

func (k *Kernel) endRun(o event.Outcome) {
	if k.locked != nil {
		o = event.Failure(k.locked)
	}
	k.done, k.out = true, o
	k.emit(event.Event{Type: event.RunEnd, Where: event.Where{Parent: -1}, Outcome: o})
}

// raise makes e an error of this run, raised by the step at path. An error that was raised before stays as it is.
func (k *Kernel) raise(e *event.Error, path string) *event.Error {
	if e.ID != 0 {
		return e
	}
	c := *e
	k.errors++
	c.ID = k.errors
	if c.Step == "" {
		c.Step = path
	}
	if c.Attempts == 0 {
		c.Attempts = 1
	}
	return &c
}

func (k *Kernel) emit(e event.Event) {
	k.seq++
	e.Seq = k.seq
	e.Time = k.time(k.now)
	k.host.Emit(e)
}

func (k *Kernel) time(d time.Duration) time.Time { return k.opt.Start.Add(d) }
