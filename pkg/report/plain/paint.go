package plain

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// The colours, as terminals have them.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (p *Printer) paint(color, s string) string {
	if !p.opt.Color || s == "" {
		return s
	}
	return color + s + reset
}

// clean takes control characters and sequences out of s, but tabs; with color, sequences that only set colours stay.
// What a step prints can so neither clear the screen nor hide lines. Characters that turn the direction of writing
// would show a line in another order than it has, and go as well; one that ends a line for some readers becomes a blank.
func clean(s string, color bool) string {
	if easy(s) || !strings.ContainsFunc(s, dirty) {
		return s
	}
	// Where the last text for the terminal can end: nobody looks behind it for the end of one.
	ends := max(strings.LastIndexByte(s, '\a'), strings.LastIndex(s, "\x1b\\"))
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := sequence(s[i:], i < ends); n > 0 {
			if color && colors(s[i:i+n]) {
				b.WriteString(s[i : i+n])
			}
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\u2028' || r == '\u2029':
			b.WriteByte(' ')
		case r == utf8.RuneError || !dirty(r):
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// easy says that s has nothing but what a typewriter had: nearly all that is ever printed.
func easy[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c >= 0x7f) && c != '\t' {
			return false
		}
	}
	return true
}

// dirty is a character that does not stay as it is.
func dirty(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f, r == '\t':
		return false
	case r < 0xa0: // the control characters, of ASCII and of 8 bits
		return true
	case r >= '\u2028' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // ends of lines, directions
		return true
	}
	return r == utf8.RuneError
}

// sequence is the length of the control sequence that s begins with; 0: none.
//
//	ESC [ 0-? !-/ @-~             a control sequence
//	ESC ] P X ^ _ ... BEL|ESC\    a text for the terminal; without an end it is only its begin
//	ESC !-/ 0-~                   anything else
//
// What does not belong to it is text, so that nothing is lost with a sequence that is cut or wrong. ends says that there is
// an end for a text behind the begin of s.
func sequence(s string, ends bool) int {
	if s[0] != '\x1b' {
		return 0
	}
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		at := 2
		for at < len(s) && s[at] >= '0' && s[at] <= '?' {
			at++
		}
		return final(s, at, '@')
	case ']', 'P', 'X', '^', '_':
		for i := 2; ends && i < len(s); i++ {
			if s[i] == '\a' {
				return i + 1
			}
			if s[i] == '\\' && s[i-1] == '\x1b' {
				return i + 1
			}
		}
		return 2
	}
	return final(s, 1, '0')
}

// final is the length of a sequence whose end, a character from that one on, stands at that place of s or behind some
// between blank and /.
func final(s string, at int, from byte) int {
	for at < len(s) && s[at] >= ' ' && s[at] <= '/' {
		at++
	}
	if at < len(s) && s[at] >= from && s[at] <= '~' {
		at++
	}
	return at
}

// colors says that a control sequence only sets colours and the like: ESC [ 0-9 ; : m. One that hides text does not.
func colors(sequence string) bool {
	n := len(sequence)
	if n < 3 || sequence[1] != '[' || sequence[n-1] != 'm' || strings.Trim(sequence[2:n-1], "0123456789;:") != "" {
		return false
	}
	values := strings.Split(sequence[2:n-1], ";")
	for i := 0; i < len(values); i++ {
		switch strings.TrimLeft(values[i], "0") {
		case "38", "48", "58": // a colour by its number, 5;N, or its parts, 2;R;G;B
			switch strings.Join(values[i+1:min(i+2, len(values))], "") {
			case "5":
				i += 2
			case "2":
				i += 4
			}
		case "8":
			return false
		}
	}
	return true
}

// drawn is what a terminal shows of a line that was drawn over: what stands behind the last carriage return.
func drawn(line string) string {
	line = strings.TrimRight(line, "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

// begin is s, cut behind n characters.
func begin(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// middle is s, cut in the middle to n characters.
func middle(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n/2-1]) + "…" + string(r[len(r)-n/2:])
	}
	return s
}

// Duration is d for people: 12ms, 1.2s, 58.1s, 1m03s, 2h05m.
func Duration(d time.Duration) string { return event.RoughDuration(d) }

// About is a time that is not known exactly.
func About(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return max(d, time.Second).Round(time.Second).String()
	case d < time.Minute:
		return event.FormatDuration(d.Round(5 * time.Second))
	case d < 10*time.Minute:
		return event.FormatDuration(d.Round(10 * time.Second))
	case d < time.Hour:
		return event.FormatDuration(d.Round(time.Minute))
	}
	return event.FormatDuration(d.Round(10 * time.Minute))
}
