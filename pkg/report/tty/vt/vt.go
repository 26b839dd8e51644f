// Package vt is as much of a terminal as flowrun uses, for tests of what is seen, and for pictures of it.
//
// Anything else that is written to it is noted as wrong. When its width changes it wraps lines anew, as most terminals do.
package vt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/report/columns"
)

// Terminal is a screen with all that has left it at its top.
type Terminal struct {
	mu         sync.Mutex
	cols, rows int
	lines      []line
	row, col   int // of the cursor; row counts from the first line that there is
	style      Style
	hidden     bool // the cursor
	nowrap     bool
	updating   bool // a synchronized update
	wrong      []string
}

// Cell is a character with those that stand on it. Behind a wide one there is an empty cell.
type Cell struct {
	Text string
	Style
}

// Style is how a cell is shown.
type Style struct {
	Bold, Dim bool
	Color     int // of the foreground, as the terminal numbers it; 0: none
}

type line struct {
	cells   []Cell
	wrapped bool // it goes on in the next row
}

// New makes an empty Terminal.
func New(cols, rows int) *Terminal {
	return &Terminal{cols: cols, rows: rows, lines: make([]line, 1)}
}

// Size is how many columns and rows are seen.
func (t *Terminal) Size() (cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cols, t.rows
}

// Hidden says that the cursor is not seen.
func (t *Terminal) Hidden() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hidden
}

// Wrong is what was written that a Terminal does not do, or that should not be.
func (t *Terminal) Wrong() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.wrong)
}

// Text is what is seen, or with all also what has left the screen; lines end where their text does.
func (t *Terminal) Text(all bool) string {
	var b strings.Builder
	for _, row := range t.screen(all) {
		var l strings.Builder
		for _, c := range row {
			l.WriteString(c.Text)
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Screen is what is seen.
func (t *Terminal) Screen() [][]Cell { return t.screen(false) }

func (t *Terminal) screen(all bool) [][]Cell {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := t.top()
	if all {
		from = 0
	}
	var out [][]Cell
	for _, l := range t.lines[from:] {
		out = append(out, slices.Clone(l.cells))
	}
	return out
}

// top is the first row that is seen.
func (t *Terminal) top() int { return max(0, len(t.lines)-t.rows) }

// Write implements io.Writer.
func (t *Terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := string(b); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			t.complain("no UTF-8: %q", s[:min(len(s), 20)])
		case r == '\r':
			t.col = 0
		case r == '\n': // which the system makes a return, too
			t.lines[t.row].wrapped = false
			t.down()
			t.col = 0
		case r == '\x1b':
			n = t.sequence(s)
		case r == '\t':
			t.col = min(t.col/8*8+8, t.cols-1)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			t.complain("control character %q", r)
		default:
			t.put(r)
		}
		s = s[n:]
	}
	if t.updating || t.nowrap {
		t.complain("a write ends in an update or without wrapping: %q", b[max(0, len(b)-20):])
	}
	return len(b), nil
}

func (t *Terminal) complain(format string, args ...any) {
	if len(t.wrong) < 10 {
		t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
	}
}

func (t *Terminal) down() {
	t.row++
	for t.row >= len(t.lines) {
		t.lines = append(t.lines, line{})
	}
}

func (t *Terminal) put(r rune) {
	w := columns.Rune(r)
	l := &t.lines[t.row]
	if w == 0 {
		if n := len(l.cells); n > 0 {
			l.cells[n-1].Text += string(r)
		}
		return
	}
	if t.col+w > t.cols {
		if t.nowrap {
			t.complain("%q of a line that is not wrapped has no room", r)
			return
		}
		l.wrapped = true
		t.down()
		t.col = 0
		l = &t.lines[t.row]
	}
	for len(l.cells) < t.col+w {
		l.cells = append(l.cells, Cell{Text: " "})
	}
	l.cells[t.col] = Cell{string(r), t.style}
	if w == 2 {
		l.cells[t.col+1] = Cell{}
	}
	t.col += w
}

// sequence obeys the control sequence that s begins with, and gives its length.
func (t *Terminal) sequence(s string) int {
	end := strings.IndexFunc(s[min(2, len(s)):], func(r rune) bool { return r >= '@' && r <= '~' })
	if !strings.HasPrefix(s, "\x1b[") || end < 0 {
		t.complain("sequence %q", s[:min(len(s), 20)])
		return 1
	}
	n := 2 + end + 1
	l := &t.lines[t.row]
	switch body, final := s[2:n-1], s[n-1]; {
	case final == 'm':
		t.paint(body)
	case final == 'A':
		up, err := strconv.Atoi(body)
		if err != nil {
			t.complain("sequence %q", s[:n])
		}
		t.row = max(t.top(), t.row-up)
	case final == 'K' && body == "":
		if t.col >= t.cols {
			t.complain("the last character of a line is deleted")
		}
		l.cells, l.wrapped = l.cells[:min(t.col, len(l.cells))], false
	case final == 'J' && body == "":
		l.cells, l.wrapped = l.cells[:min(t.col, len(l.cells))], false
		// What is empty below the cursor is not there: the screen may be scrolled less than a real one, which nobody sees.
		t.lines = t.lines[:t.row+1]
	case body == "?25":
		t.hidden = final == 'l'
	case body == "?7":
		t.nowrap = final == 'l'
	case body == "?2026":
		if t.updating == (final == 'h') {
			t.complain("%q twice", s[:n])
		}
		t.updating = final == 'h'
	default:
		t.complain("sequence %q", s[:n])
	}
	return n
}

// paint changes the style of what follows.
func (t *Terminal) paint(values string) {
	for v := range strings.SplitSeq(values, ";") {
		switch n, _ := strconv.Atoi(v); {
		case n == 0:
			t.style = Style{}
		case n == 1:
			t.style.Bold = true
		case n == 2:
			t.style.Dim = true
		case n >= 30 && n <= 37, n >= 90 && n <= 97:
			t.style.Color = n
		}
	}
}

// Resize wraps all lines anew. The cursor stays on its character.
func (t *Terminal) Resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []line
	row, col := 0, 0
	for i := 0; i < len(t.lines); {
		var whole []Cell
		at := -1 // of the cursor in whole
		for {
			if i == t.row {
				at = len(whole) + t.col
			}
			whole = append(whole, t.lines[i].cells...)
			i++
			if !t.lines[i-1].wrapped || i == len(t.lines) {
				break
			}
		}
		for first := true; first || len(whole) > 0; first = false {
			n := min(cols, len(whole))
			if n < len(whole) && whole[n].Text == "" { // half a wide character
				n--
			}
			if at >= 0 && (at < n || len(whole) <= cols) {
				row, col, at = len(out), at, -1
			} else {
				at = max(at-n, -1)
			}
			out = append(out, line{cells: slices.Clone(whole[:n]), wrapped: n < len(whole)})
			whole = whole[n:]
		}
	}
	t.cols, t.rows, t.lines, t.row, t.col = cols, rows, out, row, min(col, cols)
}
