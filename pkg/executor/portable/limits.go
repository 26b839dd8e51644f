package portable

import (
	"fmt"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

const (
	// shortest is how exact timers are on the engine.
	shortest = time.Second
	// largeValue is from where values are large for the engine, which keeps each of them several times.
	largeValue = 512 << 10
)

// limits looks at the limits that the engine's timers keep: those of blocks, and those around all attempts. The timeout of an
// attempt that a worker carries out is the worker's, and exact.
func (c *checker) limits(s *plan.Step) {
	leaf, _ := s.Action().(*plan.Leaf)
	onWorker := leaf != nil && leaf.Kind.Run != nil
	plan.Walk(s.Body, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Limit:
			switch {
			case n.Total:
				c.short("total_timeout", n.D)
			case !onWorker:
				c.short("timeout", n.D)
			}
		case *plan.Handle:
			c.short("cleanup_timeout", n.Cleanup)
		case *plan.Join:
			c.short("return_after", n.Return.After)
		}
	})
}

func (c *checker) short(word string, v *plan.Value) {
	if v == nil || v.Src.Shape != expr.Constant {
		return
	}
	if d, err := event.Duration(v.Src.Const); err == nil && d > 0 && d < shortest {
		c.say(diag.Diagnostic{
			Pos: v.Pos, Code: "remote-short-timeout", Warning: true,
			Text: fmt.Sprintf("this %s of %s may last a second more: those of Temporal are exact to a second", word, event.FormatDuration(d)),
			Help: "write 1s or more, or a timeout on the steps themselves: that of a run or an http is exact",
		})
	}
}

// kept is how much a leaf may keep of what it reads, and where that is written; 0: nothing is written.
func kept(l *plan.Leaf) (at *plan.Value, size int) {
	if c := argument(l, "capture"); c != nil && c.Src.Const == "none" {
		return nil, 0
	}
	if v := argument(l, "capture_limit"); v != nil && v.Src.Shape == expr.Constant {
		n, _ := event.Size(v.Src.Const)
		return v, n
	}
	if v := argument(l, "http"); v != nil {
		if _, saved := member(v.Src, "save"); saved {
			return nil, 0
		}
		if t, ok := member(v.Src, "max_bytes"); ok && t.Shape == expr.Constant {
			n, _ := event.Size(t.Const)
			return &plan.Value{Pos: t.Pos}, n
		}
	}
	return nil, 0
}

// member is a member of a mapping as written.
func member(t *expr.Template, name string) (*expr.Template, bool) {
	switch t.Shape {
	case expr.Mapping:
		if i := slices.Index(t.Keys, name); i >= 0 {
			return t.Vals[i], true
		}
	case expr.Constant:
		if m, ok := t.Const.(map[string]any); ok && m[name] != nil {
			return expr.New(t.Pos, m[name]), true
		}
	}
	return nil, false
}

// sum looks at a block whose value is the list of those of its children.
func (c *checker) sum(s *plan.Step, g *plan.Generator, children []*plan.Step) {
	total := 0
	add := func(child *plan.Step, times int) {
		if l, ok := child.Action().(*plan.Leaf); ok {
			if _, n := kept(l); n <= largeValue { // else it was said of the child
				total += n * times
			}
		}
	}
	if g != nil {
		n, _ := g.Size(c.workflow.Inputs)
		add(g.Do, n)
	}
	for _, child := range children {
		add(child, 1)
	}
	if total > largeValue {
		c.large(s.Pos, "with what its steps may keep, the value of this list may grow to", total)
	}
}

func (c *checker) large(pos diag.Pos, text string, n int) {
	c.say(diag.Diagnostic{
		Pos: pos, Code: "remote-large-value", Warning: true, Text: fmt.Sprintf("%s %s, and on Temporal values should stay below 512KiB", text, event.FormatSize(n)),
		Help: "keep less of it, or put it into a file and hand that on by `artifacts`",
		Why:  "a value is kept in the history of the run, and sent with each step that reads it",
	})
}
