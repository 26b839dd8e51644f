// Package local runs a plan on this machine: one goroutine owns the kernel, and each attempt of a leaf has one of its own.
package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/machine"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/reuse"
	"github.com/flowrun/flowrun/pkg/executor/temp"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Options are what a run needs beside the plan.
type Options struct {
	Kernel  kernel.Options
	Observe func(event.Event) // called in order, from one goroutine
	// Commit keeps what was observed, so that it survives this process. It is called, from the goroutine of Observe, before
	// work begins, before the run waits, and at its end. An error cancels the run; it is given once. It may be nil.
	Commit func() error
	// Sync, unless it is nil, brings what was committed to the disk: before work begins that hangs on it. It is called from a
	// goroutine of its own, one call at a time, and its error is that of the next Commit. Soon then enters steps that begin
	// next (kernel.Kernel.Soon): what Soon and then Commit were given counts as their begin.
	Sync func()
	Soon func([]event.Event)
	// Stepping is told, before the kernel is stepped, at which time and with what. Who keeps that can Resume. It may be nil.
	Stepping func(at time.Duration, in []kernel.Input)
	// Output is what leaves get for their output, but for its functions.
	Output kind.Output
	// Logs says where an attempt of the step of that path keeps its output (kind.Output.Log); nil: nowhere. It is called
	// once for each attempt, from one goroutine, and not for probes, which keep none.
	Logs func(path string) string
	// Store is where steps keep files; nil: with the run's other files, as long as it lasts.
	Store kind.Store
	// Machine gives the permits of semaphores of the machine; nil: each is given at once, as if no other run was there.
	Machine *machine.Room
	// Reuse is asked of each leaf whether it need be begun, in a take of the run that is not the first; nil: it is the first.
	Reuse *reuse.Next
	// Tries is how often steps were tried in earlier takes, by their paths. Those of this take count on, for kinds.
	Tries map[string]int
	// Kill, when it is closed, ends the run now: shields and cleanups too.
	Kill <-chan struct{}
	// Interrupted is told, from the goroutine of Observe, that the user has cancelled the run by a Ctrl-C at a step that
	// had the terminal. It may be nil.
	Interrupted func()
}

// Signal is the cause of a context that a signal of the user has cancelled (context.WithCancelCause).
type Signal struct{ Name string }

// Error is the name of the signal, as SIGINT.
func (s Signal) Error() string { return s.Name }

// Run runs p to its end. When ctx is done the workflow is told to stop, and Run returns when it has stopped:
// nothing that it started is running any more. Kernel.Start may be zero: it is then now.
func Run(ctx context.Context, p *plan.Plan, opt Options) event.Outcome {
	begin := time.Now()
	if opt.Kernel.Start.IsZero() {
		opt.Kernel.Start = begin
	}
	d := newDriver(p, opt)
	d.begin = begin
	return d.run(ctx, opt.Kill)
}

func newDriver(p *plan.Plan, opt Options) *driver {
	d := &driver{
		Options: opt, logOf: map[string]string{}, keptOf: map[string]bool{}, from: make(chan message, 64), leaves: map[int32]*leaf{},
	}
	d.disk = newDisk(opt.Sync, opt.Soon)
	d.permits = permits{semaphores: p.Semaphores, wishes: map[int32]*wish{}}
	if d.Commit == nil {
		d.Commit = func() error { return nil }
	}
	if d.Store == nil {
		d.Store = artifact.Folder(d.temp.Path, false)
	}
	d.k = kernel.New(p, opt.Kernel, d)
	return d
}

func (d *driver) run(ctx context.Context, kill <-chan struct{}) event.Outcome {
	d.loop(ctx, kill)
	d.disk.end()
	d.running.Wait()
	if d.Machine != nil {
		d.Machine.Wait()
	}
	d.temp.Remove()
	out, _ := d.k.Done()
	return out
}

// driver is the kernel.Host of a run. Its fields belong to the loop; leaves speak through the channel.
type driver struct {
	Options
	k        *kernel.Kernel
	begin    time.Time
	logOf    map[string]string // of the last attempt of steps that have not ended
	from     chan message
	leaves   map[int32]*leaf
	starting []*leaf // that have not begun: they wait for what they hang on to be kept
	disk     disk
	telling  bool  // of output
	said     int64 // bytes of it
	begun    bool
	past     *memory // while the kernel goes through the past of a run
	services services
	permits  permits
	kept     keptLeaves
	keptOf   map[string]bool // steps that have not ended, and whose work is kept
	spared   []kernel.Input  // the ends of leaves that were told to stop before they began
	running  sync.WaitGroup
	temp     temp.Folder
}

// leaf is one attempt at work.
type leaf struct {
	n       int32
	turn    int64 // of the loop, which must be on the disk before it begins
	call    kind.Call
	stop    context.CancelFunc
	kill    chan struct{}
	work    func() message
	late    bool // it had not begun when it was told to stop, or when the journal was lost
	stopped bool
	lost    bool           // it is not at work, and waits to begin again
	kept    bool           // it ends as in an earlier take, and does not begin
	idle    bool           // it waits to be told to stop, and has not begun
	verdict *event.Outcome // that it ends with, whatever it says itself
}

// message is what a leaf says: some output, that it is ready, or how it ended; or what is said to a wish.
type message struct {
	wish         *wish // nil: it is a leaf's
	answer       machine.Answer
	leaf         int32
	ready, ended bool
	gate         bool // the probe of a service that has begun again has ended
	interrupt    bool // it had the terminal, and its user wants the run to end
	outcome      event.Outcome
	stream, text string
	skipped      int64
}

// lost is what cancels a run whose events cannot be kept.
func lost(err error) string {
	if reason := errors.Unwrap(err); reason != nil { // without the file
		err = reason
	}
	return "the loss of its journal (" + err.Error() + ")"
}

func (d *driver) loop(ctx context.Context, kill <-chan struct{}) {
	told := ctx.Done()
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	var in []kernel.Input
	for {
		d.step(time.Since(d.begin), in)
		in = in[:0]
		_, done := d.k.Done()
		if !done {
			in = d.settle(in)
		}
		d.disk.admit(d.k, d.starting)
		err := d.Commit()
		if done {
			return
		}
		if err != nil {
			d.disk.end()
			for _, l := range d.starting {
				l.late = true
			}
			in = append(in, kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: lost(err)}})
			continue // they are told to stop first
		}
		if len(in) > 0 {
			continue
		}
		d.launch()
		d.probe()
		in, d.permits.granted = append(in, d.permits.granted...), d.permits.granted[:0]
		if d.permits.again == 0 {
			in = d.services.next(in)
		}
		if len(in) > 0 {
			continue
		}
		var ring <-chan time.Time
		if next, ok := d.next(); ok {
			alarm.Reset(time.Until(next))
			ring = alarm.C
		}
		select {
		case <-d.disk.done:
			d.disk.synced()
		case m := <-d.from:
			in = d.drain(d.take(in, m))
		case <-ring:
		case <-told:
			told = nil
			in = append(in, kernel.Input{Kind: kernel.Cancel, Cause: CauseOf(ctx)})
		case <-kill:
			kill = nil
			in = append(in, kernel.Input{Kind: kernel.Kill, Cause: CauseOf(ctx)})
		}
	}
}

// step steps the kernel, if that does anything.
func (d *driver) step(at time.Duration, in []kernel.Input) {
	if due, ok := d.k.Next(); d.begun && len(in) == 0 && (!ok || due > at) {
		return
	}
	d.begun = true
	if d.Stepping != nil && d.past == nil {
		d.Stepping(at, in)
	}
	d.k.Step(at, in)
}

// next is when the loop must turn again if nothing happens before.
func (d *driver) next() (time.Time, bool) {
	at := d.disk.work(time.Now())
	if next, ok := d.k.Next(); ok {
		if t := d.begin.Add(next); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at, !at.IsZero()
}

// CauseOf is the cause for what a context, which is done, has cancelled.
func CauseOf(ctx context.Context) *event.Cause {
	var s Signal
	if errors.As(context.Cause(ctx), &s) {
		return &event.Cause{Why: event.WhySignal, By: s.Name}
	}
	by := "the caller"
	if err := context.Cause(ctx); err != nil {
		by = err.Error()
	}
	return &event.Cause{Why: event.WhySignal, By: by}
}

// take makes an input of a message. Output is told at once.
func (d *driver) take(in []kernel.Input, m message) []kernel.Input {
	if m.wish != nil {
		return d.answered(in, m.wish, m.answer)
	}
	if m.gate {
		d.probed(m)
		return in
	}
	if m.ready {
		d.services.opened(m.leaf)
		return append(in, kernel.Input{Kind: kernel.Ready, Leaf: m.leaf})
	}
	if !m.ended {
		d.telling, d.said = true, int64(len(m.text))
		d.k.Say(m.leaf, m.stream, m.text, m.skipped)
		d.telling, d.said = false, 0
		return in
	}
	if l := d.leaves[m.leaf]; l.verdict != nil {
		m.outcome = *l.verdict
	}
	delete(d.leaves, m.leaf)
	d.disk.ended(time.Now())
	d.services.ended(m.leaf)
	if m.interrupt {
		in = append(in, kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: "SIGINT"}})
		if d.Interrupted != nil {
			d.Interrupted()
		}
	}
	return append(in, kernel.Input{Kind: kernel.Ended, Leaf: m.leaf, Outcome: m.outcome})
}

// drain takes what else is there: it belongs to the same instant.
func (d *driver) drain(in []kernel.Input) []kernel.Input {
	for range cap(d.from) {
		select {
		case m := <-d.from:
			in = d.take(in, m)
		default:
			return in
		}
	}
	return in
}

// Start implements kernel.Host.
func (d *driver) Start(n int32, k *kind.Kind, call kind.Call) {
	ctx, stop := context.WithCancel(context.Background())
	l := &leaf{n: n, call: call, stop: stop, kill: make(chan struct{})}
	d.leaves[n] = l
	if d.begins(n, l, k, call) && (d.past == nil || d.past.fresh) {
		d.starting = append(d.starting, l)
	}
	if k.Probe {
		d.services.asked(k, call)
	}
	call.Attempt += d.Tries[call.Step]
	call.Kill, call.Store = l.kill, d.Store
	call.Output = d.Output
	call.Output.Say = func(stream, text string) { d.from <- message{leaf: n, stream: stream, text: text} }
	call.Output.Skip = func(stream string, bytes int64) { d.from <- message{leaf: n, stream: stream, skipped: bytes} }
	if d.Logs != nil && !k.Probe && !l.kept { // which has the step of its service
		call.Output.Log = d.Logs(call.Step)
		d.logOf[call.Step] = call.Output.Log
	}
	call.Temp = d.temp.Path
	if call.ReadyLine != nil {
		call.Ready = func() { d.from <- message{leaf: n, ready: true} }
	}
	interrupt := false
	call.Interrupt = func() { interrupt = true }
	l.work = func() message {
		if l.late && ctx.Err() != nil {
			return message{leaf: n, ended: true, outcome: event.Stopped(nil)}
		}
		o := k.Run(ctx, call)
		var err error
		if o.Value, err = event.Canonical(o.Value); err != nil {
			o = event.Failure(event.Errorf(event.OutputError, "%s", err))
		}
		return message{leaf: n, ended: true, interrupt: interrupt, outcome: o}
	}
}

// launch begins the work that the kernel has started, as far as it may.
func (d *driver) launch() {
	d.starting = slices.DeleteFunc(d.starting, func(l *leaf) bool {
		may := d.permits.may(l) && d.disk.may(l)
		if may {
			d.running.Go(func() {
				defer l.stop()
				d.from <- l.work()
			})
		}
		return may
	})
}

// Stop implements kernel.Host.
func (d *driver) Stop(n int32, kill bool) {
	l := d.leaves[n]
	if l == nil {
		return // its end is already on the way
	}
	if d.past == nil && d.spare(n, l) {
		return
	}
	if kill {
		close(l.kill)
	}
	l.stopped = true
	l.stop()
	d.services.opened(n)
}

// Emit implements kernel.Host. The kernel's clock stands still while it works, and while it waits: what a run took in all,
// and when a step said something, is known here. What is due before that comes later, at its own time, which is not to be
// before it.
func (d *driver) Emit(e event.Event) {
	if e.Type == event.RunEnd || d.telling {
		now := time.Since(d.begin)
		if next, ok := d.k.Next(); ok && d.telling {
			now = min(now, next)
		}
		e.Time = e.Time.Add(max(0, now-d.k.Now()))
	}
	switch e.Type {
	case event.StepOutput:
		e.Bytes, e.Log = d.said, d.logOf[e.Path]
	case event.StepRetry, event.StepEnd:
		e.Log = d.logOf[e.Path]
		e.Kept = e.Type == event.StepEnd && d.keptOf[e.Path]
		delete(d.logOf, e.Path)
		delete(d.keptOf, e.Path)
	}
	if d.Reuse != nil {
		d.Reuse.Observe(e)
	}
	d.services.observe(e)
	if d.past != nil && d.past.emit(e) {
		return
	}
	if d.Observe != nil {
		d.Observe(e)
	}
}
