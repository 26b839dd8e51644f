package spec

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// This file knows mistakes in YAML that people make by habit, where a look at more than the line's first characters
// tells what was meant.

// oddLine is a line that the library did not take.
type oddLine struct {
	r      *reader
	n      int    // its number
	line   string // all of it
	indent int
	start  int    // where its value begins, behind dashes and the key
	value  string // without the blanks at its end
}

func (o *oddLine) report(at int, format string, args ...any) bool {
	o.r.problems.Add(o.r.text.at(o.r.text.lines[o.n-1]+at), "syntax", format, args...)
	return true
}

// write is the advice to write something in the place of the line.
func (o *oddLine) write(line string) {
	if len(line) <= maxShown {
		o.r.help("write: " + strings.TrimSpace(line))
	}
}

// habit reports what is wrong in o or in the line before it, if that is a known habit. message is the library's.
func (o *oddLine) habit(message string) bool {
	return o.directive() || o.before(message) || o.escape(message) || o.block(message) || o.item() || o.noComma() || o.closesNothing() || o.apostrophe()
}

// directive is a line for the YAML parser, as %YAML 1.2, which the library knows for 1.1 only.
func (o *oddLine) directive() bool {
	if !strings.HasPrefix(o.line, "%YAML") && !strings.HasPrefix(o.line, "%TAG") {
		return false
	}
	o.report(0, "a workflow file has no lines for the YAML parser, as %%YAML and %%TAG")
	o.r.help("remove this line and the --- below it")
	return true
}

// before looks at the last line before o that says something: `run:x`, or the head of a block whose text is not indented.
func (o *oddLine) before(message string) bool {
	lines := make([]string, o.n-1)
	for i := range lines {
		lines[i] = o.r.text.line(i + 1)
	}
	last := lastLine(lines)
	if last == 0 {
		return false
	}
	line := lines[last-1]
	if at := keyNoGap.FindStringIndex(line); at != nil && strings.Contains(message, "mapping values are not allowed") {
		colon := strings.IndexByte(line, ':')
		o.r.problems.Add(o.r.text.at(o.r.text.lines[last-1]+colon), "syntax", "a space is missing after the colon")
		if len(line) <= maxShown {
			o.r.help("write: " + strings.TrimSpace(line[:colon+1]+" "+line[colon+1:]))
		}
		if key := strings.Trim(line[:colon], " -"); o.r.lang.known(key) || o.r.lang.isAction(key, inList) {
			at := o.r.text.lines[last-1] + colon + 1
			o.r.mend(at, at, " ")
		}
		return true
	}
	key := keyStart.FindString(line + " ")
	head := strings.TrimSpace((line + " ")[len(key):])
	dashes := len(line) - len(strings.TrimLeft(line, " -"))
	if head != "" && (head[0] == '|' || head[0] == '>') && strings.Trim(head[1:], "+-0123456789") == "" && o.indent <= dashes {
		o.report(o.indent, "the lines of a text below %c are indented more than its key", head[0])
		o.r.help("put blanks before each of them")
		return true
	}
	return false
}

// escape finds a backslash in double quotes that escapes nothing, as in "C:\dir".
func (o *oddLine) escape(message string) bool {
	if !strings.Contains(message, "unknown escape character") {
		return false
	}
	begin := strings.IndexByte(o.line, '"')
	for i := begin + 1; begin >= 0 && i+1 < len(o.line); i++ {
		if o.line[i] != '\\' {
			continue
		}
		i++
		if strings.IndexByte("0abt\tnvfre \"/\\N_LPxuU", o.line[i]) >= 0 {
			continue
		}
		o.report(i-1, "there is no escape \\%s in double quotes", o.line[i:i+len(firstRune(o.line[i:]))])
		o.r.help(`for a backslash write \\, or put the text in single quotes`)
		return true
	}
	return false
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

// block is `run: | echo`, with text where none may be.
func (o *oddLine) block(message string) bool {
	if !strings.Contains(message, "expected comment or line break") || o.value == "" || o.value[0] != '|' && o.value[0] != '>' {
		return false
	}
	o.report(o.start, "behind %c the text begins in the next line", o.value[0])
	if o.value[0] == '|' {
		o.write(o.line[:o.start] + strings.TrimSpace(o.value[1:]))
	} else {
		o.r.help(o.r.requoted(o.n, o.r.text.lines[o.n-1]+o.start))
	}
	return true
}

// item is `needs: - a`, a list that begins in the line of its key.
func (o *oddLine) item() bool {
	if !strings.HasPrefix(o.value, "- ") || strings.TrimLeft(o.line[:o.start], " -") == "" {
		return false
	}
	o.report(o.start, "an item of a list may not stand in the line of its key")
	if what := strings.TrimSpace(o.value[2:]); strings.ContainsAny(what, ",:[]{}#") {
		o.r.help("begin a new line before the -")
	} else {
		o.write(o.line[:o.start] + "[" + what + "]")
	}
	return true
}

// noComma is `{run: a id: b}`.
func (o *oddLine) noComma() bool {
	if o.value == "" || o.value[0] != '{' || strings.Contains(o.value, open) {
		return false
	}
	var colon [maxFlow + 1]bool // of each level: one stands behind the last comma
	depth := 0
	for i := 0; i < len(o.value); i++ {
		switch c := o.value[i]; {
		case c == '"' || c == '\'':
			s := survey{t: &text{src: o.value}, i: i, scalar: -2}
			s.quoted(c)
			i = s.i - 1
		case c == '{' || c == '[':
			depth = min(depth+1, maxFlow)
			colon[depth] = false
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		case c == ',':
			colon[depth] = false
		case c == ':' && i+1 < len(o.value) && o.value[i+1] == ' ':
			if !colon[depth] {
				colon[depth] = true
				continue
			}
			key := strings.LastIndexAny(o.value[:i], " \t") + 1
			o.report(o.start+key, "a comma is missing before this key, or quotes around the value before it")
			before := strings.TrimRight(o.line[:o.start+key], " \t")
			o.write(before + ", " + o.line[o.start+key:])
			return true
		}
	}
	return false
}

// closesNothing is `[a]]`.
func (o *oddLine) closesNothing() bool {
	if o.value == "" || o.value[0] != '[' && o.value[0] != '{' || flowDepth(o.value) >= 0 {
		return false
	}
	end := flowEnd(o.value)
	rest := o.value[end:]
	if strings.Trim(rest, "]} ") != "" {
		return false
	}
	at := o.start + end + len(rest) - len(strings.TrimLeft(rest, " "))
	o.report(at, "this %c closes nothing", o.line[at])
	o.write(o.line[:o.start] + o.value[:end])
	return true
}

// apostrophe is 'it's', in which the second quote was to be a letter.
func (o *oddLine) apostrophe() bool {
	v := o.value
	if len(v) < 4 || v[0] != '\'' || v[len(v)-1] != '\'' || strings.Count(v, "'") != 3 || strings.ContainsAny(v, `"\`) {
		return false
	}
	second := 1 + strings.IndexByte(v[1:], '\'')
	if !isLetter(v[second-1]) || !isLetter(v[second+1]) {
		return false
	}
	o.report(o.start+second, "this quote ends the text")
	o.write(o.line[:o.start] + `"` + v[1:len(v)-1] + `"`)
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// dashes says that n, read as a mapping, was to be a list: `-run: x` and `-run: y`. It is reported then.
func (r *reader) dashes(n *yaml.Node) bool {
	if n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0 {
		return false
	}
	k := n.Content[0]
	if k.Kind != yaml.ScalarNode || k.Style != 0 || len(k.Value) < 2 || k.Value[0] != '-' || !isLetter(k.Value[1]) {
		return false
	}
	r.problem(n, "syntax", "a space is missing after the dash")
	r.help("write - " + brief(k.Value[1:]) + `, or "` + brief(k.Value) + `" if it is a key`)
	return true
}

// mustache says that n is {{ x }}, which other programs replace and YAML reads as mappings. It is reported then.
func (r *reader) mustache(n *yaml.Node) bool {
	at := r.text.offset(n.Line, n.Column)
	if n.Style&yaml.FlowStyle == 0 || len(n.Content) != 2 || !strings.HasPrefix(r.text.src[at:], open[1:]) {
		return false
	}
	r.problem(n, "unquoted-expression", "an expression begins with ${{, and YAML reads {{ as mappings")
	if end := strings.Index(r.text.src[at:], closing); end >= 0 && !strings.Contains(r.text.src[at:at+end], "\n") {
		line, begin := r.text.line(n.Line), r.text.lines[n.Line-1]
		inner, quote := r.text.src[at+len(open)-1:at+end], `"`
		if strings.Contains(inner, `"`) {
			quote = "'"
		}
		if len(line) <= maxShown {
			r.help("write: " + strings.TrimSpace(line[:at-begin]+quote+open+" "+strings.TrimSpace(inner)+" "+closing+quote+line[at+end+len(closing)-begin:]))
		}
	}
	return true
}

// glued says that n is run:x, a key without its space, which YAML reads as a text. It is reported then.
func (r *reader) glued(n *yaml.Node) bool {
	key, value, ok := strings.Cut(n.Value, ":")
	if n.Kind != yaml.ScalarNode || n.Style != 0 || !ok || value == "" || !r.lang.known(key) && !r.lang.isAction(key, inList) {
		return false
	}
	r.problem(n, "syntax", "a space is missing after the colon")
	r.help("write: " + brief(key+": "+value))
	if from, _, ok := r.text.token(n); ok {
		r.mend(from+len(key)+1, from+len(key)+1, " ")
	}
	return true
}
