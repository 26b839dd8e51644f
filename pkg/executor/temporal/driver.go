package temporal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

const (
	// window is how many attempts are with the server at once. It refuses 2,000, and a run that asks for more hangs.
	window = 500
	// patience is how often a leaf is lost before its step fails: it may be what kills the workers.
	patience = 10
	// heartbeat is after what time without a sign of life a worker is taken to be dead; pulse is how often it gives one, and how long
	// a cancel takes to get to it.
	heartbeat = 10 * time.Second
	pulse     = time.Second
	// forever is for limits that Temporal wants and nobody has set.
	forever = 10 * 365 * 24 * time.Hour
)

// driver is the kernel.Host of a run in a Temporal workflow. Everything in it happens in one coroutine, in the order of the
// workflow's history.
type driver struct {
	ctx     workflow.Context // which no cancel reaches: the kernel says what ends
	plan    *plan.Plan
	k       *kernel.Kernel
	begin   time.Time
	log     eventLog
	saying  kept // what is told now
	tally   tally
	started []start // by the kernel, in this step of it
	waiting []job   // for their turn among the window, the first in front
	probes  []job   // of services; each goes along with the job that has its step, for only there it is near it
	work    []*attempt
	news    []news
	losses  map[int32]int
	alarm   alarm
	turn    turn
	killed  map[int32]bool
	common  common
	ahead   bool // of what workflow tasks have brought (wait)
}

// start is a leaf that the kernel has started.
type start struct {
	leaf int32
	kind *kind.Kind
	call kind.Call
}

// attempt is a job that a worker has, or will have.
type attempt struct {
	job
	future  workflow.Future
	cancel  workflow.CancelFunc
	stopped bool
}

// news is an input of the kernel, behind what its leaf has said.
type news struct {
	kernel.Input
	said  []said
	log   string    // report.Log
	ended time.Time // by the clock of the worker; zero: now
}

// kept is where a text stands that is told, and how long it is there.
type kept struct {
	log   string
	bytes int64
}

// alarm is the one timer of a run.
type alarm struct {
	due    time.Duration // since the run began
	future workflow.Future
	cancel workflow.CancelFunc
}

// Start implements kernel.Host.
func (d *driver) Start(leaf int32, k *kind.Kind, call kind.Call) {
	d.started = append(d.started, start{leaf, k, call})
}

// Stop implements kernel.Host.
func (d *driver) Stop(leaf int32, kill bool) {
	if kill {
		d.killed[leaf] = true
	}
	for _, a := range d.work {
		if a.Leaf == leaf {
			a.stopped = true
			a.cancel()
			return
		}
	}
	if slices.ContainsFunc(d.news, func(n news) bool { return n.Leaf == leaf && (n.Kind == kernel.Ended || n.Kind == kernel.Lost) }) {
		return // it has ended, and the kernel is about to hear of it
	}
	// No worker has it, or it is a probe, of which nobody wants to hear any more.
	isIt := func(j job) bool { return j.Leaf == leaf }
	d.waiting = slices.DeleteFunc(d.waiting, isIt)
	d.probes = slices.DeleteFunc(d.probes, isIt)
	d.started = slices.DeleteFunc(d.started, func(s start) bool { return s.leaf == leaf })
	d.end(leaf, event.Stopped(nil))
}

// Take implements kernel.Host. A permit of a machine is one of the run: there is no machine that all of its steps are on.
func (d *driver) Take(hold, _ int32) {
	d.news = append(d.news, news{Input: kernel.Input{Kind: kernel.Granted, Leaf: hold}})
}

// Give implements kernel.Host.
func (d *driver) Give(hold int32) {
	d.news = slices.DeleteFunc(d.news, func(n news) bool { return n.Kind == kernel.Granted && n.Leaf == hold })
}

// Emit implements kernel.Host.
func (d *driver) Emit(e event.Event) {
	if e.Type == event.StepEnd && d.plan.Steps[e.Node].Works() { // as summaries count
		d.tally.Ended++
		if e.Status == event.Failed {
			d.tally.Failed++
		}
	}
	if e.Type == event.StepOutput {
		e.Log, e.Bytes = d.saying.log, d.saying.bytes
	}
	d.log.add(e)
}

// end has a leaf end that no worker has.
func (d *driver) end(leaf int32, o event.Outcome) {
	d.news = append(d.news, news{Input: kernel.Input{Kind: kernel.Ended, Leaf: leaf, Outcome: o}})
}

// run runs the kernel to its end, or to where the workflow's history is too long to go on: then all that it has is given.
func (d *driver) run(told workflow.ReceiveChannel) (event.Outcome, []byte) {
	sources := sources{
		told: told, cancel: workflow.GetSignalChannel(d.ctx, signalCancel), ready: workflow.GetSignalChannel(d.ctx, signalReady),
	}
	for {
		d.step()
		if out, done := d.k.Done(); done {
			return out, nil
		}
		if len(d.news) > 0 {
			continue
		}
		if d.turning() {
			if r := d.pack(); r != nil {
				return event.Outcome{}, r
			}
		} else {
			d.launch()
		}
		if len(d.news) > 0 {
			continue
		}
		d.await(&sources)
	}
}

// step steps the kernel with what is new, one after the other: what the server tells at once did not happen at once.
func (d *driver) step() {
	slices.SortStableFunc(d.news, byClock)
	if len(d.news) == 0 {
		d.k.Step(d.now(), nil)
	}
	for len(d.news) > 0 {
		n := d.news[0]
		d.news = d.news[1:]
		for _, s := range n.said {
			d.saying = kept{n.log, s.Bytes}
			d.k.Say(n.Leaf, s.Stream, s.Text, s.Skipped)
		}
		d.k.Step(d.now(), []kernel.Input{n.Input})
		if _, done := d.k.Done(); done {
			return
		}
	}
	d.prepare()
}

// byClock is the order in which things happened by the clocks of workers, which may differ. What has no clock comes first.
func byClock(a, b news) int { return a.ended.Compare(b.ended) }

// now is the time since the run began. A timer never rings early: clocks of servers may differ.
func (d *driver) now() time.Duration {
	now := workflow.Now(d.ctx).Sub(d.begin)
	if d.alarm.future != nil && d.alarm.future.IsReady() {
		now = max(now, d.alarm.due)
	}
	return max(now, d.k.Now())
}

// prepare makes jobs of what the kernel has started. One that cannot be made has ended by that.
func (d *driver) prepare() {
	list := d.started
	d.started = nil
	for _, s := range list {
		of := s.leaf
		if s.kind.Probe { // it begins with its service, and has its environment
			i := slices.IndexFunc(list, func(x start) bool { return !x.kind.Probe && x.call.Step == s.call.Step })
			if i < 0 {
				continue // the service could not begin: its end ends the probe
			}
			of = list[i].leaf
		}
		where, _, ok := d.k.Begin(of)
		if !ok {
			continue
		}
		j, err := prepared(s, d.plan.Steps[where.Node], d.common)
		switch {
		case err != nil:
			d.end(s.leaf, event.Failure(err))
		case s.kind.Probe:
			d.probes = append(d.probes, j)
		default:
			d.waiting = append(d.waiting, j)
		}
	}
}

// launch gives workers what has its turn.
func (d *driver) launch() {
	for len(d.waiting) > 0 && len(d.work) < window {
		j := d.waiting[0]
		d.waiting = d.waiting[1:]
		if i := slices.IndexFunc(d.probes, func(p job) bool { return p.Step == j.Step }); i >= 0 {
			probe := d.probes[i]
			j.Probe = &probe
		}
		ctx, cancel := workflow.WithCancel(d.ctx)
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			TaskQueue: j.Queue, StartToCloseTimeout: forever, HeartbeatTimeout: heartbeat, WaitForCancellation: true,
			// A worker that is lost is the kernel's matter: it counts in attempts and is told to the user.
			RetryPolicy:           &temporal.RetryPolicy{MaximumAttempts: 1},
			DisableEagerExecution: true,
			Summary:               summary(j),
		})
		a := &attempt{job: j, cancel: cancel}
		a.future = workflow.ExecuteActivity(ctx, leafType, j)
		d.work = append(d.work, a)
	}
}

// summary is what Temporal's own pages show of a job.
func summary(j job) string {
	text := j.Kind + " " + j.Step
	if j.Attempt > 1 {
		text += fmt.Sprintf(" (attempt %d)", j.Attempt)
	}
	const most = 150 // Temporal takes 200 bytes
	if len(text) > most {
		text = text[:most]
	}
	return text
}

// sources are where news come from.
type sources struct {
	told, cancel, ready workflow.ReceiveChannel
	isTold              bool // a cancel of Temporal's own is over once
}

// await waits until anything is new, and takes all that is.
func (d *driver) await(s *sources) {
	d.arm()
	sel := workflow.NewSelector(d.ctx)
	for _, a := range d.work {
		sel.AddFuture(a.future, func(workflow.Future) {})
	}
	if d.alarm.future != nil {
		sel.AddFuture(d.alarm.future, func(workflow.Future) {})
	}
	look := func(workflow.ReceiveChannel, bool) {}
	sel.AddReceive(s.cancel, look)
	sel.AddReceive(s.ready, look)
	if !s.isTold {
		sel.AddReceive(s.told, look)
	}
	d.wait(sel)
	for n := (readyNote{}); s.ready.ReceiveAsync(&n); n = (readyNote{}) {
		d.ready(n)
	}
	d.work = slices.DeleteFunc(d.work, func(a *attempt) bool {
		if !a.future.IsReady() {
			return false
		}
		d.news = append(d.news, d.ended(a)...)
		return true
	})
	for n := (cancelNote{}); s.cancel.ReceiveAsync(&n); n = (cancelNote{}) {
		what := kernel.Cancel
		if n.Kill {
			what = kernel.Kill
		}
		d.tell(what, n.By)
	}
	if !s.isTold && s.told.ReceiveAsync(nil) {
		s.isTold = true
		d.tell(kernel.Cancel, "Temporal")
	}
}

// tell tells the run to stop.
func (d *driver) tell(how kernel.InputKind, by string) {
	d.news = append(d.news, news{Input: kernel.Input{Kind: how, Cause: &event.Cause{Why: event.WhySignal, By: by}}})
}

// wait waits until anything is new. A worker that is asked for the events of a run, and does not have it, goes through its history, and
// behind that through what no workflow task has brought yet, at the time of the task before: what comes of this is not what will be.
func (d *driver) wait(sel workflow.Selector) {
	task := func() int { return workflow.GetInfo(d.ctx).GetCurrentHistoryLength() } // 0: nobody counts
	before, waits := task(), !sel.HasPending()
	sel.Select(d.ctx)
	d.ahead = waits && before > 0 && task() == before
}

// arm sets the timer to when the kernel must be stepped, or the history be looked at. One that rings too early is left: to take it
// back and set another is two more events of the history.
func (d *driver) arm() {
	next, ok := d.k.Next()
	if t, draining := d.turn.until(); draining && (!ok || t.Sub(d.begin) < next) {
		next, ok = t.Sub(d.begin), true
	}
	if d.alarm.future != nil && d.alarm.future.IsReady() {
		d.alarm = alarm{}
	}
	if !ok || d.alarm.future != nil && d.alarm.due <= next {
		return
	}
	if d.alarm.future != nil {
		d.alarm.cancel()
	}
	ctx, cancel := workflow.WithCancel(d.ctx)
	// Never at once: a workflow that does not end shall not hold up its worker.
	wait := max(next-workflow.Now(d.ctx).Sub(d.begin), time.Millisecond)
	d.alarm = alarm{due: next, future: workflow.NewTimer(ctx, wait), cancel: cancel}
}

// ready takes what a service, or who asks it, has to say; if it comes too late, nobody wants to know: a number may then be that of
// another leaf.
func (d *driver) ready(n readyNote) {
	if n.Outcome == nil {
		if slices.ContainsFunc(d.work, func(a *attempt) bool { return a.Leaf == n.Leaf && a.Step == n.Step }) {
			d.news = append(d.news, news{Input: kernel.Input{Kind: kernel.Ready, Leaf: n.Leaf}})
		}
		return
	}
	before := len(d.probes)
	d.probes = slices.DeleteFunc(d.probes, func(p job) bool { return p.Leaf == n.Leaf && p.Step == n.Step })
	if len(d.probes) < before {
		d.end(n.Leaf, outcomeOf(n.Outcome))
	}
}

// ended is what an attempt's end tells the kernel.
func (d *driver) ended(a *attempt) []news {
	var r report
	err := a.future.Get(d.ctx, &r)
	delete(d.killed, a.Leaf)
	n := news{Input: kernel.Input{Kind: kernel.Ended, Leaf: a.Leaf}, said: r.Said, log: r.Log, ended: r.Ended}
	who := "the worker " + r.Worker
	var timeout *temporal.TimeoutError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &timeout):
		r.Gone, who = true, workerOf(timeout)
	case errors.As(err, &cancelled):
		n.Outcome = event.Stopped(nil)
	case err != nil:
		n.Outcome = event.Failure(event.Errorf(event.StartError, "the worker could not carry it out: %s", cause(err)))
	case r.Expired:
		n.Outcome = expired(a.job, outcomeOf(r.Outcome))
	case !r.Gone:
		n.Outcome = outcomeOf(r.Outcome)
	}
	if !r.Gone {
		delete(d.losses, a.Leaf)
		return []news{n}
	}
	return d.lost(a, n, who)
}

// lost is what becomes of an attempt whose worker is gone.
func (d *driver) lost(a *attempt, n news, who string) []news {
	d.losses[a.Leaf]++
	times := d.losses[a.Leaf]
	switch {
	case a.stopped:
		n.Outcome = event.Stopped(nil)
	case a.OnLost == "fail":
		n.Outcome = event.Failure(event.Errorf(event.LostError, "%s died while it was at work, and on_lost is fail", who))
	case times >= patience:
		n.Outcome = event.Failure(event.Errorf(event.LostError, "it was lost %d times, the last time as %s died: it may be what kills workers", times, who))
	default:
		n.Kind, n.By = kernel.Lost, who
		again := news{Input: kernel.Input{Kind: kernel.Again, Leaf: a.Leaf}, ended: n.ended}
		return []news{n, again}
	}
	delete(d.losses, a.Leaf)
	return []news{n}
}

// expired is the outcome of a job that its limit has stopped, as a limit of the kernel's gives it.
func expired(j job, o event.Outcome) event.Outcome {
	limit := event.FormatDuration(j.Limit)
	err := event.Errorf(event.TimeoutError, "timeout of %s expired", limit)
	err.Fields = map[string]any{"limit": limit, "scope": "timeout", "of": j.Step}
	err.Attempts = max(1, j.Attempt)
	out := event.Failure(err)
	out.Extra = o.Extra
	return out
}

// outcomeOf reads the outcome of a report.
func outcomeOf(data []byte) event.Outcome {
	in, err := kernel.ReadInputs(data, stillSealed)
	if err != nil || len(in) != 1 {
		return event.Failure(event.Errorf(event.OutputError, "what the worker says of its end cannot be read: %v", err))
	}
	return in[0].Outcome
}

// cause is the text of the innermost reason that Temporal gives.
func cause(err error) string {
	if link.LacksKey(err) {
		return "it lacks the key that the run is encrypted with (--key-file of flowrun worker)"
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

// workerOf is who had a job that was not heard of any more: each sign of life has the name.
func workerOf(err *temporal.TimeoutError) string {
	var name string
	if err.HasLastHeartbeatDetails() && err.LastHeartbeatDetails(&name) == nil {
		return "the worker " + name
	}
	return "its worker"
}
