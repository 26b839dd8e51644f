package tty

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/report/columns"
)

// terminal is as much of a terminal as a Screen may use: anything else that is written to it is noted as wrong. When its width
// changes it wraps lines anew, as most terminals do.
type terminal struct {
	mu         sync.Mutex
	cols, rows int
	lines      []line // with what has left the screen at its top
	row, col   int    // of the cursor; row counts from the first line that there is
	hidden     bool   // the cursor
	nowrap     bool
	updating   bool // a synchronized update
	writes     int
	wrong      []string
	onWrite    func() // called before a write is taken; nil: nothing
}

// line is a row of the screen.
type line struct {
	cells   []string // a wide character has an empty cell behind it
	wrapped bool     // the line goes on in the next row
}

func newTerminal(cols, rows int) *terminal {
	return &terminal{cols: cols, rows: rows, lines: make([]line, 1)}
}

func (t *terminal) size() (cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cols, t.rows
}

// top is the first row that is seen.
func (t *terminal) top() int { return max(0, len(t.lines)-t.rows) }

func (t *terminal) Write(b []byte) (int, error) {
	if t.onWrite != nil {
		t.onWrite()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writes++
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

func (t *terminal) complain(format string, args ...any) {
	if len(t.wrong) < 10 {
		t.wrong = append(t.wrong, fmt.Sprintf(format, args...))
	}
}

func (t *terminal) down() {
	t.row++
	for t.row >= len(t.lines) {
		t.lines = append(t.lines, line{})
	}
}

func (t *terminal) put(r rune) {
	w := columns.Rune(r)
	l := &t.lines[t.row]
	if w == 0 {
		if n := len(l.cells); n > 0 {
			l.cells[n-1] += string(r)
		}
		return
	}
	if t.col+w > t.cols {
		if t.nowrap {
			t.complain("%q of a line of the tree has no room", r)
			return
		}
		l.wrapped = true
		t.down()
		t.col = 0
		l = &t.lines[t.row]
	}
	for len(l.cells) < t.col+w {
		l.cells = append(l.cells, " ")
	}
	l.cells[t.col] = string(r)
	if w == 2 {
		l.cells[t.col+1] = ""
	}
	t.col += w
}

// sequence obeys the control sequence that s begins with, and gives its length.
func (t *terminal) sequence(s string) int {
	end := strings.IndexFunc(s[min(2, len(s)):], func(r rune) bool { return r >= '@' && r <= '~' })
	if !strings.HasPrefix(s, "\x1b[") || end < 0 {
		t.complain("sequence %q", s[:min(len(s), 20)])
		return 1
	}
	n := 2 + end + 1
	switch body, final := s[2:n-1], s[n-1]; {
	case final == 'm':
	case final == 'A':
		up, err := strconv.Atoi(body)
		if err != nil {
			t.complain("sequence %q", s[:n])
		}
		t.row = max(t.top(), t.row-up)
	case final == 'K' && body == "":
		if l := &t.lines[t.row]; t.col < len(l.cells) {
			if t.col >= t.cols {
				t.complain("the last character of a line is deleted")
			}
			l.cells = l.cells[:t.col]
		}
		t.lines[t.row].wrapped = false
	case final == 'J' && body == "":
		l := &t.lines[t.row]
		l.cells, l.wrapped = l.cells[:min(t.col, len(l.cells))], false
		for i := t.row + 1; i < len(t.lines); i++ {
			t.lines[i] = line{}
		}
		// What is empty below the cursor is not there: the screen may be scrolled less than a real one, which nobody sees.
		t.lines = t.lines[:t.row+1]
	case strings.HasPrefix(body, "?") && (final == 'h' || final == 'l'):
		on := final == 'h'
		switch body {
		case "?25":
			t.hidden = !on
		case "?7":
			t.nowrap = !on
		case "?2026":
			if t.updating == on {
				t.complain("%q twice", s[:n])
			}
			t.updating = on
		default:
			t.complain("sequence %q", s[:n])
		}
	default:
		t.complain("sequence %q", s[:n])
	}
	return n
}

// resize wraps all lines anew. The cursor stays on its character.
func (t *terminal) resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []line
	row, col := 0, 0
	for i := 0; i < len(t.lines); {
		var whole []string
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
			if n < len(whole) && whole[n] == "" { // half a wide character
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

// text is what is seen, or with all also what has left the screen; lines end where their text does.
func (t *terminal) text(all bool) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := t.top()
	if all {
		from = 0
	}
	var b strings.Builder
	for _, l := range t.lines[from:] {
		b.WriteString(strings.TrimRight(strings.Join(l.cells, ""), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
