package problems

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Sources are the texts of files under the names that problems have for them. A file that is not there is not shown: the
// values of a dotenv file or of an inputs file may be nobody's business.
type Sources struct{ files map[string]*source }

// Add gives the text of a file.
func (s *Sources) Add(path string, text []byte) {
	if s.files == nil {
		s.files = map[string]*source{}
	}
	s.files[path] = &source{text: strings.TrimPrefix(string(text), "\ufeff")}
}

// source is a text, and where its lines begin once somebody has asked.
type source struct {
	text  string
	lines []int
}

// line is line n, from 1, without its end. As for YAML, a line ends with LF, CR LF or CR.
func (s *source) line(n int) (string, bool) {
	if s.lines == nil {
		s.lines = []int{0}
		for i := 0; i < len(s.text); i++ {
			if c := s.text[i]; c == '\n' || c == '\r' && (i+1 == len(s.text) || s.text[i+1] != '\n') {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	if n < 1 || n > len(s.lines) {
		return "", false
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = s.lines[n]
	}
	return strings.TrimRight(s.text[s.lines[n-1]:end], "\r\n"), true
}

// token is a piece of a line: the bytes from start to end.
type token struct {
	line       string
	start, end int
}

// token finds what stands at a place. length is in characters; 0: what it is tells its end. text is the sentence about
// it, which may quote it.
func (s *Sources) token(at diag.Pos, length int, text string) (token, bool) {
	src := s.files[at.File]
	if src == nil || at.Line == 0 {
		return token{}, false
	}
	line, ok := src.line(at.Line)
	if !ok {
		return token{}, false
	}
	start := skip(line, 0, at.Col-1)
	end := start
	if length > 0 {
		end = skip(line, start, length)
	} else {
		end += extent(line[start:], text)
	}
	return token{line, start, end}, true
}

// skip is the offset n characters behind the one at offset.
func skip(line string, offset, n int) int {
	for ; n > 0 && offset < len(line); n-- {
		offset++
		for offset < len(line) && !utf8.RuneStart(line[offset]) {
			offset++
		}
	}
	return offset
}

// extent is the length of the token at the begin of rest: what the sentence quotes or names, an expression, a text in quotes, a
// word, an operator, or one character.
func extent(rest, sentence string) int {
	if rest == "" {
		return 0
	}
	for i, quoted := range strings.Split(sentence, `"`) {
		if i%2 == 1 && quoted != "" && strings.HasPrefix(rest, quoted) {
			return len(quoted)
		}
	}
	if n := strings.IndexAny(rest, " \t,[]{}\"'"); n != 0 {
		if n < 0 {
			n = len(rest)
		}
		if n > 1 && n > run(rest, isWord) && strings.Contains(sentence, rest[:n]) {
			return n // the sentence names all of it, as gone.env
		}
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "${{"):
		if end := strings.Index(rest, "}}"); end >= 0 {
			return end + len("}}")
		}
		return len("${{")
	case c == '"' || c == '\'' || c == '`':
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\\' && c == '"' {
				i++
			} else if rest[i] == c {
				return i + 1
			}
		}
		return len(strings.TrimRight(rest, " \t"))
	case strings.IndexByte("*&!@", c) >= 0 && len(rest) > 1 && isWord(rest[1:]): // an alias, an anchor, a tag
		return 1 + run(rest[1:], isWord)
	case isWord(rest):
		return run(rest, isWord)
	case isOperator(rest):
		return run(rest, isOperator)
	}
	return skip(rest, 0, 1)
}

// run is how far all characters of s are of a sort.
func run(s string, of func(string) bool) int {
	n := 0
	for n < len(s) && of(s[n:]) {
		n = skip(s, n, 1)
	}
	return n
}

// isWord says that s begins with a letter, a digit, a _, or a part of a letter.
func isWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isOperator(s string) bool { return strings.IndexByte("-=<>&|+*/%^!?", s[0]) >= 0 }
