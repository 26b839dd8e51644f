package problems

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Excerpt is the line of a place with the value that begins there underlined, as in a problem; "" if the text of the file is not
// known.
func Excerpt(at diag.Pos, src *Sources, color bool) string {
	t, ok := src.token(at, 1, "")
	if !ok {
		return ""
	}
	t.end = t.start + value(t.line, t.start)
	p := &page{color: color, gutter: len(fmt.Sprint(at.Line))}
	p.excerpt([]mark{{token: t, number: at.Line, sign: '^', color: red}})
	return p.b.String()
}

// value is the length of the YAML value that begins at that place of a line, as far as it is in that line.
func value(line string, start int) int {
	rest := strings.TrimRight(line[start:], " \t")
	if rest == "" {
		return 0
	}
	switch rest[0] {
	case '"', '\'':
		return extent(rest, "")
	case '[', '{':
		if n := closing(rest); n > 0 {
			return n
		}
		return len(rest)
	}
	if comment := strings.Index(rest, " #"); comment >= 0 {
		rest = strings.TrimRight(rest[:comment], " \t")
	}
	if inFlow(line[:start]) {
		if n := strings.IndexAny(rest, ",]}"); n >= 0 {
			rest = strings.TrimRight(rest[:n], " \t")
		}
	}
	return len(rest)
}

// closing is the length of the list or the mapping that s begins with; 0: it goes on in the next line.
func closing(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"', '\'':
			if n := extent(s[i:], ""); n > 1 {
				i += n - 1
			}
		}
	}
	return 0
}

// inFlow says that what stands behind before is in a list or a mapping that is written on that line.
func inFlow(before string) bool {
	for i := 0; i < len(before); i++ {
		if (before[i] == '[' || before[i] == '{') && closing(before[i:]) == 0 {
			return true
		}
	}
	return false
}
