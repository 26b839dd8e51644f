package plain

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Lines of steps that work beside each other are not mixed: what such a step prints is held back, and comes as one piece
// with the line that says how its attempt ended. What nothing can run beside comes at once. With Options.Verbose all does.
//
// Under a Frame, which cannot be opened again when its step has failed, all steps are held back.

// Frame sets apart what belongs together, as a CI wants it (package ci). What it gives are whole lines that are written as they
// are; it has to see to it that no text becomes a command. The titles and texts that it gets are of one line, and inert.
type Frame interface {
	// Block is what stands before and after the output of a step. What failed stays open.
	Block(title string, failed bool, from, to time.Time) (before, after string)
	// Line is a line that stands alone.
	Line(text string) string
	// Verdict is the first line of the end of the run.
	Verdict(text string) string
	// Cause marks a place in a file with what went wrong there; "": there is no such thing.
	Cause(file string, line, column int, title, text string) string
	// Settle ends what the output of a step that may speak to the CI has begun and not ended.
	Settle(output string) string
}

// How much of the output of a step is held back: its begin and its end. When a run holds much, it is less of each.
const (
	maxPiece    = 1 << 20
	maxAllHeld  = 64 << 20
	littlePiece = 32 << 10
)

// held is what a step has printed and nobody has seen: whole lines, as they will be written.
type held struct {
	begin, end []byte
	lost       int // lines between them
	all        *int
}

// Write implements io.Writer.
func (h *held) Write(b []byte) (int, error) {
	n := len(b)
	most := maxPiece
	if *h.all > maxAllHeld {
		most = littlePiece
	}
	*h.all += n
	if len(h.end) == 0 && h.lost == 0 && len(h.begin)+n <= most {
		h.begin = append(h.begin, b...)
		return n, nil
	}
	h.end = append(h.end, b...)
	if len(h.end) > 2*most {
		var lost, cut int
		h.end, lost, cut = tailOf(h.end, most)
		h.lost += lost
		*h.all -= cut
	}
	return n, nil
}

// tailOf is the last whole lines of b, about n bytes of them, in its place, with how many lines and bytes it leaves out.
func tailOf(b []byte, n int) (tail []byte, lines, cut int) {
	cut = len(b) - n
	for cut < len(b) && b[cut-1] != '\n' {
		cut++
	}
	lines = strings.Count(string(b[:cut]), "\n")
	return b[:copy(b, b[cut:])], lines, cut
}

// String is all of it.
func (h *held) String() string {
	middle := ""
	if h.lost > 0 {
		middle = fmt.Sprintf("… %d lines are not shown here\n", h.lost)
	}
	return string(h.begin) + middle + string(h.end)
}

// live says that what a step prints comes at once.
func (p *Printer) live(n int32) bool {
	if p.opt.Verbose {
		return true
	}
	if p.opt.Frame != nil {
		return false
	}
	return !beside(p.run.Step(n))
}

// beside says that something else may run beside s.
func beside(s *model.Step) bool {
	for ; s != nil; s = s.Parent {
		if s.Def.Background {
			return true
		}
		if s.Parent == nil {
			return false
		}
		if j, ok := s.Parent.Def.Action().(*plan.Join); ok && (j.Gen != nil || len(j.Children) > 1) {
			return true
		}
	}
	return false
}

// top writes a line that stands alone.
func (p *Printer) top(text string) {
	if p.framed() {
		p.out.raw(p.opt.Frame.Line(inert(clean(text, p.opt.Color))))
		return
	}
	p.out.WriteString(text + "\n")
}

// framed says that the frame is in use. Where everything comes at once nothing is framed.
func (p *Printer) framed() bool { return p.opt.Frame != nil && !p.opt.Verbose }

// close writes what the attempt of a step has printed, if it was held back, with the line that says how it ended.
func (p *Printer) close(e event.Event, failed bool, entry string) {
	output := ""
	if t := p.talk[e.Where.Step]; t != nil && t.page != nil {
		t.page.flush()
		output = t.held.String()
		p.heldBytes -= len(t.held.begin) + len(t.held.end)
		t.page, t.held = nil, nil
	}
	switch {
	case output == "":
		p.top(entry)
	case !p.framed():
		p.out.whole(output)
		p.out.WriteString(entry + "\n")
	case passes(p.plan.Steps[e.Node]): // it may have blocks of its own
		p.top(entry)
		p.out.whole(output)
		p.out.whole(p.opt.Frame.Settle(output))
	default:
		from := e.Time
		if a := p.run.Step(e.Where.Step).LastAttempt(); a != nil {
			from = a.Started
		}
		before, after := p.opt.Frame.Block(inert(clean(entry, false)), failed, from, e.Time)
		p.out.whole(before)
		p.out.whole(output)
		p.out.whole(after)
	}
}

// page is where lines of a step go.
func (p *Printer) page(n int32, t *talk) *paper {
	if t.page == nil {
		if p.live(n) {
			return p.out
		}
		t.held = &held{all: &p.heldBytes}
		t.page = &paper{w: t.held, color: p.opt.Color}
	}
	return t.page
}
