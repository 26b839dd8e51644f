package plain

import (
	"bytes"
	"fmt"
	"io"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// A step that has the terminal may draw on all of it. What background steps print meanwhile, and what is to be told of
// them, is held back until the step has ended. Nobody can say when that will be, so only the last of it is kept.

// maxHeld bounds what is kept.
const maxHeld = 256 << 10

// gate is what lies between the report and its writer.
type gate struct {
	w    io.Writer
	held bool
	step int32 // for which it is held, by number
	kept []byte
	lost int // lines that were not kept
}

// Write implements io.Writer.
func (g *gate) Write(b []byte) (int, error) {
	if !g.held {
		return g.w.Write(b)
	}
	g.kept = append(g.kept, b...)
	if len(g.kept) > 2*maxHeld {
		drop := len(g.kept) - maxHeld
		if end := bytes.IndexByte(g.kept[drop:], '\n'); end >= 0 {
			drop += end + 1
		}
		g.lost += bytes.Count(g.kept[:drop], []byte{'\n'})
		g.kept = g.kept[:copy(g.kept, g.kept[drop:])]
	}
	return len(b), nil
}

// open writes what was held back.
func (g *gate) open() {
	g.held = false
	if g.lost > 0 {
		fmt.Fprintf(g.w, "(%d lines were printed while a step had the terminal and are not shown)\n", g.lost)
	}
	g.w.Write(g.kept) // a reader that has gone is no reason to stop a run
	g.kept, g.lost = nil, 0
}

// hold opens the gate when the step for which it is held has ended its work: before that is shown, and before its
// handlers begin.
func (p *Printer) hold(e event.Event) {
	mine := e.Where.Step == p.gate.step && (e.Type == event.StepRetry || e.Type == event.StepEnd)
	if p.gate.held && (mine || e.Parent == p.gate.step && e.Type == event.StepStart) {
		p.gate.open()
	}
}

// shut shuts the gate when a step that has the terminal begins.
func (p *Printer) shut(e event.Event) {
	if e.Type != event.StepStart {
		return
	}
	if leaf, ok := p.plan.Steps[e.Node].Action().(*plan.Leaf); ok && leaf.Terminal() {
		p.gate.held, p.gate.step = true, e.Where.Step
	}
}
