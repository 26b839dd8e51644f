package preview

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// Bound is the longest that something can take, or that nothing bounds it.
type Bound struct {
	Time time.Duration
	// Why says what takes for ever when nothing bounds it; "": Time is the bound. Step is the path of that step.
	Why, Step string
}

// Unbounded says that there is no bound.
func (b Bound) Unbounded() bool { return b.Why != "" }

// forever is the longest time there is.
const forever = time.Duration(math.MaxInt64)

func upTo(d time.Duration) Bound { return Bound{Time: max(0, d)} }

// then is a and after it b. Of two that have no bound the first is named.
func (a Bound) then(b Bound) Bound {
	switch {
	case a.Unbounded():
		return a
	case b.Unbounded():
		return b
	case a.Time > forever-b.Time:
		return upTo(forever)
	}
	return upTo(a.Time + b.Time)
}

func (a Bound) times(n int) Bound {
	if a.Unbounded() && n > 0 {
		return a
	}
	if n > 0 && a.Time > forever/time.Duration(n) {
		return upTo(forever)
	}
	return upTo(a.Time * time.Duration(n))
}

func (a Bound) or(b Bound) Bound {
	switch {
	case a.Unbounded():
		return a
	case b.Unbounded():
		return b
	}
	return upTo(max(a.Time, b.Time))
}

// within is a, cut by b.
func (a Bound) within(b Bound) Bound {
	if !b.Unbounded() && (a.Unbounded() || b.Time < a.Time) {
		return b
	}
	return a
}

// at is a step at a place of the run: the scope of the names around it, and its path.
type at struct {
	*scope
	path string
}

func (p at) below(s *plan.Step) at {
	p.path = pathOf(s, p)
	return p
}

// pathOf is the path of s, a step inside the one at p.
func pathOf(s *plan.Step, p at) string {
	if s.ID != "" {
		return p.prefix + s.ID
	}
	return plan.Below(p.path, s.Piece)
}

// bounds finds out how long steps can take.
//
// What is counted: the steps with their attempts, the longest pauses between these, their handlers; of a block its structure
// and its limit; and what still has to end when a limit has expired (finally, shields). What is not: the queues of
// semaphores and of --jobs, and the time that a process takes to stop.
type bounds struct {
	*facts
	known  map[key]Bound // of steps, in scopes that are asked for again
	visits int
}

type key struct {
	step  *plan.Step
	scope *scope
}

// maxVisits bounds the work: calls and generators can multiply without end.
const maxVisits = 100_000

const tooMany = "there are too many steps to count"

// maxCalls is that of the kernel: a call that is nested deeper fails.
const maxCalls = 100

// step is the bound of s, which lies at p (p.path is its own).
func (b *bounds) step(s *plan.Step, p at) Bound {
	k := key{s, p.scope}
	if known, ok := b.known[k]; ok {
		return known
	}
	if b.visits++; b.visits > maxVisits {
		return Bound{Why: tooMany}
	}
	r := b.node(s.Body, s, p)
	b.known[k] = r
	return r
}

// node is the bound of a node of s.
func (b *bounds) node(n plan.Node, s *plan.Step, p at) Bound {
	switch n := n.(type) {
	case *plan.Shield, *plan.Needs, *plan.Hold, *plan.Result:
		return b.node(plan.Inner(n), s, p)
	case *plan.When:
		if b.never(n.Cond, p.scope) {
			return upTo(0)
		}
		return b.node(n.Body, s, p)
	case *plan.Limit:
		inner := b.node(n.Body, s, p)
		d, ok := b.duration(n.D, p.scope)
		if !ok {
			if inner.Unbounded() && inner.Step == p.path {
				inner.Why = "its timeout is known in a run only"
			}
			return inner
		}
		return inner.within(upTo(d).then(b.stop(n.Body, s, p)))
	case *plan.Retry:
		return b.retry(n, s, p)
	case *plan.Handle:
		return b.handle(n, s, p)
	case *plan.Leaf:
		return b.leaf(n, p)
	case *plan.Sequence:
		return b.sequence(n, p)
	case *plan.Loop:
		return b.loop(n.Gen, p)
	case *plan.Join:
		return b.join(n, p)
	case *plan.Call:
		return b.call(n, p)
	case *plan.Await:
		return b.tasks(n.Tasks, p, func(t task) Bound { return t.whole })
	case *plan.Cancel:
		return b.tasks(n.Tasks, p, func(t task) Bound { return t.stop })
	default:
		panic("preview: unknown node")
	}
}

func (b *bounds) duration(v *plan.Value, s *scope) (time.Duration, bool) {
	x, ok := b.value(v, s, false)
	if !ok {
		return 0, false
	}
	d, err := event.Duration(x)
	return d, err == nil
}

func (b *bounds) number(v *plan.Value, s *scope, def float64) (float64, bool) {
	if v == nil {
		return def, true
	}
	x, _ := b.value(v, s, false)
	switch x := x.(type) {
	case int:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// noTimeout is the usual reason to be unbounded.
const noTimeout = "it has no timeout"

func (b *bounds) leaf(n *plan.Leaf, p at) Bound {
	if n.Kind.Instant == nil {
		return Bound{Why: noTimeout, Step: p.path}
	}
	if !n.Kind.Waits || n.Reraise != nil {
		return upTo(0)
	}
	args, ok := b.args(n.Args, p.scope)
	if !ok {
		return Bound{Why: "how long it waits is known in a run only", Step: p.path}
	}
	return upTo(n.Kind.Instant(args).After)
}

// retry is all attempts with the longest pauses between them.
func (b *bounds) retry(n *plan.Retry, s *plan.Step, p at) Bound {
	one := b.node(n.Body, s, p)
	attempts, ok := b.whole(n.Attempts, p.scope)
	if !ok {
		return Bound{Why: "how often it is tried is known in a run only", Step: p.path}
	}
	pauses, ok := b.pauses(n, attempts, p.scope)
	if !ok {
		return Bound{Why: "its pauses are known in a run only", Step: p.path}
	}
	return one.times(attempts).then(pauses)
}

func (b *bounds) pauses(n *plan.Retry, attempts int, s *scope) (Bound, bool) {
	if n.Delay == nil {
		return upTo(0), true
	}
	delay, ok1 := b.duration(n.Delay, s)
	factor, ok2 := b.number(n.Factor, s, 1)
	jitter, ok3 := b.number(n.Jitter, s, 0)
	most, ok4 := forever, true
	if n.MaxDelay != nil {
		most, ok4 = b.duration(n.MaxDelay, s)
	}
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Bound{}, false
	}
	pause := func(i int) time.Duration {
		if delay <= 0 {
			return 0
		}
		p := min(float64(delay)*math.Pow(factor, float64(i)), float64(most)) * (1 + min(jitter, 1))
		return time.Duration(min(p, math.MaxInt64/2)) // as in the kernel
	}
	// They only grow, or only shrink: when one is as long as the last one, so are all between them. Of a great many, the longest
	// of the rest stands for each.
	total, last := upTo(0), pause(attempts-2)
	for i := range attempts - 1 {
		one := pause(i)
		if one == last || i == maxPauses {
			return total.then(upTo(max(one, last)).times(attempts - 1 - i)), true
		}
		total = total.then(upTo(one))
	}
	return total, true
}

// maxPauses is how many pauses of a retry are looked at one by one.
const maxPauses = 1000

// defaultCleanup is that of the kernel (cleanup_timeout).
const defaultCleanup = time.Minute

// handle is the body, then its clauses or its else, then its cleanups.
func (b *bounds) handle(n *plan.Handle, s *plan.Step, p at) Bound {
	clauses, orElse := upTo(0), upTo(0)
	group := false // the body can fail with several errors, by itself or as the task that is awaited, so that more than one clause runs
	if leaf, ok := s.Action().(*plan.Leaf); !ok || leaf.Reraise != nil {
		group = true
	}
	for _, c := range n.Clauses {
		switch one := b.step(c.Step, p.below(c.Step)); {
		case c.OnCancel:
		case group:
			clauses = clauses.then(one)
		default:
			clauses = clauses.or(one)
		}
	}
	if n.Else != nil {
		orElse = b.sequence(n.Else, p)
	}
	// A cancel in the middle of the cleanup begins its limit anew. Nothing in the plan cancels the run itself.
	again := 2
	if p.path == "" {
		again = 1
	}
	return b.node(n.Body, s, p).then(clauses.or(orElse)).then(b.cleanup(n, p, again))
}

// cleanup is the time of n's finally and of its clauses for a cancel, which have one limit together, so many times.
func (b *bounds) cleanup(n *plan.Handle, p at, again int) Bound {
	all := upTo(0)
	for _, c := range n.Clauses {
		if c.OnCancel {
			all = all.then(b.step(c.Step, p.below(c.Step)))
		}
	}
	if n.Finally != nil {
		all = all.then(b.sequence(n.Finally, p))
	}
	limit := defaultCleanup
	if n.Cleanup != nil {
		d, ok := b.duration(n.Cleanup, p.scope)
		if !ok {
			return all
		}
		limit = d
	}
	return all.within(upTo(limit).times(again))
}

// stop is how long n can still take when it is told to stop.
func (b *bounds) stop(n plan.Node, s *plan.Step, p at) Bound {
	switch n := n.(type) {
	case *plan.Shield:
		return b.node(n.Body, s, p)
	case *plan.Handle:
		part := b.stop(n.Body, s, p)
		for _, c := range n.Clauses {
			part = part.or(b.stopStep(c.Step, p.below(c.Step)))
		}
		if n.Else != nil {
			part = part.or(b.stopAll(n.Else.Items, p))
		}
		return part.then(b.cleanup(n, p, 1))
	case *plan.Needs, *plan.When, *plan.Limit, *plan.Retry, *plan.Hold, *plan.Result:
		return b.stop(plan.Inner(n), s, p)
	case *plan.Sequence:
		return b.stopAll(n.Items, p)
	case *plan.Loop:
		return b.stopAny(n.Gen, "steps", p)
	case *plan.Join:
		all := b.stopAll(n.Children, p)
		if n.Gen != nil {
			all = all.or(b.stopAny(n.Gen, n.Kind.String(), p))
		}
		if n.Visit != nil {
			all = all.or(b.stopStep(n.Visit.Step, visited(n.Visit, p)))
		}
		return all
	case *plan.Call:
		if p.calls >= maxCalls {
			return upTo(0)
		}
		body := n.Workflow.Body
		return b.stop(body.Body, body, b.entered(n, p))
	case *plan.Leaf, *plan.Await, *plan.Cancel:
		return upTo(0)
	default:
		panic("preview: unknown node")
	}
}

func (b *bounds) stopStep(s *plan.Step, p at) Bound {
	if b.visits++; b.visits > maxVisits {
		return Bound{Why: tooMany}
	}
	return b.stop(s.Body, s, p)
}

func (b *bounds) stopAll(steps []*plan.Step, p at) Bound {
	longest := upTo(0)
	for _, s := range steps {
		longest = longest.or(b.stopStep(s, p.below(s)))
	}
	return longest
}

func (b *bounds) stopAny(g *plan.Generator, word string, p at) Bound {
	return b.stopStep(g.Do, generated(g, word, p, nil, -1))
}

// task is what is known of a background task: how long it can take, and how long when it is told to stop.
type task struct{ whole, stop Bound }

// tasks is the time of tasks one after the other.
func (b *bounds) tasks(list []plan.Task, p at, of func(task) Bound) Bound {
	total := upTo(0)
	for _, t := range list {
		total = total.then(of(p.at(t.Depth).tasks[t.Slot]))
	}
	return total
}

// begun notes a background task, for who awaits or cancels it.
func (b *bounds) begun(s *plan.Step, p at, t task) {
	if s.Slot >= 0 {
		if p.scope.tasks == nil {
			p.scope.tasks = map[int32]task{}
		}
		p.scope.tasks[s.Slot] = t
	}
}

// sequence is one item after the other. A background task counts where it is awaited, and with what it takes to stop at the
// end; of a service the list waits for its probe.
func (b *bounds) sequence(n *plan.Sequence, p at) Bound {
	total, end := upTo(0), upTo(0)
	for _, s := range n.Items {
		inner := p.below(s)
		one := b.step(s, inner)
		if kept, ok := s.Action().(*plan.Join); ok && kept.Keep {
			for _, c := range kept.Children {
				at := inner.below(c)
				t := task{b.step(c, at), b.stopStep(c, at)}
				b.begun(c, at, t)
				end = end.or(t.stop)
			}
		}
		if !s.Background {
			total = total.then(one)
			continue
		}
		t := task{one, b.stopStep(s, inner)}
		b.begun(s, inner, t)
		end = end.or(t.stop)
		if s.Ready != nil {
			total = total.then(b.ready(s, inner))
		}
	}
	return total.then(end)
}

// defaultReady is that of a probe (pkg/steps).
const defaultReady = 30 * time.Second

func (b *bounds) ready(s *plan.Step, p at) Bound {
	i := slices.IndexFunc(s.Ready.Probe.Args, func(a plan.Arg) bool { return a.Key == "timeout" })
	if i < 0 {
		return upTo(defaultReady)
	}
	d, ok := b.duration(s.Ready.Probe.Args[i].Value, p.scope)
	if !ok {
		return Bound{Why: "the timeout of its probe is known in a run only", Step: p.path}
	}
	return upTo(d)
}

func (b *bounds) loop(g *plan.Generator, p at) Bound {
	rows, ok := b.items(g, p.scope, false)
	if !ok {
		return Bound{Why: "how often it goes round is known in a run only", Step: p.path}
	}
	total := upTo(0)
	for _, c := range b.children(g, "steps", rows, p) {
		total = total.then(c)
	}
	return total
}

// manyChildren is from how many on generated children are not looked at one by one, if what is known of any of them is enough.
const manyChildren = 1000

// children are the bounds of generated children.
func (b *bounds) children(g *plan.Generator, word string, rows [][]any, p at) []Bound {
	out := make([]Bound, len(rows))
	if len(rows) > manyChildren {
		if any := b.step(g.Do, generated(g, word, p, nil, -1)); !any.Unbounded() || any.Why == noTimeout {
			for i := range out {
				out[i] = any
			}
			return out
		}
	}
	for i, row := range rows {
		if b.visits > maxVisits {
			out[i] = Bound{Why: tooMany}
			continue
		}
		inner := generated(g, word, p, row, i)
		out[i] = b.step(g.Do, inner)
		delete(b.known, key{g.Do, inner.scope}) // nobody asks again
	}
	return out
}

func (b *bounds) call(n *plan.Call, p at) Bound {
	if p.calls >= maxCalls {
		return upTo(0) // it fails
	}
	if b.visits++; b.visits > maxVisits {
		return Bound{Why: tooMany}
	}
	body := n.Workflow.Body
	return b.node(body.Body, body, b.entered(n, p))
}

func (b *bounds) entered(n *plan.Call, p at) at {
	prefix := p.path
	if prefix != "" {
		prefix += "."
	}
	return at{b.called(n, p.scope, prefix), p.path}
}

// generated is where child i of g is, in a block at p; without a row it is any child.
func generated(g *plan.Generator, word string, p at, row []any, i int) at {
	path := p.path
	if path == "" {
		path = word
	}
	path += index(i)
	in := at{p.inner(path+".", row, i), path}
	if g.Do.ID != "" {
		in.path = in.prefix + g.Do.ID
	}
	return in
}

func visited(v *plan.Visit, p at) at {
	path := plan.Below(p.path, "as_completed") + index(-1)
	in := at{p.inner(path+".", nil, 0), path}
	if v.Step.ID != "" {
		in.path = in.prefix + v.Step.ID
	}
	return in
}

// join is the time in which all children have ended, or in which the block has what it wants; then its handlers.
func (b *bounds) join(n *plan.Join, p at) Bound {
	var children []Bound
	if n.Gen == nil {
		skipped := b.skippedOf(n, p)
		for i, s := range n.Children {
			one := b.step(s, p.below(s))
			if skipped[i] != "" {
				one = upTo(0)
			}
			children = append(children, one)
		}
	} else {
		rows, ok := b.items(n.Gen, p.scope, false)
		if !ok {
			return b.anyNumber(n, p)
		}
		children = b.children(n.Gen, n.Kind.String(), rows, p)
	}
	all := b.returned(n, b.together(n, children, p), children, p)
	if n.Visit != nil {
		all = all.then(b.step(n.Visit.Step, visited(n.Visit, p)).times(len(children)))
	}
	return all
}

// anyNumber is the bound of a block that does not know its children: they can be many, and if it has no limit they all run at once.
func (b *bounds) anyNumber(n *plan.Join, p at) Bound {
	if n.Limit != nil || n.Visit != nil {
		return Bound{Why: "how many children it has is known in a run only", Step: p.path}
	}
	one := b.step(n.Gen.Do, generated(n.Gen, n.Kind.String(), p, nil, -1))
	return b.returned(n, one, nil, p)
}

// together is how long children take which run at once, as far as limit and needs let them.
//
// With a limit of n alone, the children of the longest times, each begun when one of n has ended, take the longest (this
// holds as they do not hang on each other). With needs or pauses among them it is Graham's bound: the longest chain, and
// what is not in it n at a time.
func (b *bounds) together(n *plan.Join, children []Bound, p at) Bound {
	chain, chained := b.chain(n, children)
	if chain.Unbounded() || n.Limit == nil {
		return chain
	}
	limit, ok := b.whole(n.Limit, p.scope)
	if !ok {
		limit = 1
	}
	if limit >= len(children) {
		return chain
	}
	if chained || slices.ContainsFunc(n.Children, retried) || n.Gen != nil && retried(n.Gen.Do) {
		work := upTo(0)
		for _, c := range children {
			work = work.then(c)
		}
		return chain.then(upTo((work.Time - min(work.Time, chain.Time)) / time.Duration(limit)))
	}
	slots := make([]time.Duration, limit)
	for _, c := range children {
		i, free := 0, slots[0]
		for j, t := range slots {
			if t < free {
				i, free = j, t
			}
		}
		slots[i] = upTo(free).then(c).Time
	}
	return upTo(slices.Max(slots))
}

func retried(s *plan.Step) bool {
	found := false
	plan.Walk(s.Body, func(n plan.Node) {
		if _, ok := n.(*plan.Retry); ok {
			found = true
		}
	})
	return found
}

// chain is the longest chain of children that wait for each other by needs; without needs the longest child.
func (b *bounds) chain(n *plan.Join, children []Bound) (longest Bound, chained bool) {
	ends := make([]*Bound, len(children))
	var end func(i int) Bound
	end = func(i int) Bound {
		if ends[i] != nil {
			return *ends[i]
		}
		begin := upTo(0)
		if n.Gen == nil {
			for _, need := range needs(n.Children[i]) {
				chained = true
				begin = begin.or(end(int(need.Child)))
			}
		}
		e := begin.then(children[i])
		ends[i] = &e
		return e
	}
	for i := range children {
		longest = longest.or(end(i))
	}
	return longest, chained
}

func needs(s *plan.Step) (on []plan.Need) {
	plan.Walk(s.Body, func(n plan.Node) {
		if x, ok := n.(*plan.Needs); ok {
			on = x.On
		}
	})
	return on
}

// returned cuts the time of all children of a wait by when it returns. What is cancelled then still has to stop.
func (b *bounds) returned(n *plan.Join, all Bound, children []Bound, p at) Bound {
	if n.Kind != ast.Wait {
		return all
	}
	stop := upTo(0)
	if !n.Keep {
		stop = b.stop(n, nil, p)
	}
	if n.Return.After != nil {
		if d, ok := b.duration(n.Return.After, p.scope); ok {
			all = all.within(upTo(d).then(stop))
		}
	}
	count := 0
	switch n.Return.Mode {
	case ast.FirstCompleted:
		count = 1
	case ast.CountCompleted:
		count, _ = b.whole(n.Return.Count, p.scope)
	}
	// Children that wait for something, or may be skipped, say nothing about when so many have ended.
	if count < 1 || count > len(children) || n.Limit != nil || n.Gen != nil || slices.ContainsFunc(n.Children, gated) {
		return all
	}
	sorted := slices.Clone(children)
	slices.SortStableFunc(sorted, func(a, b Bound) int {
		if a.Unbounded() || b.Unbounded() {
			return cmp.Compare(len(a.Why), len(b.Why))
		}
		return cmp.Compare(a.Time, b.Time)
	})
	return all.within(sorted[count-1].then(stop))
}

func gated(s *plan.Step) bool {
	found := false
	plan.Walk(s.Body, func(n plan.Node) {
		switch n.(type) {
		case *plan.Needs, *plan.When:
			found = true
		}
	})
	return found
}

// String is the bound in words: at most 1m30s; unbounded: build: it has no timeout.
func (b Bound) String() string {
	switch {
	case b.Unbounded() && b.Step == "":
		return "unbounded: " + b.Why
	case b.Unbounded():
		return fmt.Sprintf("unbounded: %s: %s", b.Step, b.Why)
	case b.Time == 0:
		return "ends at once"
	case b.Time == forever:
		return "more than 200 years"
	}
	return "at most " + event.FormatDuration(roundUp(b.Time))
}

// roundUp is d without digits that nobody reads.
func roundUp(d time.Duration) time.Duration {
	unit := time.Millisecond
	if d > time.Minute {
		unit = time.Second
	}
	if rest := d % unit; rest > 0 && d < forever-unit {
		d += unit - rest
	}
	return d
}
