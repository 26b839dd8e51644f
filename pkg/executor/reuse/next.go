package reuse

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Next is the next take of a run, as it goes on. It is for one goroutine.
type Next struct {
	past *Past
	tree *tree
	read map[string]bool
	idle map[int32]idle // by leaf
	kept int
	ran  int

	items  generators
	places map[string][]int // matched, of each block that was asked for
}

// idle is a leaf that waits, and what it was in the past.
type idle struct{ is, was *node }

// Do says what is to be done with a leaf.
type Do uint8

// What can be done with a leaf.
const (
	Begin Do = iota // it works
	Keep            // it ends as Answer says
	Idle            // it does nothing until it is told to stop, or Woken has it
)

// Answer is what is to be done with a leaf.
type Answer struct {
	Do      Do
	Outcome event.Outcome
	Log     string // where what it said is kept; "": nowhere
	Order   int64  // of those that are kept, the ones with the lowest Order end first, together
}

// NewNext is the next take after past, which has judged, of the plan p. read are the members of steps that it reads: not all that
// nobody read was kept. "" stands for all.
func NewNext(past *Past, p *plan.Plan, read map[string]bool) *Next {
	return &Next{past: past, tree: newTree(p), read: read, idle: map[int32]idle{}, items: generators{}, places: map[string][]int{}}
}

// Observe takes the next event.
func (x *Next) Observe(e event.Event) { x.tree.observe(e) }

// Count says how many leaves were kept, and how many began, so far.
func (x *Next) Count() (kept, began int) { return x.kept, x.ran }

// Start says what is to be done with a leaf that is to begin. Its step has told that it starts.
func (x *Next) Start(leaf int32, k *kind.Kind, call kind.Call) Answer {
	delete(x.idle, leaf) // it was another one with that number, which is gone
	n := x.tree.last[call.Step]
	if k.Probe { // of a service, whose step it has
		if n.again {
			return Answer{}
		}
		return Answer{Do: Keep, Outcome: event.Success(nil)}
	}
	print := print(x.tree.plan, n.step, k, call)
	was := x.past.tree.last[x.before(call.Step)]
	if path, ok := unnumbered(call.Step); ok {
		was = x.past.alike(path, print)
	}
	if x.keeps(n, was, print) {
		was.did.used = true
		switch {
		case was.cut():
		case was.did.outcome.Status != event.Cancelled:
			x.kept++
			return Answer{Do: Keep, Outcome: was.did.outcome, Log: was.did.log, Order: was.did.order}
		default:
			x.idle[leaf] = idle{n, was}
			return Answer{Do: Idle}
		}
	}
	x.begin(n, was)
	return Answer{}
}

// keeps says whether n need not do what it did as was.
func (x *Next) keeps(n, was *node, print Print) bool {
	if was == nil || was.gone || was.did == nil || was.did.used || was.did.print != print || !settled(was) || n.depends() {
		return false
	}
	for key, v := range was.did.outcome.Extra { // whichever is first
		if _, lost := v.(event.Poison); lost && (x.read[key] || x.read[""]) {
			return false
		}
	}
	return true
}

// begin notes that a leaf works. What is around it is not settled any more.
func (x *Next) begin(n, was *node) {
	x.ran++
	n.mark()
	if was != nil {
		was.mark()
		return
	}
	for up := n.up; up != nil; up = up.up {
		// What had not begun in the past is in something that may have.
		if o := x.past.tree.last[x.before(up.path)]; o != nil {
			o.mark()
			return
		}
	}
}

// Woken are leaves that were idle and must begin after all, since what is around them runs again.
func (x *Next) Woken() (leaves []int32) {
	for leaf, l := range x.idle { // in whatever order: they are sorted then
		if !settled(l.was) {
			leaves = append(leaves, leaf)
		}
	}
	slices.Sort(leaves)
	for _, leaf := range leaves {
		x.begin(x.idle[leaf].is, x.idle[leaf].was)
		delete(x.idle, leaf)
	}
	return leaves
}

// alike is a leaf below an as_completed, at that path, that did what is to be done.
func (p *Past) alike(path string, print Print) *node {
	for _, n := range p.visit[path] {
		if n.did != nil && n.did.print == print && !n.did.used {
			return n
		}
	}
	return nil
}
