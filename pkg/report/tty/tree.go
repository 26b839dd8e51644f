package tty

import (
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// tree is what a run does now. What has ended is only counted, but for the few ends in a block at work that are shown
// by themselves, so that a frame needs to look at what it shows and at nothing else, however large the run is.
type tree struct {
	plan    *plan.Plan
	start   time.Time
	nodes   []*node // by event.Where.Step; nil: it has ended, or was not heard of
	root    *node
	busy    [states]int // nodes by state: of what runs only those that work themselves
	sizes   []tally     // what is known of a step before it begins, by plan.Step.Index
	held    [][]*node   // who has a permit, by plan.Plan.Semaphores
	stopped string      // why the run is being stopped; "": it is not
}

// node is a step that is at work, or waits; or one that has ended and is still shown.
type node struct {
	def   *plan.Step
	up    *node // nil: it is the workflow itself
	order int64
	step  int32 // event.Where.Step
	path  string
	name  string // what it is called; "": by its path
	state state
	times times
	try   int
	note  string // why it waits, was stopped, or how it ended
	said  *talk
	below *family // what it has begun
	link
}

// times are the instants of a node.
type times struct {
	since time.Time     // it is in its state
	began time.Time     // its first attempt began; zero: none has
	due   time.Time     // of its next attempt
	took  time.Duration // when it has ended
}

// family is what a step has begun.
type family struct {
	busy, waiting list
	kept          []*node // that have ended, and are shown by themselves
	ended         [states]int
	folded        bool // there were too many of them: those that ended well are only counted
	begun         int  // in the body
	sum           tally
}

// tally counts the steps below a step that work themselves.
type tally struct {
	ahead int // not yet ended, as far as is known
	open  int // blocks with children that are not known yet
	ended [states]int32
}

// Bounds of what is kept of children that have ended.
const (
	maxKept   = 8 // all that ended well
	maxFailed = 3 // the first that did not
	maxAhead  = 1_000_000_000
)

func newTree(p *plan.Plan) *tree {
	t := &tree{plan: p, sizes: make([]tally, len(p.Steps)), held: make([][]*node, len(p.Semaphores))}
	for i := range t.sizes {
		t.sizes[i].ahead = -1 // not known yet
	}
	return t
}

// size is what is known of s before it begins.
func (t *tree) size(s *plan.Step) tally {
	known := &t.sizes[s.Index]
	if known.ahead >= 0 {
		return *known
	}
	*known = tally{open: 1} // for a workflow that calls itself
	var sum tally
	add := func(list []*plan.Step) {
		for _, c := range list {
			x := t.size(c)
			sum.ahead, sum.open = min(sum.ahead+x.ahead, maxAhead), min(sum.open+x.open, maxAhead)
		}
	}
	switch n := s.Action().(type) {
	case *plan.Sequence:
		add(n.Items)
	case *plan.Loop:
		sum.open = 1
	case *plan.Join:
		if add(n.Children); n.Gen != nil {
			sum.open = 1
		}
	case *plan.Call:
		add([]*plan.Step{n.Workflow.Body})
	default:
		sum.ahead = 1
	}
	*known = sum
	return sum
}

// works says whether a step does something itself; a block or a call only has others do it.
func works(s *plan.Step) bool {
	switch s.Action().(type) {
	case *plan.Sequence, *plan.Loop, *plan.Join, *plan.Call:
		return false
	}
	return true
}

// generated says whether the children of a step come from a generator, and so are not counted before they begin.
func generated(s *plan.Step) bool {
	switch n := s.Action().(type) {
	case *plan.Loop:
		return true
	case *plan.Join:
		return n.Gen != nil
	}
	return false
}

// add changes what is counted for n and all above it.
func (n *node) add(d tally) {
	for ; n != nil; n = n.up {
		s := &n.family().sum
		s.ahead += d.ahead
		s.open += d.open
		for i, x := range d.ended {
			s.ended[i] += x
		}
	}
}

// family is made when it is first needed.
func (n *node) family() *family {
	if n.below == nil {
		n.below = &family{}
	}
	return n.below
}

// see is the node that e tells of; nil if it belongs to nothing that is shown.
func (t *tree) see(e event.Event) *node {
	i := int(e.Where.Step)
	for len(t.nodes) <= i {
		t.nodes = append(t.nodes, nil)
	}
	if n := t.nodes[i]; n != nil {
		return n
	}
	def := t.plan.Steps[e.Node]
	n := &node{def: def, order: e.Order, step: e.Where.Step, path: e.Path, times: times{since: e.Time}}
	size := t.size(def)
	if e.Parent < 0 {
		t.root = n
	} else {
		if n.up = t.nodes[e.Parent]; n.up == nil {
			return nil
		}
		inBody := e.Order < event.InVisit
		if generated(n.up.def) || !inBody {
			n.up.add(size)
		}
		if inBody {
			n.up.family().begun++
		} else if e.Order >= event.InExcept {
			t.release(n.up) // it is in its handlers
		}
	}
	if !works(def) {
		n.family().sum = size
	}
	t.nodes[i] = n
	return n
}

// observe takes the next event, and gives the node that it tells of.
func (t *tree) observe(e event.Event) *node {
	switch e.Type {
	case event.RunStart:
		t.start = e.Time
		return nil
	case event.RunEnd:
		return nil
	}
	n := t.see(e)
	if n == nil {
		return nil
	}
	switch e.Type {
	case event.StepQueued:
		n.note = e.Why
		t.hold(n, e.Why)
		t.enter(n, waiting, e.Time)
	case event.StepStart:
		t.started(n, e)
	case event.StepReady:
		t.enter(n, ready, e.Time)
	case event.StepRetry:
		t.release(n)
		n.note, n.times.due = headline(e.Err), e.Time.Add(e.In)
		t.enter(n, retrying, e.Time)
	case event.StepCancel:
		n.note = e.Cause.String()
		if n.state == running || n.state == ready {
			t.enter(n, stopping, e.Time)
		}
		if n.up == nil {
			t.stopped = n.note
			if e.Cause.Why == event.WhySignal {
				t.stopped += ", once more kills"
			}
		}
	case event.StepEnd:
		t.ended(n, e)
	}
	return n
}

func (t *tree) started(n *node, e event.Event) {
	if e.Attempt > 1 && n.below != nil && !works(n.def) { // what the last attempt has begun does not count any more
		d := t.size(n.def)
		was := n.below.sum
		d.ahead -= was.ahead
		d.open -= was.open
		for i, x := range was.ended {
			d.ended[i] = -x
		}
		n.add(d)
		n.below = &family{sum: n.below.sum}
	}
	if n.times.began.IsZero() {
		n.times.began = e.Time
	}
	if j, ok := n.def.Action().(*plan.Join); ok && j.Gen != nil && !j.Lazy {
		n.add(tally{open: -1}) // all children begin now
	}
	n.name, n.try, n.note = e.Name, e.Attempt, ""
	n.said = nil
	t.hold(n, "")
	t.enter(n, running, e.Time)
}

func (t *tree) ended(n *node, e event.Event) {
	t.release(n)
	end := endOf(e)
	n.note = noteOf(e)
	n.times.took = e.Duration
	t.leave(n)
	n.state, n.times.since = end, e.Time
	t.nodes[e.Where.Step] = nil
	if n.up == nil {
		return
	}
	left := tally{}
	if n.below != nil {
		left = n.below.sum
	}
	d := tally{ahead: -left.ahead, open: -left.open}
	if works(n.def) {
		d.ahead--
		d.ended[end]++
	}
	n.up.add(d)
	n.below = nil
	n.up.below.ended[end]++
	if !n.stays() {
		n.up.below.keep(n)
	}
}

// stays says that the end of n is told above the tree: it is a step of the workflow's own list.
func (n *node) stays() bool { return n.up != nil && n.up.up == nil && !generated(n.up.def) }

// keep shows a child that has ended, for a while.
func (f *family) keep(n *node) {
	switch {
	case n.state == failed || n.state == late:
		if f.ended[failed]+f.ended[late] <= maxFailed {
			f.kept = append(f.kept, n)
		}
		return
	case f.folded:
		return
	}
	good := 1
	for _, k := range f.kept {
		if k.state != failed && k.state != late {
			good++
		}
	}
	if good <= maxKept {
		f.kept = append(f.kept, n)
		return
	}
	f.folded = true
	f.kept = slices.DeleteFunc(f.kept, func(k *node) bool { return k.state != failed && k.state != late })
}

// counted are the children in a state that has ended and that are not shown by themselves.
func (f *family) counted(s state) int {
	n := f.ended[s]
	for _, k := range f.kept {
		if k.state == s {
			n--
		}
	}
	return n
}

// enter brings n into a state in which it has not ended.
func (t *tree) enter(n *node, s state, at time.Time) {
	t.leave(n)
	n.state, n.times.since = s, at
	if n.up == nil {
		return
	}
	if s == waiting {
		n.up.family().waiting.push(n)
	} else {
		n.up.family().busy.push(n)
	}
	if s == waiting || works(n.def) {
		t.busy[s]++
	}
}

// leave takes n out of its state.
func (t *tree) leave(n *node) {
	if n.in == nil {
		return
	}
	n.in.remove(n)
	if n.state == waiting || works(n.def) {
		t.busy[n.state]--
	}
}

// hold says that n has all its semaphores, or those outside of the one that it waits for.
func (t *tree) hold(n *node, why string) {
	if len(t.held) == 0 {
		return
	}
	t.release(n)
	wanted := t.semaphore(why)
	for x := n.def.Body; x != nil; x = plan.Inner(x) {
		if h, ok := x.(*plan.Hold); ok && h.Sem >= 0 {
			if why != "" && (wanted == h.Sem || wanted < 0) {
				return
			}
			t.held[h.Sem] = append(t.held[h.Sem], n)
		}
	}
}

// semaphore is the index of the one that a step waits for; -1: it waits for something else.
func (t *tree) semaphore(why string) int32 {
	if rest, ok := strings.CutPrefix(why, `semaphore "`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		return int32(slices.IndexFunc(t.plan.Semaphores, func(s plan.Semaphore) bool { return s.Name == name }))
	}
	return -1
}

// release says that n has no semaphore.
func (t *tree) release(n *node) {
	for i, list := range t.held {
		if at := slices.Index(list, n); at >= 0 {
			t.held[i] = slices.Delete(list, at, at+1)
		}
	}
}

// list is a list of nodes in the order in which they came.
type list struct {
	first, last *node
	len         int
}

// link is the place of a node in the list that it is in.
type link struct {
	in         *list
	prev, next *node
}

func (l *list) push(n *node) {
	n.link = link{in: l, prev: l.last}
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
	l.len++
}

func (l *list) remove(n *node) {
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.link = link{}
	l.len--
}
