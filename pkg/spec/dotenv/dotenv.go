// Package dotenv reads files of NAME=value lines, as .env is one: bytes in, variables with their places or everything
// that is wrong out.
//
//	# a comment                    and blank lines
//	NAME=some text # a comment     to the end of the line or to a blank and #, without blanks around it
//	NAME='some text'               as it stands, also over several lines
//	NAME="some\ttext"              with \n \r \t \" \\ \$, also over several lines
//	export NAME=value              for files that a shell reads, too
//	NAME=                          the empty text
//
// Nothing is expanded: a $ is a $. What the many readers of such files take each in its own way is refused: a name
// twice, a line without =, text behind a closing quote, other escapes, NUL, bytes that are no UTF-8. Texts of
// problems never show a value.
package dotenv

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// MaxBytes is the size of the largest file.
const MaxBytes = 1 << 20

// Var is one variable.
type Var struct {
	Name  string
	Value string
	Pos   diag.Pos // of the name
}

// Parse reads a file. path is its name in messages. The variables are in the order of the file, each name once; there
// are none when anything is wrong.
func Parse(path string, src []byte) ([]Var, diag.List) {
	p := &parser{path: path, line: 1, col: 1, first: map[string]diag.Pos{}}
	if len(src) > MaxBytes {
		p.problem(diag.Pos{File: path}, "file-too-large", "", "the file has more than %d MiB", MaxBytes>>20)
		return nil, p.problems
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if !p.legible(src) {
		return nil, p.problems
	}
	p.rest = strings.ReplaceAll(string(src), "\r\n", "\n")
	for p.rest != "" {
		p.entry()
	}
	if len(p.problems) > 0 {
		return nil, p.problems.Sorted()
	}
	return p.vars, nil
}

type parser struct {
	path      string
	rest      string
	line, col int // of rest
	vars      []Var
	first     map[string]diag.Pos
	problems  diag.List
}

func (p *parser) problem(at diag.Pos, code, help, format string, args ...any) {
	p.problems = append(p.problems, diag.Diagnostic{Pos: at, Code: code, Text: fmt.Sprintf(format, args...), Help: help})
}

func (p *parser) here() diag.Pos { return diag.Pos{File: p.path, Line: p.line, Col: p.col} }

// legible says whether src is text, and where not.
func (p *parser) legible(src []byte) bool {
	line, col := 1, 1
	for i := 0; i < len(src); {
		c, n := utf8.DecodeRune(src[i:])
		at := diag.Pos{File: p.path, Line: line, Col: col}
		switch {
		case c == utf8.RuneError && n == 1:
			p.problem(at, "bad-encoding", "", "this is not UTF-8")
			return false
		case c == 0:
			p.problem(at, "bad-character", "", "a NUL cannot be part of a variable")
			return false
		case c == '\n':
			line, col = line+1, 1
		default:
			col++
		}
		i += n
	}
	return true
}

// skip goes on by n bytes.
func (p *parser) skip(n int) string {
	s := p.rest[:n]
	if lines := strings.Count(s, "\n"); lines > 0 {
		p.line += lines
		p.col = 1 + utf8.RuneCountInString(s[strings.LastIndexByte(s, '\n')+1:])
	} else {
		p.col += utf8.RuneCountInString(s)
	}
	p.rest = p.rest[n:]
	return s
}

// blanks skips blanks and says whether there were any.
func (p *parser) blanks() bool {
	return p.skip(len(p.rest)-len(strings.TrimLeft(p.rest, " \t"))) != ""
}

// toEnd is the length of what is left of the line.
func (p *parser) toEnd() int {
	if i := strings.IndexByte(p.rest, '\n'); i >= 0 {
		return i
	}
	return len(p.rest)
}

// next goes to the next line.
func (p *parser) next() {
	p.skip(p.toEnd())
	if p.rest != "" {
		p.skip(1)
	}
}

// entry reads one variable, or a line without one.
func (p *parser) entry() {
	defer p.next()
	p.blanks()
	if p.toEnd() == 0 || p.rest[0] == '#' {
		return
	}
	if after, ok := strings.CutPrefix(p.rest, "export"); ok && after != "" && (after[0] == ' ' || after[0] == '\t') {
		p.skip(len("export"))
		p.blanks()
	}
	at := p.here()
	name := p.skip(nameLength(p.rest))
	p.blanks()
	if name == "" || p.rest == "" || p.rest[0] != '=' {
		p.noName(at, name)
		return
	}
	p.skip(1)
	value, ok := p.value(p.blanks())
	if !ok {
		return
	}
	if first, twice := p.first[name]; twice {
		p.problem(at, "named-twice", "", "the variable %s is set twice", name)
		last := &p.problems[len(p.problems)-1]
		last.Other, last.OtherText = first, "first here"
		return
	}
	p.first[name] = at
	p.vars = append(p.vars, Var{Name: name, Value: value, Pos: at})
}

func nameLength(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// noName says what is wrong with a line that is no variable. It may be a piece of a value, so it is not shown.
func (p *parser) noName(at diag.Pos, name string) {
	line := p.rest[:p.toEnd()]
	switch {
	case name == "" && strings.HasPrefix(line, "="):
		p.problem(at, "bad-name", "", "there is no name before the =")
	case strings.Contains(line, "="):
		p.problem(at, "bad-name", "", "what stands before the = is not a name: letters, digits and _, and no digit in front")
	case name != "" && line == "":
		p.problem(at, "no-value", "write "+name+"= for the empty text", "%s has no value", name)
	default:
		p.problem(at, "no-value", `a value of several lines stands in quotes`, "this line is not NAME=value")
	}
}

// value reads what stands behind the =, and whether a blank was there.
func (p *parser) value(blank bool) (string, bool) {
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') {
		return p.quoted()
	}
	text := p.rest[:p.toEnd()]
	for i := range len(text) {
		if text[i] == '#' && blank { // A=#1 is no comment
			text = text[:i]
			break
		}
		blank = text[i] == ' ' || text[i] == '\t'
	}
	return strings.TrimRight(text, " \t"), true
}

// quoted reads a value in quotes, and the rest of its last line.
func (p *parser) quoted() (string, bool) {
	at := p.here()
	quote := p.skip(1)[0]
	var b strings.Builder
	good := true
	for {
		i := strings.IndexAny(p.rest, string(quote)+"\\")
		if i < 0 {
			p.problem(at, "open-quote", "", "this quote is not closed")
			p.skip(len(p.rest))
			return "", false
		}
		b.WriteString(p.skip(i))
		if p.rest[0] == quote {
			p.skip(1)
			break
		}
		if quote == '\'' {
			b.WriteString(p.skip(1))
			continue
		}
		good = p.escape(&b) && good
	}
	blank := p.blanks()
	if n := p.toEnd(); n > 0 && !(blank && p.rest[0] == '#') {
		p.problem(p.here(), "after-quote", "a quote inside double quotes is written \\\", and a comment begins with a blank and #", "nothing may follow the closing quote")
		return "", false
	}
	return b.String(), good
}

const escapes = `n r t " \ $`

// escape reads a backslash and what it escapes.
func (p *parser) escape(b *strings.Builder) bool {
	at := p.here()
	p.skip(1)
	c, n := utf8.DecodeRuneInString(p.rest)
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case '"', '\\', '$':
		b.WriteRune(c)
	default:
		p.problem(at, "bad-escape", "write \\\\ for a backslash, or use single quotes", "a backslash in double quotes stands before one of %s", escapes)
		p.skip(min(n, p.toEnd()))
		return false
	}
	p.skip(n)
	return true
}
