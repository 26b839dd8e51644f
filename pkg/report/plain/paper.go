package plain

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// paper is what a Printer writes on: everything passes here in whole lines, and no line drives a terminal or a CI,
// whatever text of whatever source it is made of.
type paper struct {
	w     io.Writer
	color bool
	line  []byte // that has not ended
	out   []byte // whole lines
}

// maxOut is how much is collected before it is written.
const maxOut = 64 << 10

// Write implements io.Writer.
func (p *paper) Write(b []byte) (int, error) { return p.WriteString(string(b)) }

// WriteString implements io.StringWriter.
func (p *paper) WriteString(s string) (int, error) {
	n := len(s)
	for {
		line, rest, ok := strings.Cut(s, "\n")
		p.line = append(p.line, line...)
		if !ok {
			return n, nil
		}
		if easy(p.line) && !mayCommand(p.line) {
			p.out = append(append(p.out, p.line...), '\n')
		} else {
			p.raw(inert(clean(string(p.line), p.color)))
		}
		p.line, s = p.line[:0], rest
		if len(p.out) >= maxOut {
			p.flush()
		}
	}
}

// raw writes a line that is as it has to be.
func (p *paper) raw(line string) { p.out = append(append(p.out, line...), '\n') }

// whole writes lines that are as they have to be; the last may lack its end.
func (p *paper) whole(lines string) {
	p.out = append(p.out, lines...)
	if lines != "" && !strings.HasSuffix(lines, "\n") {
		p.out = append(p.out, '\n')
	}
}

func (p *paper) flush() {
	p.w.Write(p.out) // a reader that has gone is no reason to stop a run
	p.out = p.out[:0]
}

// Inert is text without colours, in which no line drives a terminal or a CI.
func Inert(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		whole := strings.TrimSuffix(line, "\n")
		b.WriteString(inert(clean(whole, false)))
		b.WriteString(line[len(whole):])
	}
	return b.String()
}

// inert is a clean line that no CI takes for a command: a blank in the command makes it text.
//
//	::name::             : :name::             GitHub, at the begin of a line, behind blanks
//	##[name]             ## [name]             GitHub, Azure
//	##vso[name]          ##vso [name]          Azure
//	##teamcity[name]     ##teamcity [name]     TeamCity
//	--- +++ ~~~ ^^^      a blank before it     Buildkite, at the begin of a line
//
// GitLab's section_start: and section_end: need a carriage return and a control sequence, which a clean line has not.
//
// A blank, and nothing of no width: some runners compare texts in a way that does not see such characters. So neither do
// those that a line has already make a command into something else.
func inert(line string) string {
	line = inertBegin(line)
	if !strings.Contains(line, "#") {
		return line
	}
	var b strings.Builder
	from := 0
	for at := range len(line) {
		if line[at] == '[' && opensCommand(line[from:at]) {
			b.WriteString(line[from:at] + " ")
			from = at
		}
	}
	b.WriteString(line[from:])
	return b.String()
}

// mayCommand says that an easy line could hold a command.
func mayCommand(line []byte) bool {
	return len(line) > 0 && strings.IndexByte(" \t:-+~^", line[0]) >= 0 || bytes.Contains(line, []byte("##"))
}

// inertBegin is line without a command that has to stand at its begin.
func inertBegin(line string) string {
	at, blank := 0, false
	for at < len(line) {
		if n := sequence(line[at:], false); n > 0 {
			at += n
			continue
		}
		r, n := utf8.DecodeRuneInString(line[at:])
		if !unicode.IsSpace(r) && !unseen(r) {
			break
		}
		blank = blank || !unseen(r)
		at += n
	}
	var begin [3]rune
	next := at
	first := at // behind the first character
	for i := range begin {
		begin[i], next = seen(line, next)
		if i == 0 {
			first = next
		}
	}
	switch {
	case begin[0] == ':' && begin[1] == ':':
		if strings.Contains(line[next:], "::") || begin[2] == ':' || !isASCII(line) {
			return line[:first] + " " + line[first:]
		}
	case begin[0] == begin[1] && begin[1] == begin[2] && strings.ContainsRune("-+~^", begin[0]):
		if after, _ := seen(line, next); !blank && (after == 0 || unicode.IsSpace(after)) {
			return " " + line
		}
	}
	return line
}

// seen is the character of line at that place, or the first behind it that is seen, and the place behind that. 0: none.
func seen(line string, at int) (rune, int) {
	for at < len(line) {
		if n := sequence(line[at:], false); n > 0 {
			at += n
			continue
		}
		r, n := utf8.DecodeRuneInString(line[at:])
		if at += n; !unseen(r) {
			return r, at
		}
	}
	return 0, at
}

// opensCommand says that a [ behind s begins a command.
func opensCommand(s string) bool {
	for _, word := range []string{"", "osv", "yticmaet"} { // from the end
		rest, ok := s, true
		for _, want := range word + "##" {
			var r rune
			if r, rest = lastSeen(rest); unicode.ToLower(r) != want {
				ok = false
				break
			}
		}
		if ok {
			return true
		}
	}
	return false
}

// lastSeen is the last character of s that is seen, and what is before it. 0: none.
func lastSeen(s string) (rune, string) {
	for s != "" {
		r, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		if !unseen(r) {
			return r, s
		}
	}
	return 0, ""
}

// unseen is a character that has no width, or that a comparison of texts may leave out.
func unseen(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) || r == '\u034f' || r == '\u115f' || r == '\u1160')
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// section is what begins or ends a section of GitLab's log, which needs what no other line may have.
var section = regexp.MustCompile(`section_(start|end):[0-9]+:[a-zA-Z0-9_.-]+(\[[a-zA-Z0-9_.=,-]+\])?\r\x1b\[0K`)

// passed is a line of a step whose commands are for the CI.
func passed(line string, color bool) string {
	var b strings.Builder
	for {
		at := section.FindStringIndex(line)
		if at == nil {
			b.WriteString(clean(drawn(line), color))
			if color && strings.Contains(b.String(), "\x1b") {
				b.WriteString(reset)
			}
			return b.String()
		}
		b.WriteString(clean(line[:at[0]], color))
		b.WriteString(line[at[0]:at[1]])
		line = line[at[1]:]
	}
}
