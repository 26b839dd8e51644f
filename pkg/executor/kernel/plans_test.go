package kernel_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// scenario is a random plan and what happens to it from outside.
//
// All times are small multiples of a second, so that there are ties everywhere. A plan keeps the rules that a compiled
// file keeps (semaphores nest in one order, tasks are awaited after they began, needs have no cycle), unless Unsafe:
// then semaphores nest as they like, and the run may come to a standstill.
type scenario struct {
	Plan   *plan.Plan
	Inputs []sim.At
	Unsafe bool
	Again  int // how it is run again
}

// GoString is what a failing test shows.
func (s *scenario) GoString() string {
	var b strings.Builder
	b.WriteString("\n" + s.Plan.String())
	for _, step := range s.Plan.Steps {
		if l, ok := step.Body.(*plan.Leaf); ok {
			fmt.Fprintf(&b, "  step %d %s: %s\n", step.Index, step.ID, describe(l))
		}
	}
	for _, in := range s.Inputs {
		fmt.Fprintf(&b, "  at %s: %s\n", in.Time, [...]string{"ended", "cancel", "kill", "ready"}[in.Input.Kind])
	}
	if s.Unsafe {
		b.WriteString("  semaphores may nest in any order\n")
	}
	return b.String()
}

func describe(l *plan.Leaf) string {
	var words []string
	for _, a := range l.Args {
		c, _ := a.Value.V.Constant()
		words = append(words, fmt.Sprintf("%s %v", a.Key, c))
	}
	return strings.Join(words, ", ")
}

// The leaf kinds of the plans: one that is over at once or sleeps inside the kernel, one that works at the host, one
// that only raises an error again, and the probe of a service.
type leafKinds struct{ instant, work, again, probe *kind.Kind }

func newLeafKinds() leafKinds {
	return leafKinds{
		instant: &kind.Kind{Name: "instant", Instant: func(a kind.Args) kind.Instant {
			r := kind.Instant{After: seconds(a["after"]), Value: a["value"]}
			if typ, _ := a["fail"].(string); typ != "" {
				r.Err = event.Errorf(typ, "as planned")
			}
			return r
		}},
		work:  &kind.Kind{Name: "work"},
		probe: &kind.Kind{Name: "probe", Probe: true},
		again: &kind.Kind{Name: "again", Instant: func(kind.Args) kind.Instant { panic("it is a Reraise") }},
	}
}

func seconds(v any) time.Duration { n, _ := v.(int); return time.Duration(n) * time.Second }

// doWork says how a leaf at the host ends by itself: `fail` is an error's type, `until` the attempt from which on it succeeds.
func doWork(_ *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	typ, _ := call.Args["fail"].(string)
	until, _ := call.Args["until"].(int)
	o := event.Success(call.Args["value"])
	if typ != "" && (until == 0 || call.Attempt < until) {
		o = event.Failure(event.Errorf(typ, "as planned"))
	}
	return seconds(call.Args["after"]), o
}

// readyAt says when the output of a service is what its list waits for.
func readyAt(a kind.Args) (time.Duration, bool) { return seconds(a["grace"]), a["until"] != 3 }

// graceOf is how long a leaf takes when it is told to stop, and stoppedAs what it then says, which nobody may believe.
func graceOf(a kind.Args) time.Duration { return seconds(a["grace"]) }

func stoppedAs(a kind.Args) event.Outcome {
	switch a["stopped"] {
	case 1:
		return event.Failure(event.Errorf(event.ExitError, "told to stop"))
	case 2:
		return event.Success("too late")
	}
	return event.Outcome{Status: event.Cancelled}
}

// maker makes a scenario. left bounds the number of its steps.
type maker struct {
	t      *rapid.T
	kinds  leafKinds
	ints   []*rapid.Generator[int]
	p      *plan.Plan
	left   int
	rich   int // of 8: how often a modifier is written
	unsafe bool
	low    int // lowest semaphore taken, or awaited by way of a task, since it was last set
	called []calledWorkflow
}

// calledWorkflow is a workflow that may be called again from where its semaphores may be taken.
type calledWorkflow struct {
	w   *plan.Workflow
	low int
}

const noSemaphore = 99

// frame is where steps and variables get their slots.
type frame struct{ depth, slots int32 }

func (f *frame) slot() int32 { f.slots++; return f.slots - 1 }

// place is where a step is made.
type place struct {
	frame *frame
	depth int
	sem   int    // semaphores below it are held around, or come before in the order
	tasks []task // background tasks that it may name
	err   *plan.Ref
	needs []plan.Need
	join  *plan.Join // the block that it is a child of
	body  bool       // the body of a workflow: a file's header has no retry, semaphore, if, shield
	keeps *[]task    // where a wait says what it keeps; nil: it cannot
}

type task struct {
	plan.Task
	low int
}

// scenarios generates scenarios.
func scenarios() *rapid.Generator[*scenario] {
	kinds := newLeafKinds()
	ints := []*rapid.Generator[int]{nil}
	for n := 1; n <= 32; n++ {
		ints = append(ints, rapid.IntRange(0, n-1))
	}
	return rapid.Custom(func(t *rapid.T) *scenario {
		m := &maker{t: t, kinds: kinds, ints: ints, p: &plan.Plan{File: "random.yaml"}}
		return m.scenario()
	})
}

// n draws a number from 0 to below n; small is simple.
func (m *maker) n(n int) int { return m.ints[n].Draw(m.t, "") }

// maybe is true in about k of 8 cases.
func (m *maker) maybe(k int) bool { return m.n(8) >= 8-k }

func pick[T any](m *maker, list ...T) T { return list[m.n(len(list))] }

func (m *maker) scenario() *scenario {
	m.left = 4 + m.n(32)
	m.rich = 1 + m.n(4)
	m.unsafe = m.n(32) == 31
	for i := range 3 {
		m.p.Semaphores = append(m.p.Semaphores, plan.Semaphore{Name: fmt.Sprintf("s%d", i), Permits: 1 + m.n(2), Machine: m.maybe(3)})
	}
	f := &frame{}
	root := m.step(place{frame: f, depth: 1, body: true})
	root.ID, root.Background = "", false
	m.p.Main = &plan.Workflow{Name: "random", Slots: f.slots, Body: root}
	m.p.Workflows = slices.Insert(m.p.Workflows, 0, m.p.Main)
	s := &scenario{Plan: m.p, Unsafe: m.unsafe, Again: m.n(32)}
	for _, k := range []kernel.InputKind{kernel.Cancel, kernel.Cancel, kernel.Kill} {
		if m.maybe(3) {
			s.Inputs = append(s.Inputs, sim.At{
				Time:  time.Duration(m.n(12)) * time.Second,
				Input: kernel.Input{Kind: k, Cause: &event.Cause{Why: event.WhySignal, By: fmt.Sprintf("SIG%d", len(s.Inputs))}},
			})
		}
	}
	slices.SortStableFunc(s.Inputs, func(a, b sim.At) int { return cmp.Compare(a.Time, b.Time) })
	return s
}

// step makes a step: first its modifiers are drawn, then its action, which may name less inside them, and then both
// are put together in the order of the language.
func (m *maker) step(p place) *plan.Step {
	m.left--
	s := &plan.Step{Index: int32(len(m.p.Steps)), Pos: diag.Pos{File: "random.yaml", Line: len(m.p.Steps) + 1}, Slot: p.frame.slot()}
	m.p.Steps = append(m.p.Steps, s)
	s.ID = fmt.Sprintf("x%d", s.Index)
	outer := p
	keep := p.keeps != nil && m.left > 2 && m.maybe(2)
	single := keep || p.body // it is not retried and does not queue
	var total, timeout *plan.Value
	var retry *plan.Retry
	if m.maybe(m.rich) {
		total = m.limit()
	}
	if m.maybe(m.rich) {
		timeout = m.limit()
	}
	if !single && m.maybe(m.rich) {
		retry = m.retry(s.Slot)
	}
	var sems []int32
	for i := p.sem; i < len(m.p.Semaphores) && !single; i++ {
		if m.maybe(m.rich - 1) {
			sems = append(sems, int32(i))
			m.low = min(m.low, i)
			if !m.unsafe {
				p.sem = i + 1
			}
		}
	}
	from := p.frame.slots
	n := m.action(s, p, keep)
	to := p.frame.slots

	if b, ok := n.(*plan.Sequence); ok && m.maybe(m.rich) {
		n = &plan.Result{Value: m.result(p, b), Body: n}
	}
	if timeout != nil {
		n = &plan.Limit{D: timeout, Body: n}
	}
	for _, i := range slices.Backward(sems) {
		n = &plan.Hold{Sem: i, Body: n}
	}
	if p.join != nil && p.join.Limit != nil {
		n = &plan.Hold{Sem: plan.Slots, Body: n}
	}
	if retry != nil {
		retry.From, retry.To, retry.Body = from, to, n
		n = retry
	}
	if total != nil {
		n = &plan.Limit{D: total, Total: true, Body: n}
	}
	if m.maybe(m.rich) && m.left > 0 {
		n = m.handle(outer, n)
	}
	if !p.body && m.maybe(m.rich-1) {
		n = &plan.When{Cond: m.condition(p), Body: n}
	}
	if len(p.needs) > 0 {
		n = &plan.Needs{On: p.needs, Body: n}
	}
	if !p.body && m.maybe(m.rich-1) {
		n = &plan.Shield{Body: n}
	}
	s.Body = n
	return s
}

func (m *maker) limit() *plan.Value {
	if m.n(32) == 31 {
		return value("1 - 1") // a ValueError of the step
	}
	return constant(pick(m, "3s", "2s", "1s", "4s", "6s"))
}

func (m *maker) condition(p place) *plan.Value {
	if len(p.needs) > 0 && m.maybe(4) {
		return value(pick(m, "success()", "failure()", "success() || failure()"), plan.Ref{Kind: plan.RefNeeds})
	}
	if m.n(32) == 31 {
		return value("[true][1]") // an error that passes the step's handlers
	}
	return constant(m.n(4) != 3)
}

func (m *maker) retry(slot int32) *plan.Retry {
	r := &plan.Retry{Attempts: constant(1 + m.n(4)), Slot: slot}
	if m.maybe(6) {
		r.Delay = constant(pick(m, "1s", "0s", "2s", "3s"))
	}
	if m.maybe(1) {
		r.Factor = constant(2)
	}
	if m.maybe(1) {
		r.Jitter = constant(0.5)
	}
	if m.maybe(1) {
		r.Match = []plan.Match{m.match()}
	}
	if m.maybe(2) {
		r.Until = value(pick(m, "attempt >= 2", "value != nil", "false"),
			plan.Ref{Kind: plan.RefLocal, Name: "attempt"}, plan.Ref{Kind: plan.RefLocal, Name: "value"})
	}
	return r
}

func (m *maker) match() plan.Match {
	return plan.Match{Types: []string{pick(m, "A", "B", event.TimeoutError, event.TaskCancelledError)}}
}

// result reads a step of the list, or is a constant.
func (m *maker) result(p place, b *plan.Sequence) *plan.Value {
	i := m.n(len(b.Items) + 1)
	if i == 0 {
		return constant("result")
	}
	s := b.Items[i-1]
	return value("steps."+s.ID+".status", plan.Ref{
		Kind: plan.RefStep, Name: "steps", Member: s.ID, Field: "status", Depth: p.frame.depth, Slot: s.Slot,
	})
}

// handle puts except, else and finally around a step. They may name what the step may name.
func (m *maker) handle(p place, body plan.Node) plan.Node {
	h := &plan.Handle{Body: body, Slot: p.frame.slot()}
	p.join, p.needs, p.keeps, p.body, p.depth = nil, nil, nil, false, p.depth+1
	clause := func(match []plan.Match, onCancel bool) {
		in := p
		in.err = nil // a cancellation is not raised again
		if !onCancel {
			in.err = &plan.Ref{Kind: plan.RefError, Name: "error", Depth: p.frame.depth, Slot: h.Slot}
		}
		s := m.step(in)
		s.Piece, s.Order = fmt.Sprintf("except[%d]", len(h.Clauses)), event.InExcept|int64(len(h.Clauses))
		h.Clauses = append(h.Clauses, plan.Clause{Match: match, OnCancel: onCancel, Step: s})
	}
	if m.maybe(3) {
		clause([]plan.Match{m.match()}, false)
	}
	if m.maybe(3) {
		clause([]plan.Match{{Types: []string{event.CancelledError}}}, true)
	}
	if m.maybe(3) {
		clause(nil, false)
	}
	if m.maybe(2) {
		h.Else = &plan.Sequence{Items: m.items(p, 1+m.n(2), event.InElse, "else")}
	}
	if m.maybe(5) || len(h.Clauses) == 0 && h.Else == nil {
		h.Finally = &plan.Sequence{Items: m.items(p, 1+m.n(2), event.InFinally, "finally")}
	}
	if m.maybe(4) {
		h.Cleanup = constant(pick(m, "2s", "1s", "3s"))
	}
	return h
}

// action draws what a step does. Near the end of the budget and of the depth it is a leaf.
func (m *maker) action(s *plan.Step, p place, keep bool) plan.Node {
	if keep {
		return m.block(s, p, ast.Wait, true)
	}
	what := m.n(16)
	if p.depth > 6 || m.left <= 0 {
		what %= 4
	} else if p.depth < 3 && what < 4 && m.left > 4 {
		what = 4 + m.n(9)
	}
	switch {
	case what == 0:
		return m.leaf(s, m.kinds.instant)
	case what == 1:
		return m.leaf(s, m.kinds.work)
	case what == 2 && len(p.tasks) > 0:
		return m.tasksOf(s, p, "await")
	case what == 3 && len(p.tasks) > 0:
		return m.tasksOf(s, p, "cancel")
	case what == 3 && p.err != nil:
		s.Kind = "again"
		return &plan.Leaf{Kind: m.kinds.again, Reraise: p.err}
	case what < 4:
		return m.leaf(s, m.kinds.work)
	case what < 8:
		s.Kind = "steps"
		return &plan.Sequence{Items: m.items(m.inside(p), 1+m.n(4), event.InBody, "steps")}
	case what < 9:
		s.Kind = "steps"
		return &plan.Loop{Gen: m.generator(m.inside(p), nil)}
	case what < 11:
		return m.block(s, p, ast.Gather, false)
	case what < 13:
		return m.block(s, p, ast.Wait, false)
	case what < 15:
		return m.block(s, p, ast.TaskGroup, false)
	default:
		return m.call(s, p)
	}
}

// inside is a place in the body of a step at p.
func (m *maker) inside(p place) place {
	return place{frame: p.frame, depth: p.depth + 1, sem: p.sem, tasks: p.tasks, err: p.err}
}

func (m *maker) leaf(s *plan.Step, k *kind.Kind) plan.Node {
	s.Kind = k.Name
	l := &plan.Leaf{Kind: k}
	arg := func(key string, v any) { l.Args = append(l.Args, plan.Arg{Key: key, Value: constant(v)}) }
	arg("value", int(s.Index))
	arg("after", pick(m, 1, 0, 2, 3, 1, 5))
	if m.maybe(3) {
		arg("fail", pick(m, "A", "B", "C"))
		arg("until", pick(m, 0, 2, 3))
	}
	if k == m.kinds.work {
		arg("grace", pick(m, 0, 1, 2))
		arg("stopped", m.n(3))
	}
	return l
}

// tasksOf is an await or a cancel of tasks whose semaphores come after those that are held here.
func (m *maker) tasksOf(s *plan.Step, p place, word string) plan.Node {
	var named []task
	for _, t := range p.tasks {
		if t.low >= p.sem || m.unsafe {
			named = append(named, t)
		}
	}
	if len(named) == 0 {
		return m.leaf(s, m.kinds.instant)
	}
	s.Kind = word
	var list []plan.Task
	at := m.n(len(named))
	for i := at; i < min(len(named), at+1+m.n(2)); i++ {
		list = append(list, named[i].Task)
		m.low = min(m.low, named[i].low)
	}
	if word == "cancel" {
		return &plan.Cancel{Tasks: list}
	}
	return &plan.Await{Tasks: list, List: len(list) > 1 || m.maybe(4)}
}

// items makes the items of a list. What is in the background, or kept by a wait, may be named by those that follow.
func (m *maker) items(p place, n int, section int64, piece string) []*plan.Step {
	p.tasks = slices.Clip(p.tasks)
	before := m.low
	var out []*plan.Step
	for i := range n {
		var kept []task
		p.keeps = &kept
		m.low = noSemaphore
		s := m.step(p)
		s.Order, s.Piece = section|int64(i), fmt.Sprintf("%s[%d]", piece, i)
		out = append(out, s)
		if w, ok := s.Action().(*plan.Join); !(ok && w.Keep) && m.maybe(2) {
			s.Background = true
			if m.maybe(4) {
				s.Ready = m.ready(s)
			}
			kept = []task{{plan.Task{ID: s.ID, Depth: p.frame.depth, Slot: s.Slot}, m.low}}
		}
		p.tasks = append(p.tasks, kept...)
		before = min(before, m.low)
	}
	m.low = before
	return out
}

// ready makes the probe of a service, which may ask or, when the service is one leaf, look at what it says.
func (m *maker) ready(s *plan.Step) *plan.Ready {
	l := &plan.Leaf{Kind: m.kinds.probe, Args: []plan.Arg{{Key: "after", Value: constant(pick(m, 0, 1, 2, 4))}, {Key: "grace", Value: constant(pick(m, 0, 1))}}}
	if m.maybe(1) {
		l.Args = append(l.Args, plan.Arg{Key: "fail", Value: constant("NotReady")})
	}
	r := &plan.Ready{Probe: l}
	if s.Kind == "work" && m.maybe(4) {
		r.Line = regexp.MustCompile("ready")
	}
	return r
}

// block makes a gather, wait or taskgroup: children written out, with needs among them, or a generator.
func (m *maker) block(s *plan.Step, p place, k ast.BlockKind, keep bool) plan.Node {
	s.Kind = k.String()
	j := &plan.Join{Kind: k, Keep: keep}
	in := m.inside(p)
	in.join = j
	if !keep && m.maybe(3) {
		j.Limit = constant(1 + m.n(3))
	}
	switch k {
	case ast.Gather:
		j.ReturnExceptions = m.maybe(2)
		j.GroupErrors = !j.ReturnExceptions && m.maybe(2)
	case ast.TaskGroup:
	case ast.Wait:
		j.Return.Mode = pick(m, ast.AllCompleted, ast.FirstCompleted, ast.FirstException, ast.FirstSuccess, ast.CountCompleted, ast.CountSucceeded)
		if m.maybe(2) || keep && m.maybe(4) {
			j.Return.After = constant(pick(m, "1s", "2s", "3s"))
		}
	}
	if !keep && m.maybe(3) {
		j.Gen = m.generator(in, j)
		j.Lazy = j.Limit != nil && !hasTotal(j.Gen.Do)
	} else {
		m.children(in, j, keep, p.keeps)
	}
	if j.Return.Mode == ast.CountCompleted || j.Return.Mode == ast.CountSucceeded {
		j.Return.Count = constant(1 + m.n(3))
	}
	if !keep && m.left > 0 && m.maybe(2) {
		in := m.inside(p)
		in.frame = &frame{depth: p.frame.depth + 1}
		v := m.step(in)
		v.Order, v.Piece = event.InVisit, "as_completed"
		if m.maybe(4) {
			v.ID = ""
		}
		j.Visit = &plan.Visit{Step: v, Slots: in.frame.slots}
	}
	return j
}

func hasTotal(s *plan.Step) bool {
	return slices.ContainsFunc(kernel.Chain(s.Body), func(n plan.Node) bool {
		l, ok := n.(*plan.Limit)
		return ok && l.Total
	})
}

func (m *maker) children(p place, j *plan.Join, keep bool, kept *[]task) {
	n := 1 + m.n(5)
	if !keep && j.Kind != ast.Wait && m.n(16) == 15 {
		n = 0
	}
	backwards := m.maybe(4) // the way of all needs in this block, so that there is no cycle
	before := m.low
	for i := range n {
		c := p
		for other := range n {
			if (other < i) != backwards && other != i && m.maybe(1) {
				c.needs = append(c.needs, plan.Need{Child: int32(other), ID: fmt.Sprintf("child %d", other), Hard: m.maybe(4), Why: "needs"})
			}
		}
		m.low = noSemaphore
		s := m.step(c)
		s.Order, s.Piece = int64(i), fmt.Sprintf("%s[%d]", j.Kind, i)
		if !keep && m.maybe(4) {
			s.ID = ""
		}
		j.Children = append(j.Children, s)
		if keep {
			*kept = append(*kept, task{plan.Task{ID: s.ID, Depth: p.frame.depth, Slot: s.Slot}, m.low})
		}
		before = min(before, m.low)
	}
	m.low = before
	if keep { // what one of them awaits may be behind another's need: none may be named where the lowest may not be
		for i := range *kept {
			(*kept)[i].low = before
		}
	}
}

func (m *maker) generator(p place, j *plan.Join) *plan.Generator {
	list := make([]any, m.n(5))
	if j != nil && j.Kind == ast.Wait && m.n(8) < 7 && len(list) == 0 {
		list = make([]any, 2)
	}
	for i := range list {
		list[i] = i
	}
	p.frame = &frame{depth: p.frame.depth + 1}
	do := m.step(p)
	if m.maybe(4) {
		do.ID = ""
	}
	return &plan.Generator{Vars: []string{"x"}, In: constant(list), Do: do, Slots: p.frame.slots}
}

// call calls a workflow: a new one, or one that was called before.
func (m *maker) call(s *plan.Step, p place) plan.Node {
	s.Kind = "call"
	for _, c := range m.called {
		if (c.low >= p.sem || m.unsafe) && m.maybe(4) {
			m.low = min(m.low, c.low)
			return &plan.Call{Workflow: c.w}
		}
	}
	before := m.low
	m.low = noSemaphore
	f := &frame{}
	body := m.step(place{frame: f, depth: p.depth + 1, sem: p.sem, body: true})
	body.ID = ""
	w := &plan.Workflow{Name: fmt.Sprintf("w%d", body.Index), Slots: f.slots, Body: body}
	m.p.Workflows = append(m.p.Workflows, w)
	m.called = append(m.called, calledWorkflow{w, m.low})
	m.low = min(m.low, before)
	return &plan.Call{Workflow: w}
}

// constant is a value that needs no evaluation.
func constant(v any) *plan.Value {
	return &plan.Value{V: expr.Literal(v), Src: expr.New(diag.Pos{}, v)}
}

// value is an expression with the addresses of its names.
func value(src string, refs ...plan.Ref) *plan.Value {
	e, problems := expr.Parse(src, func(int) diag.Pos { return diag.Pos{} })
	if len(problems) > 0 {
		panic(problems.Error())
	}
	names := map[string]expr.Type{}
	for _, r := range refs {
		if r.Name != "" {
			names[r.Name] = expr.Type{}
		}
	}
	t := expr.NewExpr(diag.Pos{}, e)
	v, problems := t.Check(names, expr.Any)
	if len(problems) > 0 {
		panic(problems.Error())
	}
	return &plan.Value{V: v, Src: t, Refs: refs}
}
