package tty

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// What is said above the tree stays: what the workflow prints itself, each failure in full when it happens, and how the steps of
// the workflow's own list have ended.

// said takes output of a step, and shows what echo says.
func (s *Screen) said(n *node, e event.Event) {
	if e.Stream == "echo" {
		if !s.opt.Silent && !s.opt.Verbose {
			for line := range strings.SplitSeq(strings.TrimSuffix(e.Text, "\n"), "\n") {
				s.above = append(s.above, plain.Printed(line, s.opt.Color)...)
				s.above = append(s.above, '\n')
			}
		}
		return
	}
	if n.said == nil {
		n.said = &talk{}
	}
	n.said.say(e.Stream, e.Text, !s.opt.Verbose)
}

// told says what is to be said of the end of n.
func (s *Screen) told(n *node, said *talk, e event.Event) {
	if s.opt.Verbose || n.up == nil {
		return
	}
	switch {
	case e.Status == event.Failed && works(n.def):
		s.failure(n, said, e)
	case n.stays() && !s.opt.Silent && !s.minor(n, e):
		s.say(n, e)
	}
}

// minor says that the end of a step is nothing that people look for: it took no time, or never began.
func (s *Screen) minor(n *node, e event.Event) bool {
	switch n.state {
	case succeeded:
		leaf, ok := n.def.Action().(*plan.Leaf)
		return ok && leaf.Kind.Instant != nil && e.Duration == 0
	case cancelled:
		return e.Started.IsZero()
	case skipped:
		return e.Reason == "not reached"
	}
	return false
}

// say writes a line on the end of n.
func (s *Screen) say(n *node, e event.Event, more ...string) {
	l := looks[n.state]
	color := l.color
	if n.state == failed || n.state == late {
		if calm(n) {
			color = yellow
		}
	}
	texts := []string{n.path}
	if n.name != "" {
		texts = append(texts, n.name)
	}
	if !e.Started.IsZero() {
		texts = append(texts, plain.Duration(e.Duration))
	}
	texts = append(append(texts, n.note), more...)
	line := s.paint(color, fmt.Sprintf("%s %-9s", l.glyph, l.word))
	for _, t := range texts {
		if t = plain.Printed(firstLine(t), false); t != "" {
			line += "  " + t
		}
	}
	s.above = append(append(s.above, line...), '\n')
}

// failure writes all on a step that has failed.
func (s *Screen) failure(n *node, said *talk, e event.Event) {
	try := ""
	if n.try > 1 {
		try = fmt.Sprintf("attempt %d%s", n.try, of(n.def))
	}
	s.say(n, e, try, n.def.Pos.String())
	write := func(text string) { s.above = append(append(s.above, text...), '\n') }
	if e.Err != nil {
		if _, more, ok := strings.Cut(e.Err.Message, "\n"); ok {
			for line := range strings.SplitSeq(more, "\n") {
				write("    " + plain.Printed(line, false))
			}
		}
	}
	if said == nil {
		return
	}
	said.close()
	begin, between, end := said.shown()
	for _, line := range begin {
		write("    | " + plain.Printed(line, s.opt.Color))
	}
	if between > 0 {
		where := ""
		if s.opt.Run != "" {
			where = fmt.Sprintf(": flowrun logs %s %s", s.opt.Run, n.path)
		}
		write(s.paint(dim, fmt.Sprintf("    ... %d more lines%s", between, plain.Printed(where, false))))
	}
	for _, line := range end {
		write("    | " + plain.Printed(line, s.opt.Color))
	}
}

// calm says that a failure need not be one of the run: a step around it takes it as a value, or may handle it.
func calm(n *node) bool {
	for x := n; x != nil; x = x.up {
		for b := x.def.Body; b != nil; b = plan.Inner(b) {
			switch b := b.(type) {
			case *plan.Handle:
				if len(b.Clauses) > 0 {
					return true
				}
			case *plan.Join:
				if x != n && (b.ReturnExceptions || b.Kind == ast.Wait) {
					return true
				}
			}
		}
	}
	return false
}
