package kernel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// part is a kind of node, or of place, that the random plans must bring together with all others.
type part int

const (
	inList part = iota
	inLoop
	inGather
	inWait
	inGroup
	inGenerator
	inVisit
	inKept
	inTask
	inService
	inCall
	inShield
	inNeeds
	inIf
	inHandled
	inExcept
	inOnCancel
	inElse
	inFinally
	inTotal
	inRetry
	inSlot
	inSemaphore
	inTimeout
	inResult
	isInstant
	isWork
	isAwait
	isCancel
	parts
)

var partWords = [parts]string{
	"steps", "loop", "gather", "wait", "taskgroup", "generator", "as_completed", "rest keep", "background", "service", "call", "shield",
	"needs", "if", "handled", "except", "on cancel", "else", "finally", "total_timeout", "retry", "limit", "semaphore",
	"timeout", "result", "instant", "work", "await", "cancel",
}

// containers is how many parts can have others below them: those behind are leaves.
const containers = isInstant

// coverage counts what the steps that began had around them, and how far steps were that were told to stop.
type coverage struct {
	plans, steps int
	standstills  int               // runs that ended with DeadlockError
	below        [parts][parts]int // [around][below]
	cancelled    [parts][over]int
}

func newCoverage() *coverage { return &coverage{} }

func (c *coverage) add(h *history) {
	c.plans++
	if h.end.Status == event.Failed && h.end.Err.Type == event.DeadlockError {
		c.standstills++
	}
	inside := make([]uint32, len(h.lives)) // what stands around the body of each
	beside := make([]uint32, len(h.lives)) // what stands around the handlers of each
	for i, l := range h.lives {
		c.steps++
		role := l.role()
		outside := uint32(0)
		if l.parent != nil {
			outside = inside[l.parent.first.Step]
			if l.section() >= event.InExcept {
				outside = beside[l.parent.first.Step]
			}
		}
		if len(l.starts) > 0 {
			c.count(role, outside)
		}
		own := role
		for _, n := range append(l.chain, l.inner()...) {
			if _, ok := n.(*plan.Handle); ok && beside[i] == 0 {
				beside[i] = outside | own
			}
			p := partsOf(n)
			if len(l.starts) > 0 {
				c.count(p, outside|own)
			}
			own |= p
		}
		inside[i] = outside | own
		if l.cancel != nil {
			for p := range parts {
				if own&(1<<p) != 0 {
					c.cancelled[p][l.told]++
				}
			}
		}
	}
}

// count notes that every part of below stands below every part of around.
func (c *coverage) count(below, around uint32) {
	for b := range parts {
		for a := range parts {
			if below&(1<<b) != 0 && around&(1<<a) != 0 {
				c.below[a][b]++
			}
		}
	}
}

// role is what a step is to its parent, beside a child.
func (l *life) role() uint32 {
	r := uint32(0)
	if l.step.Background {
		r |= 1 << inTask
	}
	if l.step.Ready != nil {
		r |= 1 << inService
	}
	if l.parent == nil {
		return r
	}
	switch l.section() {
	case event.InVisit:
		return r | 1<<inVisit
	case event.InElse:
		return r | 1<<inElse
	case event.InFinally:
		return r | 1<<inFinally
	case event.InExcept:
		for _, n := range append(l.parent.chain, l.parent.inner()...) {
			if h, ok := n.(*plan.Handle); ok {
				for _, c := range h.Clauses {
					if c.Step == l.step && c.OnCancel {
						return r | 1<<inOnCancel
					}
				}
			}
		}
		return r | 1<<inExcept
	}
	if l.kept() {
		r |= 1 << inKept
	}
	return r
}

// partsOf is the parts that a node is.
func partsOf(n plan.Node) uint32 {
	switch n := n.(type) {
	case *plan.Leaf:
		if n.Kind.Name == "work" {
			return 1 << isWork
		}
		return 1 << isInstant
	case *plan.Sequence:
		return 1 << inList
	case *plan.Loop:
		return 1 << inLoop
	case *plan.Join:
		p := uint32(1 << map[ast.BlockKind]part{ast.Gather: inGather, ast.Wait: inWait, ast.TaskGroup: inGroup}[n.Kind])
		if n.Gen != nil {
			p |= 1 << inGenerator
		}
		return p
	case *plan.Needs:
		return 1 << inNeeds
	case *plan.When:
		return 1 << inIf
	case *plan.Limit:
		if n.Total {
			return 1 << inTotal
		}
		return 1 << inTimeout
	case *plan.Retry:
		return 1 << inRetry
	case *plan.Hold:
		if n.Sem == plan.Slots {
			return 1 << inSlot
		}
		return 1 << inSemaphore
	case *plan.Handle:
		return 1 << inHandled
	case *plan.Shield:
		return 1 << inShield
	case *plan.Result:
		return 1 << inResult
	case *plan.Call:
		return 1 << inCall
	case *plan.Await:
		return 1 << isAwait
	case *plan.Cancel:
		return 1 << isCancel
	default:
		panic("laws: unknown node")
	}
}

// report prints the tables; full says that an empty cell is an error.
func (c *coverage) report(t *testing.T, full bool) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d plans, %d steps, %d standstills\n\nwhat was run below what (rows are around):\n\n%14s", c.plans, c.steps, c.standstills, "")
	for p := range parts {
		fmt.Fprintf(&b, "%7.6s", partWords[p])
	}
	var missing []string
	if c.standstills == 0 {
		missing = append(missing, "a standstill")
	}
	for a := range containers {
		fmt.Fprintf(&b, "\n%14s", partWords[a])
		for p := range parts {
			fmt.Fprintf(&b, "%7d", c.below[a][p])
			if c.below[a][p] == 0 {
				missing = append(missing, fmt.Sprintf("%s below %s", partWords[p], partWords[a]))
			}
		}
	}
	fmt.Fprintf(&b, "\n\nsteps that were told to stop:\n\n%14s", "")
	for s := queued; s < over; s++ {
		fmt.Fprintf(&b, "%10s", s)
	}
	for p := range parts {
		fmt.Fprintf(&b, "\n%14s", partWords[p])
		for s := queued; s < over; s++ {
			fmt.Fprintf(&b, "%10d", c.cancelled[p][s])
			if c.cancelled[p][s] == 0 {
				missing = append(missing, fmt.Sprintf("%s told to stop while %s", partWords[p], s))
			}
		}
	}
	t.Log(b.String())
	if full && len(missing) > 0 {
		t.Errorf("the random plans do not bring about:\n%s", strings.Join(missing, "\n"))
	}
}
