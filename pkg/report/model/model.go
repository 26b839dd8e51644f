// Package model is a run as a tree, made of its events and of nothing else, for reports that need more than one event at
// a time:
//
//	event.Event ─► Run.Observe ─► Run
//	                               Root *Step ─ Children, in argument order
//	                                    Attempts   begin, end, error, log, the end of its output
//	                                    Waits      in queues and in pauses between attempts, with why
//
// The tree is whole after every event, so it serves a run that is going on, one that has ended, and one that crashed. It is
// not for several goroutines: who draws while events come draws between them. Nobody but Observe may change it.
//
// A step takes about 600 bytes. What could grow without end is bounded: the output that is kept (see Output), the
// attempts and waits of one step, and what earlier attempts of a block had begun.
package model

import (
	"cmp"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Bounds of what is kept.
const (
	maxAttempts = 100     // of one step: the first and the last of them
	maxWaits    = 200     // of one step: likewise
	maxFormer   = 100_000 // steps of attempts that are over, in the whole run
)

// Run is a run, as far as it was told.
type Run struct {
	ID      string
	Plan    *plan.Plan
	About   About
	Root    *Step     // the workflow itself; nil before it was heard of
	Started time.Time // zero before run.start, unless somebody knows better
	Ended   time.Time // zero as long as run.end has not come: the run is going on, or crashed
	Last    time.Time // of the last event
	Outcome event.Outcome
	steps   []*Step // by event.Where.Step; nil: unknown, or forgotten
	former  int     // steps of attempts that are over
	output  budget
}

// About is what events do not say of a run. Whoever knows it fills it in; reports leave out what is not there.
type About struct {
	Flowrun     string // the version of the program that ran it
	Again       string // the command that does the same again, with secrets masked
	Traceparent string // the W3C trace context in which flowrun was started
	Strict      bool   // errors that were handed back as values are a failure of the run
	Crashed     bool   // its process is gone, and did not tell an end
}

// State is where a step is.
type State uint8

// The states of a step.
const (
	Waiting State = iota // in the queue of its last Wait
	Working              // an attempt is at work
	Pausing              // between two attempts: its last Wait says how long
	Ended                // Status says how
)

var stateWords = [...]string{"waiting", "working", "pausing", "ended"}

// String is a word for s.
func (s State) String() string { return stateWords[s] }

// Step is a step of a run, or one iteration of a generator.
type Step struct {
	Path     string
	Def      *plan.Step // as compiled: id, kind, place in the file
	Name     string     // what its `name` gave; "": it has none
	Parent   *Step      // nil: the workflow itself
	Children []*Step    // of the last attempt, in argument order; then visits and handlers
	State    State
	Told     *event.Cause // why it was told to stop; nil: it was not
	Ready    time.Time    // when the service was; zero: it is none, or not yet
	Attempts []Attempt
	Tries    int // attempts in all: Attempts are the first and the last of very many
	Waits    []Wait
	Counts   Counts
	End
	order  int64 // event.Where.Order
	number int32 // event.Where.Step
	over   bool  // part of an attempt that is over
}

// End is how a step ended: all zero before it has. The outcome has no Extra and no Last.
type End struct {
	event.Outcome
	event.Timing
	Recovered *event.Error // what an except clause handled
	Returned  int          // errors that were handed back as values
	Artifacts []event.Artifact
}

// Attempt is one attempt of a step.
type Attempt struct {
	Number  int
	Started time.Time
	Ended   time.Time // zero: at work. The handlers of a step come after its last attempt.
	// Status is Running, or how it ended. That of the last attempt of a step with handlers is known when those have ended.
	Status event.Status
	Err    *event.Error // why it failed
	Log    string       // event.Event.Log; "": nothing of it is kept
	Output Output
	// Children are what this attempt had begun, when another one followed. Those of the last are in Step.Children.
	Children []*Step
}

// Wait is a time in which a step could not go on.
type Wait struct {
	Why  string // what it waited for, as event.Event.Why; "": it is a pause between attempts
	From time.Time
	To   time.Time // zero: it still waits
	// Due is when a pause is over, as was said when it began.
	Due time.Time
}

// IsPause says that a step waited for its next attempt, and not for others.
func (w Wait) IsPause() bool { return w.Why == "" }

// Counts are numbers of steps by event.Status. Blocks and calls are not counted: they only have others work.
type Counts [event.Skipped + 1]int32

// Total is all of them.
func (c Counts) Total() (n int) {
	for _, x := range c {
		n += int(x)
	}
	return n
}

// New makes the model of the run with that id of p.
func New(p *plan.Plan, id string) *Run { return &Run{ID: id, Plan: p} }

// Label is what the run is called: its workflow by name, or else by file.
func (r *Run) Label() string {
	if r.Plan.Name != "" {
		return r.Plan.Name
	}
	if r.Plan.File != "" && r.Plan.File != "-" {
		return r.Plan.File
	}
	return "workflow"
}

// Word is how the run ended, or running, or crashed.
func (r *Run) Word() string {
	switch {
	case !r.Ended.IsZero():
		return r.Outcome.Status.String()
	case r.About.Crashed:
		return "crashed"
	default:
		return "running"
	}
}

// Until is the end of the run, or of what is known of it.
func (r *Run) Until() time.Time {
	switch {
	case !r.Ended.IsZero():
		return r.Ended
	case r.Last.IsZero():
		return r.Started
	default:
		return r.Last
	}
}

// Step is the step with that number (event.Where.Step); nil: it is not known, or belongs to what is forgotten.
func (r *Run) Step(number int32) *Step {
	if int(number) >= len(r.steps) {
		return nil
	}
	return r.steps[number]
}

// Steps calls visit for each step in the order of reports: a step before its children. Those of earlier attempts are left out.
func (r *Run) Steps(visit func(*Step)) {
	if r.Root != nil {
		r.Root.each(visit)
	}
}

func (s *Step) each(visit func(*Step)) {
	visit(s)
	for _, c := range s.Children {
		c.each(visit)
	}
}

// Works says that s does something itself.
func (s *Step) Works() bool { return s.Def.Works() }

// Took is how long s has been at work, with pauses and handlers; queues before its first attempt are not counted.
func (s *Step) Took(r *Run) time.Duration {
	if s.State == Ended || s.Started.IsZero() {
		return s.Duration
	}
	return r.Until().Sub(s.Started)
}

// Until is the end of the attempt, or of what is known of it.
func (a *Attempt) Until(r *Run) time.Time {
	if a.Ended.IsZero() {
		return r.Until()
	}
	return a.Ended
}

// Until is the end of the wait, or of what is known of it.
func (w *Wait) Until(r *Run) time.Time {
	if w.To.IsZero() {
		return r.Until()
	}
	return w.To
}

// Order is the place of s among the children of its parent (event.Where.Order).
func (s *Step) Order() int64 { return s.order }

// Handles says that s stands around the attempts of its parent: a clause of except, else or finally.
func (s *Step) Handles() bool { return s.order >= event.InExcept }

// Label is the step's path; the workflow itself goes by the name of its run.
func (s *Step) Label(r *Run) string { return cmp.Or(s.Path, r.Label()) }

// LastAttempt is the last one; nil if none has begun. It is good until the next event.
func (s *Step) LastAttempt() *Attempt {
	if len(s.Attempts) == 0 {
		return nil
	}
	return &s.Attempts[len(s.Attempts)-1]
}

// LastWait is the last one; nil if it never waited. It is good until the next event.
func (s *Step) LastWait() *Wait {
	if len(s.Waits) == 0 {
		return nil
	}
	return &s.Waits[len(s.Waits)-1]
}

// Observe takes the next event.
func (r *Run) Observe(e event.Event) {
	r.Last = e.Time
	switch e.Type {
	case event.RunStart:
		r.Started = e.Time
		return
	case event.RunEnd:
		r.Ended, r.Outcome = e.Time, bare(e.Outcome)
		return
	}
	s := r.step(e)
	if s == nil {
		return
	}
	switch e.Type {
	case event.StepQueued:
		s.unwait(e.Time)
		s.enter(Waiting, 0)
		s.wait(Wait{Why: e.Why, From: e.Time})
	case event.StepStart:
		r.begin(s, e)
	case event.StepOutput:
		if a := s.LastAttempt(); a != nil {
			a.Log = cmp.Or(e.Log, a.Log)
			r.output.add(&a.Output, e)
		}
	case event.StepReady:
		s.Ready = e.Time
	case event.StepRetry:
		r.endAttempt(s, e, event.Failed, e.Err)
		s.enter(Pausing, 0)
		if e.In > 0 {
			s.wait(Wait{From: e.Time, Due: e.Time.Add(e.In)})
		}
	case event.StepCancel:
		s.Told = e.Cause
	case event.StepEnd:
		r.end(s, e)
	}
}

func bare(o event.Outcome) event.Outcome {
	o.Extra, o.Last = nil, nil
	return o
}

// step is the record of the step that e tells of, made when it is first heard of; nil if it belongs to what is forgotten.
func (r *Run) step(e event.Event) *Step {
	n := int(e.Where.Step)
	for len(r.steps) <= n {
		r.steps = append(r.steps, nil)
	}
	if s := r.steps[n]; s != nil {
		return s
	}
	var parent *Step
	if e.Parent >= 0 {
		if parent = r.steps[e.Parent]; parent == nil {
			return nil
		}
	}
	s := &Step{Path: e.Path, Def: r.Plan.Steps[e.Node], Parent: parent, order: e.Order, number: e.Where.Step}
	r.steps[n] = s
	if parent == nil {
		r.Root = s
		return s
	}
	if s.order >= event.InExcept {
		parent.closeAttempt(e.Time)
	}
	parent.insert(s)
	if s.Works() {
		s.count(event.Waiting, 1)
	}
	return s
}

// insert puts c among the children of s. They come in their order, but for few.
func (s *Step) insert(c *Step) {
	at := len(s.Children)
	for at > 0 && s.Children[at-1].order > c.order {
		at--
	}
	s.Children = slices.Insert(s.Children, at, c)
}

// wait begins a wait.
func (s *Step) wait(w Wait) {
	if len(s.Waits) == maxWaits {
		s.Waits = slices.Delete(s.Waits, maxWaits/2, maxWaits/2+1)
	}
	s.Waits = append(s.Waits, w)
}

// unwait ends it.
func (s *Step) unwait(at time.Time) {
	if w := s.LastWait(); w != nil && w.To.IsZero() {
		w.To = at
	}
}

// begin begins an attempt.
func (r *Run) begin(s *Step, e event.Event) {
	s.unwait(e.Time)
	s.closeAttempt(e.Time)
	if a := s.LastAttempt(); a != nil {
		a.Children = r.part(s)
	}
	if len(s.Attempts) == maxAttempts {
		r.forget(s.Attempts[maxAttempts/2].Children)
		r.output.drop(&s.Attempts[maxAttempts/2].Output)
		s.Attempts = slices.Delete(s.Attempts, maxAttempts/2, maxAttempts/2+1)
	}
	s.Attempts = append(s.Attempts, Attempt{Number: e.Attempt, Started: e.Time, Status: event.Running})
	s.Tries++
	s.enter(Working, 0)
	s.Name = e.Name
	if s.Started.IsZero() {
		s.Started = e.Time
	}
}

// part takes the children of the attempt that is over from s. Handlers stand around all attempts: they stay.
func (r *Run) part(s *Step) []*Step {
	n := len(s.Children)
	for n > 0 && s.Children[n-1].order >= event.InExcept {
		n--
	}
	if n == 0 {
		return nil
	}
	list := slices.Clone(s.Children[:n])
	s.Children = slices.Clone(s.Children[n:])
	for _, c := range list {
		for status, n := range c.Counts {
			s.count(event.Status(status), -n)
		}
		c.each(func(x *Step) { x.over = true; r.former++ })
	}
	if r.former > maxFormer {
		r.forget(list)
		return nil
	}
	return list
}

// forget drops steps of an attempt that is over.
func (r *Run) forget(list []*Step) {
	for _, s := range list {
		s.each(func(x *Step) {
			r.steps[x.number] = nil
			r.former--
			for i := range x.Attempts {
				r.output.drop(&x.Attempts[i].Output)
				r.forget(x.Attempts[i].Children)
			}
		})
	}
}

// closeAttempt says when the attempt at work ended, if there is one.
func (s *Step) closeAttempt(at time.Time) {
	if a := s.LastAttempt(); a != nil && a.Ended.IsZero() {
		a.Ended = at
	}
}

// endAttempt says how the last attempt ended.
func (r *Run) endAttempt(s *Step, e event.Event, status event.Status, err *event.Error) {
	a := s.LastAttempt()
	if a == nil {
		return
	}
	s.closeAttempt(e.Time)
	a.Status, a.Err = status, err
	a.Log = cmp.Or(e.Log, a.Log)
	r.output.end(&a.Output, status == event.Succeeded)
}

func (r *Run) end(s *Step, e event.Event) {
	s.unwait(e.Time)
	if a := s.LastAttempt(); a != nil && a.Status == event.Running {
		status, err := e.Status, e.Err
		if e.Recovered != nil {
			status, err = event.Failed, e.Recovered
		}
		r.endAttempt(s, e, status, err)
	}
	s.enter(Ended, e.Status)
	s.End = End{Outcome: bare(e.Outcome), Timing: e.Timing, Recovered: e.Recovered, Returned: e.Returned, Artifacts: e.Artifacts()}
}

// At is Waiting (also in a pause), Running, or how the step ended.
func (s *Step) At() event.Status {
	switch s.State {
	case Working:
		return event.Running
	case Ended:
		return s.Status
	default:
		return event.Waiting
	}
}

// enter brings s into a state.
func (s *Step) enter(state State, end event.Status) {
	was := s.At()
	s.State, s.Status = state, end
	if now := s.At(); now != was && s.Works() {
		s.count(was, -1)
		s.count(now, 1)
	}
}

// count adds to the counts of s and of what s is in.
func (s *Step) count(status event.Status, n int32) {
	if n == 0 {
		return
	}
	for x := s; x != nil && !x.over; x = x.Parent {
		x.Counts[status] += n
	}
}
