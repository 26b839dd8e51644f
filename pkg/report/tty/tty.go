// Package tty shows a run on a terminal while it works: above what stays, below a tree of what is going on, drawn again ten
// times a second.
//
//	✓ succeeded  lint  0.8s                                            stays: ends, failures in full, what echo says
//	⠙ running    checks  gather limit 3, 0/4                    1.4s   from here on it is drawn over
//	⠙ running      unit  │ ok pkg/store 0.41s            1.4s / ~4.0s
//	↻ retry        e2e  attempt 2 of 3 in 2.0s, ExitError: ...  1.4s
//	◷ waiting      license  for semaphore "db", held by unit    1.4s
//	· pending    report  run ./report.sh
//	── ci  1/7 done · 1 running · 1 waiting · 1 in a pause      2.2s, about 6s left
//
// It never takes the other screen of the terminal, and never asks it anything. A frame is one write: the cursor goes up to where
// the tree begins, and each line is written over the one that was there, cut to the width that the terminal has then. A
// terminal that knows synchronized updates shows it at once. Only the cursor stays hidden between frames.
//
// Who observes the run never waits for the terminal: a goroutine draws. What stays is collected for it, and is only lost, the
// oldest first and with a line that says so, when the terminal takes nothing for a second and there is very much of it.
package tty

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/columns"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Options say how to show a run.
type Options struct {
	// Size is how many columns and rows the terminal has. It is asked before each frame. Without columns nothing is
	// drawn, as when flowrun is not in the foreground, but what stays is written.
	Size    func() (columns, rows int)
	Color   bool
	ASCII   bool    // the terminal may have no other characters
	Silent  bool    // of what stays only failures
	Verbose bool    // all that stays is written by somebody else, through Write
	Run     string  // id of the run; "": nothing of it is kept
	History History // nil: nothing is known of earlier runs
}

// Screen is the terminal while a run works.
type Screen struct {
	w    io.Writer
	opt  Options
	draw sync.Mutex // held while something is written to w
	last drawn      // by the last frame; belongs to who draws

	mu   sync.Mutex // guards what follows, up to the painter
	tree *tree
	backlog
	stage
	painter
}

// backlog is what stays and is not yet written.
type backlog struct {
	above   []byte
	dropped int  // lines of it that are lost
	stuck   bool // the terminal takes nothing
}

// stage is what may be drawn.
type stage struct {
	held  int32 // the step that has the terminal, by number; -1: none
	away  bool  // flowrun is being stopped by its user
	began bool  // somebody draws
	over  bool  // the run has ended
}

// painter is the goroutine that draws.
type painter struct {
	wake  chan struct{} // draw now
	taken chan struct{} // something was written
	quit  chan struct{}
	gone  sync.WaitGroup
}

// drawn is what stands on the terminal.
type drawn struct {
	lines  []int // how wide each line of the tree is
	frames int
}

// How often a frame is drawn, how much of what stays waits for that, how much at most, and how long a terminal may take nothing.
const (
	period   = 100 * time.Millisecond
	urgent   = 32 << 10
	maxAbove = 1 << 20
	patience = time.Second
)

// New makes the Screen of a run of p on the terminal w.
func New(w io.Writer, p *plan.Plan, opt Options) *Screen {
	return &Screen{
		w: w, opt: opt, tree: newTree(p), stage: stage{held: -1},
		painter: painter{wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), quit: make(chan struct{})},
	}
}

// Observe takes the next event.
func (s *Screen) Observe(e event.Event) {
	if e.Type == event.RunEnd {
		s.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if !s.began {
		s.began = true
		s.gone.Go(s.loop)
	}
	s.unhold(e)
	n := s.tree.observe(e)
	switch {
	case n == nil:
	case e.Type == event.StepOutput:
		s.said(n, e)
	case e.Type == event.StepEnd:
		s.told(n, n.said, e)
		n.said = nil
	}
	s.relieve()
	s.hold(e)
}

// Recall takes an event of an earlier life of the run, and shows nothing of it.
func (s *Screen) Recall(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.tree.observe(e)
	if n != nil && e.Type == event.StepEnd {
		n.said = nil
	}
}

// Write writes what stays. It is for whole lines.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		s.draw.Lock()
		defer s.draw.Unlock()
		return s.w.Write(s.locale(b))
	}
	s.above = append(s.above, b...)
	s.relieve()
	return len(b), nil
}

// relieve sees to it that there is not too much of what stays: it has it written, and drops the oldest when that takes long.
func (s *Screen) relieve() {
	if len(s.above) < urgent {
		return
	}
	s.Resized()
	for len(s.above) > maxAbove && s.held < 0 && !s.stuck && !s.away {
		s.mu.Unlock()
		timer := time.NewTimer(patience)
		late := false
		select {
		case <-s.taken:
		case <-timer.C:
			late = true
		}
		timer.Stop()
		s.mu.Lock()
		s.stuck = s.stuck || late
	}
	if len(s.above) > 2*maxAbove {
		drop := len(s.above) - maxAbove
		if end := bytes.IndexByte(s.above[drop:], '\n'); end >= 0 {
			drop += end + 1
		}
		s.dropped += bytes.Count(s.above[:drop], []byte{'\n'})
		s.above = s.above[:copy(s.above, s.above[drop:])]
	}
}

// Resized has a frame drawn now.
func (s *Screen) Resized() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// loop draws until the run has ended.
func (s *Screen) loop() {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-tick.C:
		case <-s.wake:
		case <-s.quit:
			return
		}
		if time.Since(last) > 3*period { // we may have been stopped: what others have written is told by Resume, on its way
			time.Sleep(period / 5)
		}
		last = time.Now()
		s.frame(last, false)
	}
}

// Close takes the tree away and shows the cursor again; what is written from now on is written at once. It may be called twice.
func (s *Screen) Close() {
	s.mu.Lock()
	was := s.over
	s.over = true
	s.held = -1
	s.mu.Unlock()
	if was {
		return
	}
	close(s.quit)
	s.gone.Wait()
	s.frame(time.Now(), true)
}

// Suspend takes the tree away until Resume, as for a Ctrl-Z.
func (s *Screen) Suspend() {
	s.mu.Lock()
	s.away = true
	s.mu.Unlock()
	s.frame(time.Now(), true)
}

// Resume draws again, below of what others have written.
func (s *Screen) Resume() {
	s.draw.Lock()
	s.last.lines = nil
	s.draw.Unlock()
	s.mu.Lock()
	s.away = false
	s.mu.Unlock()
	s.Resized()
}

// hold takes the tree away before a step begins that has the terminal. Until it has ended nothing is written.
func (s *Screen) hold(e event.Event) {
	if e.Type != event.StepStart {
		return
	}
	if leaf, ok := s.tree.plan.Steps[e.Node].Action().(*plan.Leaf); ok && leaf.Terminal() {
		s.mu.Unlock()
		s.frame(time.Now(), true)
		s.mu.Lock()
		s.held = e.Where.Step
	}
}

// unhold goes on when that step has ended its work.
func (s *Screen) unhold(e event.Event) {
	mine := e.Where.Step == s.held && (e.Type == event.StepRetry || e.Type == event.StepEnd)
	if s.held >= 0 && (mine || e.Parent == s.held && e.Type == event.StepStart) {
		s.held = -1
	}
}

// frame draws the tree as it is now, or with bare only what stays and no tree.
func (s *Screen) frame(now time.Time, bare bool) {
	s.draw.Lock()
	defer s.draw.Unlock()
	width, height := s.opt.Size()
	if width == 0 { // the terminal is another's, and what was drawn is not below its cursor any more
		s.last.lines = nil
	}
	s.mu.Lock()
	if s.held >= 0 || s.away && !bare {
		s.mu.Unlock()
		return
	}
	above := s.above
	s.above = nil
	if s.dropped > 0 {
		above = append([]byte(fmt.Sprintf("(%d lines are not shown: the terminal did not take them)\n", s.dropped)), above...)
		s.dropped = 0
	}
	var lines []string
	if !bare && width > 1 {
		lines = s.lines(now, width, height)
	}
	s.mu.Unlock()
	out := s.last.frame(s.locale(above), lines, width)
	if len(out) > 0 {
		s.w.Write(out) // a terminal that has gone is no reason to stop a run
	}
	s.mu.Lock()
	s.stuck = false
	s.mu.Unlock()
	select {
	case s.taken <- struct{}{}:
	default:
	}
}

// lines are those of the tree.
func (s *Screen) lines(now time.Time, width, height int) []string {
	most := height - 3 // the line of the cursor is free, and some of what stays is seen
	if most < 1 {
		return nil
	}
	width = min(width-1, maxWidth) // in the last column the cursor stands on what was written, and would delete it
	spin := s.last.frames
	var out []string
	for _, r := range s.tree.frame(now, most-1, s.opt.History) {
		out = append(out, s.text(r, spin, width))
	}
	return append(out, s.footer(now, width))
}

// footer is the last line.
func (s *Screen) footer(now time.Time, width int) string {
	text, clocks := s.tree.footer(now, s.opt.History)
	rule := "── "
	if s.opt.ASCII {
		rule = "-- "
	}
	text = columns.Cut(rule+s.shown(text), max(0, width-len(clocks)-2), s.dots())
	return columns.Cut(text+strings.Repeat(" ", max(2, width-len(clocks)-columns.Width(text)))+clocks, width, s.dots())
}

// Sequences for the terminal.
const (
	begin      = "\x1b[?2026h\x1b[?25l\x1b[?7l" // one update; no cursor; lines are cut and not wrapped
	end        = "\x1b[?7h\x1b[?2026l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
)

// frame is the bytes that put above and lines where the last frame stands. It is nothing when nothing changes.
func (d *drawn) frame(above []byte, lines []string, width int) []byte {
	if len(d.lines) == 0 && len(lines) == 0 {
		return above
	}
	d.frames++
	var b bytes.Buffer
	b.WriteString(begin)
	b.WriteByte('\r')
	if up := d.height(width); up > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", up)
	}
	if len(above) > 0 || len(lines) == 0 {
		b.WriteString(clearBelow)
		b.WriteString("\x1b[?7h") // what stays may be longer than a line
		b.Write(bytes.ReplaceAll(above, []byte("\n"), []byte("\r\n")))
		b.WriteString("\x1b[?7l")
	}
	d.lines = d.lines[:0]
	for _, l := range lines {
		b.WriteString(l)
		b.WriteString(clearLine + "\r\n")
		d.lines = append(d.lines, columns.Width(bareText(l)))
	}
	b.WriteString(clearBelow)
	if len(lines) == 0 {
		b.WriteString(showCursor)
	}
	b.WriteString(end)
	return b.Bytes()
}

// height is how many rows the last frame takes: a terminal that has become narrower has wrapped what was longer.
func (d *drawn) height(width int) int {
	n := 0
	for _, w := range d.lines {
		n++
		if width > 0 && w > width {
			n += (w - 1) / width
		}
	}
	return n
}

// bareText is a line without its colours.
func bareText(s string) string {
	for {
		at := strings.Index(s, "\x1b[")
		if at < 0 {
			return s
		}
		end := strings.IndexByte(s[at:], 'm')
		s = s[:at] + s[at+end+1:]
	}
}

// paint is s in a colour.
func (s *Screen) paint(color, text string) string {
	if !s.opt.Color || text == "" {
		return text
	}
	return color + text + reset
}

// spinner is the sign of what runs.
func (s *Screen) spinner(n int) string {
	if s.opt.ASCII {
		return string(`|/-\`[n%4])
	}
	return string([]rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[n%10])
}

func (s *Screen) dots() string {
	if s.opt.ASCII {
		return "..."
	}
	return "…"
}

func (s *Screen) bar() string {
	if s.opt.ASCII {
		return "|"
	}
	return "│"
}

// shown is a text in the tree: on one line, without anything that drives a terminal, and in the characters that this one has.
func (s *Screen) shown(text string) string {
	text = strings.ReplaceAll(plain.Printed(firstLine(text), false), "\t", " ")
	if !s.opt.ASCII {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r < 0x7f {
			return r
		}
		return '?'
	}, signs.Replace(text))
}

// locale is what stays, in the characters that the terminal has. The texts of others stay as they are.
func (s *Screen) locale(b []byte) []byte {
	if !s.opt.ASCII {
		return b
	}
	return []byte(signs.Replace(string(b)))
}

// signs are those of reports, for terminals that have only ASCII.
var signs = strings.NewReplacer("✓", "+", "✗", "x", "⊘", "-", "↻", "r", "↓", "s", "…", "...", "├─", "|-", "└─", "`-", "│", "|", "─", "-", "·", "-")
