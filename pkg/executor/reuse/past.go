package reuse

import (
	"crypto/sha256"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Past is an earlier take of a run.
type Past struct {
	tree  *tree
	now   int64              // how many instants there were
	visit map[string][]*node // instances below an as_completed, by their paths without its numbers
	items generators
	known map[*plan.Step]bool // steps that are not as they were
}

// did is what a leaf did.
type did struct {
	print   Print
	outcome event.Outcome
	log     string
	order   int64 // of the instant
	used    bool  // a leaf of the next take has its outcome
}

// Print tells apart what leaves are to do.
type Print [sha256.Size]byte

// NewPast is of a take of p, of which nothing is known yet.
func NewPast(p *plan.Plan) *Past {
	return &Past{tree: newTree(p), visit: map[string][]*node{}, items: generators{}, known: map[*plan.Step]bool{}}
}

// Instant says that what follows happens later than what was told before.
func (p *Past) Instant() { p.now++ }

// Observe takes the next event.
func (p *Past) Observe(e event.Event) {
	p.tree.observe(e)
	if n := p.tree.last[e.Path]; e.Type == event.StepEnd && n.did != nil {
		n.did.log = e.Log
	}
}

// Ended takes how the work of a leaf ended, which may have been told to stop.
func (p *Past) Ended(k *kind.Kind, call kind.Call, o event.Outcome, stopped bool) {
	n := p.tree.last[call.Step]
	if n == nil {
		return
	}
	if k.Probe { // which has the step of its service
		return
	}
	if stopped {
		o = event.Stopped(nil)
	}
	d := &did{print: print(p.tree.plan, n.step, k, call), outcome: o, order: p.now}
	n.did = d
	if path, ok := unnumbered(call.Step); ok {
		p.visit[path] = append(p.visit[path], n)
	}
}

// unnumbered is the path of a step below an as_completed without the numbers of visits: who comes first there is by chance.
func unnumbered(path string) (string, bool) {
	const word = "as_completed["
	before, after, ok := strings.Cut(path, word)
	if !ok {
		return path, false
	}
	_, after, _ = strings.Cut(after, "]")
	after, _ = unnumbered(after)
	return before + word + after, true
}

// print is what a leaf of the step s of p is to do.
func print(p *plan.Plan, s *plan.Step, k *kind.Kind, call kind.Call) Print {
	args, err := event.Marshal(map[string]any(call.Args))
	if err != nil {
		panic("reuse: arguments are no JSON: " + err.Error())
	}
	dir, err := filepath.Rel(p.Main.Dir, call.Dir)
	if err != nil {
		dir = call.Dir
	}
	texts := []string{k.Name, string(args), filepath.ToSlash(dir)}
	given := map[string]bool{}
	for e := s.Env; e != nil; e = e.Outer {
		for _, v := range e.Vars {
			given[v.Name] = given[v.Name] || !e.Dotenv
		}
	}
	for _, v := range call.Env {
		if name, _, _ := strings.Cut(v, "="); given[name] {
			texts = append(texts, v)
		}
	}
	slices.Sort(texts[3:])
	h := sha256.New()
	for _, t := range texts {
		h.Write([]byte(t))
		h.Write([]byte{0}) // which is in none of them: JSON has it escaped
	}
	return Print(h.Sum(nil))
}

// Changed says that steps are not as they were: what comes after them may not be, either.
func (p *Past) Changed(steps []*plan.Step) {
	for _, s := range steps {
		p.known[s] = true
	}
}

// Judge finds out what runs again, as far as that can be known before. kept and again are numbers of leaves. It is called once,
// when all else is known.
func (p *Past) Judge() (kept, again int) {
	leaves := p.leaves()
	for changed := true; changed; {
		changed = false
		for _, n := range p.tree.nodes {
			if n != nil && !n.gone && !n.again && (p.known[n.step] || p.tree.takes(n)) {
				n.mark()
				changed = true
			}
		}
		for _, n := range leaves {
			if !n.again && n.began && (!settled(n) || n.depends() || n.cut()) {
				n.mark()
				changed = true
			}
		}
	}
	for _, n := range leaves {
		switch {
		case n.again || !n.began && n.Status == event.Skipped && n.Reason != skippedByIf && !settled(n):
			again++
		case n.began && n.did != nil && n.did.outcome.Status == event.Succeeded && !n.service():
			kept++
		}
	}
	return kept, again
}

// skippedByIf is the reason of a step that is skipped whatever runs again.
const skippedByIf = "if is false"

func (p *Past) leaves() (list []*node) {
	for _, n := range p.tree.nodes {
		if n != nil && !n.gone && works(n.step) {
			list = append(list, n)
		}
	}
	return list
}

// settled says whether n is in a step, or is one, that has succeeded as a whole, and of which nothing runs again. What it did then
// stands, unless the handlers of a step around that may have undone it.
func settled(n *node) (yes bool) {
	yes = n.Status == event.Succeeded // whether it runs again itself is not said here
	var from *node
	for ; n != nil; from, n = n, n.up {
		switch {
		case n.Status == event.Succeeded && !n.again:
			yes = true
		case from != nil && n.up != nil && from.order < event.InExcept && undone(n):
			return false
		}
	}
	return yes
}

// cut says whether a limit has ended the leaf n. What was to be tried so long is tried again, also if a handler made do without it.
func (n *node) cut() bool {
	return n.did != nil && n.did.outcome.Status == event.Cancelled && (n.Status != event.Cancelled || n.Cause.Why == event.WhyTimeout)
}

// undone says whether the handlers of n have worked.
func undone(n *node) bool {
	return slices.ContainsFunc(n.ends, worked)
}

// worked says whether a leaf has begun in n.
func worked(n *node) bool {
	return n.began && works(n.step) || slices.ContainsFunc(n.kids, worked) || slices.ContainsFunc(n.ends, worked)
}
