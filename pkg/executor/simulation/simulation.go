// Package simulation plays a run of a plan on a virtual clock, with times that are given or made up, and says where the time
// goes: what waits for what, the critical path, and what each limit costs.
//
//	plan.Plan, inputs, durations ─► Run ─► Report ─► WriteJSON, Text
//
// The kernel decides, as in every run (package sim is the driver); only what a step does outside of this process is made
// up. So it takes a second, or what the durations say; what it gives is not known, unless they say it (guess.go).
package simulation

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Options are what a run of the plan would be given.
type Options struct {
	// Inputs are the values of all inputs of the main workflow (executor.CheckInputs).
	Inputs map[string]any
	// Env is the environment, NAME=value.
	Env []string
	// Glob answers the function glob; nil: it finds nothing.
	Glob func(pattern string) (any, error)
	// Durations say how long steps work, in the order of their file.
	Durations []Entry
	// Past follows each run that is played, and says how long steps took in runs that were not; nil: nobody knows. The
	// durations win.
	Past func() Past
	// PastRuns is of how many runs it knows.
	PastRuns int
	// Default is how long a step works of which nothing is said; 0: a second.
	Default time.Duration
}

// Past is what past runs have shown. Steps go by their number (event.Where.Step).
type Past interface {
	Observe(event.Event)
	// Expect is how long a step that has begun takes with all its attempts, and after how long a service is ready; negative:
	// that is not known.
	Expect(step int32) (works, ready time.Duration)
}

// Report is what came of a simulation. Its JSON is that of schema/simulation.schema.json.
type Report struct {
	plan    *plan.Plan
	Total   time.Duration
	Outcome event.Outcome
	// Cut: the run had no end in sight and was stopped after 400,000 events.
	Cut      bool
	Steps    []*Step // in the order of the file, each before those inside it; the first is the workflow
	Critical []Segment
	Limits   []Limit
	Assumed  []Assumption
	// Default is how long the steps worked of which nothing was said; Guessed counts them.
	Default time.Duration
	Guessed int
	// Learned counts the steps that took as long as in past runs, of which there were PastRuns.
	Learned, PastRuns int
}

// Step is one step of the simulated run, or one iteration of a generator.
type Step struct {
	Path   string
	Def    *plan.Step
	Depth  int
	Status event.Status
	Why    string // it was skipped or cancelled
	Begin  time.Duration
	End    time.Duration
	Spans  []Span
	// Critical: a part of the critical path is in it.
	Critical bool

	parent *Step
	order  int64
	open   bool // the last span goes on
	inside []*Step
}

// Span is a time in which a step waited, worked or paused.
type Span struct {
	What     SpanKind
	From, To time.Duration
	Why      string // what it waited for
}

// SpanKind is what a step did in a span.
type SpanKind string

// The kinds of spans.
const (
	Waiting SpanKind = "wait"  // for a need, a slot, a semaphore
	Working SpanKind = "run"   // an attempt
	Pausing SpanKind = "pause" // before the next attempt
)

// Run simulates p. The error is a diag.List with what is wrong with the durations.
func Run(p *plan.Plan, opt Options) (*Report, error) {
	rules, problems := readRules(opt.Durations)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if opt.Default == 0 {
		opt.Default = time.Second
	}
	s := newSimulator(p, opt, rules)
	r := s.run(p, nil)
	if err := append(unknownPaths(p, rules), s.unfit()...).Err(); err != nil {
		return nil, err
	}
	r.Assumed, r.Default, r.Guessed = s.guess.list, opt.Default, len(s.guessed)
	r.Learned, r.PastRuns = len(s.learned), opt.PastRuns
	r.critical()
	if !r.Cut {
		s.limits(r)
	}
	r.hide(p, opt.Env)
	return r, nil
}

// simulator makes up what the steps of a plan do.
type simulator struct {
	plan    *plan.Plan
	opt     Options
	rules   []*rule
	rule    map[string]*rule // by path; nil: there is none
	guess   *guesser
	awaited map[*plan.Step]bool
	guessed map[string]bool // paths of the steps of which nothing is said
	learned map[string]bool // of those that past runs know
	past    Past            // nil: nothing is known
	begun   map[string]begun
	tries   map[string]int // attempts of each path in this run, those of its blocks' retries included
}

func newSimulator(p *plan.Plan, opt Options, rules []*rule) *simulator {
	s := &simulator{
		plan: p, opt: opt, rules: rules, rule: map[string]*rule{}, guess: newGuesser(p),
		awaited: map[*plan.Step]bool{}, guessed: map[string]bool{}, learned: map[string]bool{}, begun: map[string]begun{},
	}
	for _, x := range p.Workflows {
		for _, item := range x.Items() {
			if a, ok := item.Step.Action().(*plan.Await); ok {
				for _, t := range a.Tasks {
					s.awaited[s.guess.ids[x][t.ID]] = true
				}
			}
		}
	}
	return s
}

// begun is a step that has begun.
type begun struct {
	def    *plan.Step
	number int32
}

// run plays p, which is the plan or one with other semaphores, with the limit free taken for infinite.
func (s *simulator) run(p *plan.Plan, free *plan.Value) *Report {
	s.guess.free, s.tries = free, map[string]int{}
	rec := recorder{plan: p}
	if s.past = nil; s.opt.Past != nil {
		s.past = s.opt.Past()
	}
	events := 0
	o, total := sim.Run(p, sim.Options{
		Kernel: kernel.Options{
			RunID: "simulation", Name: p.Name, Start: time.Unix(0, 0), Inputs: s.opt.Inputs, Env: s.opt.Env,
			Glob: s.opt.Glob, Eval: s.guess.eval,
		},
		Work: s.work,
		Enough: func() *event.Cause {
			if events > maxEvents {
				return &event.Cause{Why: event.WhySignal, By: "the simulation, which is too long"}
			}
			return nil
		},
		Observe: func(e event.Event) {
			events++
			switch e.Type {
			case event.StepStart:
				s.begun[e.Path] = begun{p.Steps[e.Node], e.Where.Step}
			case event.StepEnd:
				s.guess.note(p.Steps[e.Node], e.Outcome)
			}
			rec.observe(e)
			if s.past != nil {
				s.past.Observe(e)
			}
		},
	})
	return &Report{plan: s.plan, Total: total, Outcome: o, Cut: events > maxEvents, Steps: rec.sorted()}
}

// maxEvents bounds a simulation: a retry that never succeeds has no end.
const maxEvents = 400_000

// untilTold is how long a service works.
const untilTold = math.MaxInt64 / 4

// work says how an attempt goes.
func (s *simulator) work(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	r, ok := s.rule[call.Step]
	if !ok {
		r = find(s.rules, call.Step)
		s.rule[call.Step] = r
	}
	if r == nil {
		r = &rule{duration: -1, ready: -1}
	}
	r.used = true
	d, at := r.duration, s.begun[call.Step]
	if k.Probe {
		d = r.ready
	} else if d < 0 && at.def.Ready != nil && !s.awaited[at.def] {
		d = untilTold
	}
	if d < 0 && s.past != nil {
		works, ready := s.past.Expect(at.number)
		if d = works; k.Probe {
			d = ready
		}
		if d >= 0 {
			s.learned[call.Step] = true
		}
	}
	if d < 0 {
		d = s.opt.Default
		s.guessed[call.Step] = true
	}
	if k.Probe {
		return probed(d, call)
	}
	o := event.Success(unknown)
	if s.tries[call.Step]++; s.tries[call.Step] <= r.fails {
		o = event.Failure(failure(k, r.err))
	} else if r.given {
		o = event.Success(r.value)
	}
	// What else a step has for those that read it. It is looked at for success and failure alike.
	o.Extra = map[string]any{"stdout": unknown, "stderr": unknown, "outputs": unknown, "http": unknown, "artifacts": unknown, "exit_code": 0}
	if o.Err != nil {
		o.Extra["exit_code"] = o.Err.Fields["exit_code"]
	}
	return d, o
}

// defaultReady is that of a probe (pkg/steps).
const defaultReady = 30 * time.Second

// probed is how the probe of a service goes that takes d to be ready: a probe has its own timeout.
func probed(d time.Duration, call kind.Call) (time.Duration, event.Outcome) {
	limit := defaultReady
	if v, ok := call.Args["timeout"]; ok {
		if given, err := event.Duration(v); err == nil {
			limit = given
		}
	}
	if d > limit {
		return limit, event.Failure(event.Errorf(event.TimeoutError, "not ready within %s", event.FormatDuration(limit)))
	}
	return d, event.Success(nil)
}

// failure is how a step fails of which the durations say so.
func failure(k *kind.Kind, typ string) *event.Error {
	if typ == "" {
		typ = map[string]string{"run": event.ExitError, "http": event.HTTPError}[k.Name]
	}
	e := event.Errorf(cmp.Or(typ, event.FailError), "it fails in this simulation")
	switch e.Type {
	case event.ExitError:
		e.Fields = map[string]any{"exit_code": 1}
	case event.HTTPError:
		e.Fields = map[string]any{"status": 500}
	}
	return e
}

// unfit says which durations are for steps that have none of their own.
func (s *simulator) unfit() (problems diag.List) {
	steps := map[string]*plan.Step{}
	for _, x := range s.plan.Workflows {
		for _, item := range x.Items() {
			steps[item.Path] = item.Step
		}
	}
	for _, r := range s.rules {
		def, ok := steps[r.path]
		if r.used || !ok {
			continue
		}
		text, help := "", "give the durations of the steps inside it"
		switch n := def.Action().(type) {
		case *plan.Leaf:
			if n.Kind.Instant == nil {
				continue
			}
			text, help = "the file says how long it takes", "leave it out"
		case *plan.Await, *plan.Cancel:
			text, help = "how long it waits depends on the task", "give the duration of the task"
		default:
			text = "it takes as long as the steps inside it"
		}
		problems = append(problems, diag.Diagnostic{Pos: r.pos, Code: "bad-value", Text: r.path + ": " + text, Help: help})
	}
	return problems
}

// recorder makes the steps of a run of its events.
type recorder struct {
	plan  *plan.Plan
	steps []*Step // by event.Where.Step
}

func (r *recorder) observe(e event.Event) {
	switch e.Type {
	case event.StepQueued, event.StepStart, event.StepReady, event.StepRetry, event.StepEnd:
	default:
		return
	}
	now := e.Time.Sub(time.Unix(0, 0))
	s := r.step(e, now)
	s.close(now)
	switch e.Type {
	case event.StepQueued:
		s.begin(Waiting, now, e.Why)
	case event.StepStart, event.StepReady: // what comes after a service comes after the time to its being ready
		s.begin(Working, now, "")
	case event.StepRetry:
		s.begin(Pausing, now, "")
	case event.StepEnd:
		s.End, s.Status = now, e.Status
		switch e.Status {
		case event.Skipped:
			s.Why = e.Reason
		case event.Cancelled:
			s.Why = e.Cause.String()
		case event.Failed:
			s.Why = e.Err.Type + ": " + e.Err.Message
		}
	}
}

// slot is what a step waits for that gets a slot of a block's limit.
const slot = "a slot of the limit"

// step is the record of the step of e. A child that its block makes only when there is a slot has waited for it from the
// begin of the block.
func (r *recorder) step(e event.Event, now time.Duration) *Step {
	n := int(e.Where.Step)
	for len(r.steps) <= n {
		r.steps = append(r.steps, nil)
	}
	if s := r.steps[n]; s != nil {
		return s
	}
	s := &Step{Path: e.Path, Def: r.plan.Steps[e.Node], Begin: now, order: e.Order}
	r.steps[n] = s
	if e.Parent < 0 {
		return s
	}
	s.parent = r.steps[e.Parent]
	s.Depth = s.parent.Depth + 1
	s.parent.inside = append(s.parent.inside, s)
	if j, ok := s.parent.Def.Action().(*plan.Join); ok && j.Lazy && e.Type != event.StepEnd && e.Order < event.InVisit {
		if from := s.parent.Spans[len(s.parent.Spans)-1].From; from < now {
			s.Begin = from
			s.Spans = append(s.Spans, Span{Waiting, from, now, slot})
		}
	}
	return s
}

func (s *Step) begin(what SpanKind, now time.Duration, why string) {
	s.Spans = append(s.Spans, Span{What: what, From: now, Why: why})
	s.open = true
}

// close ends the last span. A wait that took no time was none.
func (s *Step) close(now time.Duration) {
	if !s.open {
		return
	}
	s.open = false
	last := len(s.Spans) - 1
	s.Spans[last].To = now
	if s.Spans[last].From == now && s.Spans[last].What != Working {
		s.Spans = s.Spans[:last]
	}
}

// sorted are the steps in the order of the file.
func (r *recorder) sorted() []*Step {
	out := make([]*Step, 0, len(r.steps))
	var add func(s *Step)
	add = func(s *Step) {
		out = append(out, s)
		slices.SortStableFunc(s.inside, func(a, b *Step) int { return cmp.Compare(a.order, b.order) })
		for _, x := range s.inside {
			add(x)
		}
	}
	add(r.steps[0])
	return out
}

// Waited is how long s waited in all, and Worked how long it worked.
func (s *Step) Waited() time.Duration { return s.sum(Waiting) }

// Worked is how long the attempts of s took in all.
func (s *Step) Worked() time.Duration { return s.sum(Working) }

func (s *Step) sum(what SpanKind) (d time.Duration) {
	for _, x := range s.Spans {
		if x.What == what {
			d += x.To - x.From
		}
	}
	return d
}
