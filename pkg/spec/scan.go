package spec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scan looks at the bytes before YAML does: their number, their encoding and characters that hide something.
func (r *reader) scan(src []byte) bool {
	t := r.text
	if len(src) > MaxBytes {
		r.problems.Add(t.at(0), "file-too-large", "the file has more than %d MiB", MaxBytes>>20)
		return false
	}
	if bytes.HasPrefix(src, []byte{0xff, 0xfe}) || bytes.HasPrefix(src, []byte{0xfe, 0xff}) {
		r.problems.Add(t.at(0), "not-utf8", "the file is written in UTF-16")
		r.help("save it as UTF-8")
		return false
	}
	before := len(r.problems)
	for i := 0; i < len(t.src); {
		c := t.src[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		if c == '\r' {
			i++
			continue
		}
		ch, n := utf8.DecodeRuneInString(t.src[i:])
		if ch == utf8.RuneError && n <= 1 {
			r.problems.Add(t.at(i), "not-utf8", "the byte 0x%02x is not UTF-8", c)
			r.help("save the file as UTF-8")
			return false // more of it would only be noise
		}
		if what := hidden(ch); what != "" {
			r.problems.Add(t.at(i), "bad-character", "%s (U+%04X) may not stand in a file", what, ch)
			r.help(fmt.Sprintf(`write it as "\u%04x" in double quotes if it is meant`, ch))
			r.why("what cannot be seen can make a file read otherwise than it runs")
			if len(r.problems)-before >= 20 {
				return false
			}
		}
		i += n
	}
	return len(r.problems) == before
}

// hidden names a character that people do not see, or see elsewhere than it stands.
func hidden(ch rune) string {
	switch {
	case ch == 0:
		return "a NUL"
	case ch == 0x85, ch == 0x2028, ch == 0x2029:
		return "a line break that editors do not show"
	case ch < ' ', ch >= 0x7f && ch < 0xa0:
		return "a control character"
	case ch == 0x61c, ch == 0x200e, ch == 0x200f, ch >= 0x202a && ch <= 0x202e, ch >= 0x2066 && ch <= 0x2069:
		return "a control character for the direction of text"
	case ch == 0xfeff:
		return "a byte order mark inside the text"
	}
	return ""
}

// survey is a rough reading of the text without YAML's library: enough to see sizes that it should not be given,
// and expressions without quotes where YAML must fail. Block scalars, quotes and comments are known to it.
type survey struct {
	t      *text
	i      int
	flow   int // how many [ and { are open
	begin  int // of the line
	tokens int
	opened int  // where the outermost open bracket or quote began
	quote  bool // the text ends inside of quotes
	scalar int  // the indentation of the line that began a block scalar; -2: in none
	traps  []trap
}

// trap is an expression without quotes in flow style, and where the scalar begins that it stands in.
type trap struct{ at, begin int }

// The survey stops at these, which are outside of what MaxNodes and MaxDepth allow: a value makes at most two tokens,
// itself and its key or dash.
const (
	maxTokens = 2*MaxNodes + 1000
	maxFlow   = 10 * MaxDepth
)

// surveyed counts the tokens of the text. Where the numbers are out of bounds it reports it and says false.
func (r *reader) surveyed() (*survey, bool) {
	s := &survey{t: r.text, scalar: -2}
	for s.i < len(s.t.src) {
		s.token()
		if s.tokens > maxTokens {
			r.problems.Add(r.text.at(s.i), "too-many-nodes", "the file has more than %d values", MaxNodes)
			return s, false
		}
		if s.flow > maxFlow {
			r.problems.Add(r.text.at(s.i), "too-deep", "lists and mappings are nested more than %d deep", MaxDepth)
			return s, false
		}
	}
	return s, true
}

func (s *survey) token() {
	src := s.t.src
	if s.i == s.begin && s.flow == 0 && s.skipBlockScalar() {
		return
	}
	switch c := src[s.i]; {
	case c == '\n':
		s.i++
		s.begin = s.i
	case c == ' ', c == '\t', c == '\r':
		s.i++
	case c == '#' && (s.i == s.begin || isBlank(src[s.i-1])):
		s.line()
	case c == '"' || c == '\'':
		s.tokens++
		s.quoted(c)
	case c == '[' || c == '{':
		if s.tokens++; s.flow == 0 {
			s.opened = s.i
		}
		s.flow++
		s.i++
	case c == ']' || c == '}':
		s.flow = max(0, s.flow-1)
		s.i++
	case c == ',' && s.flow > 0:
		s.i++
	case (c == '-' || c == '?' || c == ':') && (s.i+1 == len(src) || isBlank(src[s.i+1])):
		// A colon at the end of a line has a value without a token, or one that is a list or a mapping.
		if c == '-' || c == ':' && s.endsLine(s.i+1) {
			s.tokens++
		}
		s.i++
	case (c == '|' || c == '>') && s.flow == 0:
		s.tokens++
		s.scalar = s.indent()
		s.line()
	case c == '&' || c == '*' || c == '!':
		if c == '*' {
			s.tokens++
		}
		for s.i < len(src) && !isBlank(src[s.i]) && (s.flow == 0 || !strings.ContainsRune(",[]{}", rune(src[s.i]))) {
			s.i++
		}
	default:
		s.tokens++
		s.plain()
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// endsLine says that nothing but a comment stands between an offset and the end of the line.
func (s *survey) endsLine(i int) bool {
	rest := strings.TrimLeft(s.t.src[i:min(i+3, len(s.t.src))], " \t\r")
	return rest == "" || rest[0] == '\n' || rest[0] == '#'
}

// indent is the indentation of the line; -1 for a document's begin.
func (s *survey) indent() int {
	rest := s.t.src[s.begin:]
	if strings.HasPrefix(rest, "---") {
		return -1
	}
	return len(rest) - len(strings.TrimLeft(rest, " "))
}

// skipBlockScalar goes over a line of a block scalar.
func (s *survey) skipBlockScalar() bool {
	if s.scalar == -2 {
		return false
	}
	end := strings.IndexByte(s.t.src[s.i:], '\n')
	line := s.t.src[s.i:]
	if end >= 0 {
		line = line[:end]
	}
	if strings.TrimRight(line, " \t\r") != "" && len(line)-len(strings.TrimLeft(line, " ")) <= s.scalar {
		s.scalar = -2
		return false
	}
	s.line()
	s.i = min(s.i+1, len(s.t.src))
	s.begin = s.i
	return true
}

// line goes to the end of the line.
func (s *survey) line() {
	if end := strings.IndexByte(s.t.src[s.i:], '\n'); end >= 0 {
		s.i += end
	} else {
		s.i = len(s.t.src)
	}
}

func (s *survey) quoted(quote byte) {
	src, begin := s.t.src, s.i
	for s.i++; s.i < len(src); s.i++ {
		switch c := src[s.i]; {
		case c == '\\' && quote == '"':
			s.i++
		case c == '\n':
			s.begin = s.i + 1
		case c == quote && quote == '\'' && s.i+1 < len(src) && src[s.i+1] == quote:
			s.i++
		case c == quote:
			s.i++
			return
		}
	}
	s.i, s.quote = len(src), true
	if s.flow == 0 {
		s.opened = begin
	}
}

// whole says that nothing is open at the end of the text.
func (s *survey) whole() bool { return s.flow == 0 && !s.quote }

func (s *survey) plain() {
	src, begin := s.t.src, s.i
	if s.flow > 0 && strings.HasPrefix(src[s.i:], open) {
		s.traps = append(s.traps, trap{s.i, begin})
		if end := strings.Index(src[s.i:], closing); end >= 0 && !strings.Contains(src[s.i:s.i+end], "\n") {
			s.i += end + len(closing)
			return
		}
	}
	for ; s.i < len(src); s.i++ {
		switch c := src[s.i]; {
		case c == '\n':
			return
		case c == ':' && (s.i+1 == len(src) || isBlank(src[s.i+1])):
			return
		case c == '#' && isBlank(src[s.i-1]):
			return
		case s.flow > 0 && (c == ',' || c == '[' || c == ']' || c == '{' || c == '}'):
			if strings.HasPrefix(src[s.i:], open[1:]) && src[s.i-1] == '$' {
				s.traps = append(s.traps, trap{s.i - 1, begin})
				if end := strings.Index(src[s.i:], closing); end >= 0 && !strings.Contains(src[s.i:s.i+end], "\n") {
					s.i += end + len(closing) - 1
					continue
				}
			}
			return
		}
	}
}
