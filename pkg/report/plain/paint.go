package plain

import (
	"strings"
	"time"
	"unicode"
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
// What a step prints can so neither clear the screen nor hide lines.
func clean(s string, color bool) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\t' || r == utf8.RuneError }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if n := sequence(s[i:]); n > 0 {
			if color && n > 2 && s[i+1] == '[' && s[i+n-1] == 'm' {
				b.WriteString(s[i : i+n])
			}
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsControl(r) || r == '\t' {
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// sequence is the length of the control sequence that s begins with; 0: none.
//
//	ESC [ ... @-~      a control sequence
//	ESC ] ... BEL|ESC\ a command to the terminal
//	ESC x              anything else
func sequence(s string) int {
	if s[0] != '\x1b' {
		return 0
	}
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= '@' && s[i] <= '~' {
				return i + 1
			}
		}
		return len(s)
	case ']':
		for i := 2; i < len(s); i++ {
			if s[i] == '\a' {
				return i + 1
			}
			if s[i] == '\\' && s[i-1] == '\x1b' {
				return i + 1
			}
		}
		return len(s)
	}
	return 2
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

// duration is d for people: 12ms, 1.2s, 58.1s, 1m03s, 2h05m.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return event.FormatDuration(d.Round(time.Second))
	}
	return event.FormatDuration(d.Round(time.Minute))
}
