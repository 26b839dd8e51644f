package spec

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// tree reads the text into the one mapping that a file is; nil when that is not possible.
func (r *reader) tree(src []byte) *yaml.Node {
	if !r.scan(src) {
		return nil
	}
	s, ok := r.surveyed()
	if !ok {
		return nil
	}
	root, second, err := decode(strings.NewReader(r.text.src))
	switch {
	case err != nil:
		r.syntax(err, s)
		return nil
	case second != nil:
		r.problems.Add(r.text.pos(second), "second-document", "a file is one YAML document, and here a second one begins")
		r.help("remove the --- or the ... before it")
		return nil
	case root == nil || len(root.Content) == 0:
		r.problems.Add(r.text.at(0), "empty-file", "the file is empty")
		r.help("begin it with flowrun: 1")
		return nil
	}
	top := root.Content[0]
	if r.hidden && top.Kind == yaml.MappingNode {
		blank(top)
	}
	if !r.guarded(top) {
		return nil
	}
	top = deref(top)
	if top.Kind != yaml.MappingNode {
		if !r.bad[top] && !r.playbook(top) {
			r.problem(top, "wrong-type", "a workflow file is a mapping, and this is %s", nounOf(top))
			r.help("begin it with flowrun: 1")
			if top.Kind == yaml.SequenceNode {
				r.help("begin it with flowrun: 1 and steps:, and put this list below")
			}
		}
		return nil
	}
	return top
}

// decode reads one document into nodes and looks whether there is a second one. The library's panics are errors.
func decode(in io.Reader) (root, second *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(in)
	root = &yaml.Node{}
	if err := d.Decode(root); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, nil
		}
		return nil, nil, err
	}
	second = &yaml.Node{}
	if err := d.Decode(second); err != nil {
		if errors.Is(err, io.EOF) {
			return root, nil, nil
		}
		return nil, nil, err
	}
	return root, second, nil
}

// feed gives out a text line by line and knows how many lines were asked for: YAML's library reads no further
// than it must, so this tells where it gave up, which its own messages often do not.
type feed struct {
	lines []string
	next  int
	rest  string
	ended bool // the end was asked for
}

func (f *feed) Read(b []byte) (int, error) {
	if f.rest == "" {
		if f.next == len(f.lines) {
			f.ended = true
			return 0, io.EOF
		}
		f.rest = f.lines[f.next] + "\n"
		f.next++
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// tryLines reads some lines and says how many were needed to fail, and whether the end was reached before.
func tryLines(lines []string) (needed int, ended, failed bool) {
	f := &feed{lines: lines}
	_, _, err := decode(f)
	return f.next, f.ended, err != nil
}

var (
	yamlLine      = regexp.MustCompile(`line (\d+): `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

// slowLimit is the size up to which a wrong text is read again to find the place of the mistake.
const slowLimit = 512 << 10

// syntax reports a text that is not YAML, once, where the mistake is.
func (r *reader) syntax(err error, s *survey) {
	if len(s.traps) > 0 {
		for _, trap := range s.traps[:min(len(s.traps), 100)] {
			pos := r.text.at(trap.at)
			r.problems.Add(pos, "unquoted-expression", "an expression in flow style, between [ ] or { }, needs quotes")
			r.help(r.requoted(pos.Line, trap.begin))
			if end, ok := r.text.expressionEnd(trap.begin); ok {
				r.mend(trap.begin, end, quotes(r.text.src[trap.begin:end]))
			}
			r.why("between [ ] and { } YAML reads the braces of an expression as a mapping")
		}
		return
	}
	if r.makefile() {
		return
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := unknownAnchor.FindStringSubmatch(message); m != nil && r.anchor(m[1]) {
		return
	}
	if strings.Contains(message, "exceeded max depth") {
		r.problems.Add(r.text.at(0), "too-deep", "lists and mappings are nested more than %d deep", MaxDepth)
		return
	}
	line := r.wrongLine(message, s)
	message = yamlLine.ReplaceAllString(message, "")
	r.lineProblem(line, message)
}

// anchor reports an alias of nothing: mostly a value that begins with * and has no quotes.
func (r *reader) anchor(name string) bool {
	for from := 0; ; {
		i := strings.Index(r.text.src[from:], "*"+name)
		if i < 0 {
			return false
		}
		at := from + i
		if at == 0 || strings.ContainsRune(" \t\n[{,", rune(r.text.src[at-1])) {
			pos := r.text.at(at)
			r.problems.Add(pos, "unknown-anchor", "YAML reads *%s as an alias, and nothing has that anchor", brief(name))
			r.help(r.requoted(pos.Line, at))
			return true
		}
		from = at + 1
	}
}

// wrongLine finds the line of a syntax error.
//
// The library's own line is missing or wrong in a third of cases. It is better to see how many lines it read before
// it failed. It looks some tokens ahead, so the text up to the line before is tried alone, and that before it: when
// nothing is open at its end and it fails all the same, the mistake is there; when something is open, it is tried with
// good items behind it. When the end of the file was reached, or a bracket is never
// closed, the mistake is where that begins.
func (r *reader) wrongLine(message string, s *survey) int {
	said := 1
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		said, _ = strconv.Atoi(m[1])
	}
	if len(r.text.src) > slowLimit {
		return min(said, len(r.text.lines))
	}
	lines := make([]string, len(r.text.lines))
	for i := range lines {
		lines[i] = r.text.line(i + 1)
	}
	needed, ended, failed := tryLines(lines)
	switch {
	case !failed:
		return said
	case !s.whole() && r.text.at(s.opened).Line <= needed:
		return r.text.at(s.opened).Line
	case ended:
		return r.openLine(lines, said)
	}
	wrong := needed
	for range 5 {
		before := lastLine(lines[:wrong-1])
		if before == 0 || !failsWithin(lines[:before]) {
			break
		}
		wrong = before
	}
	return wrong
}

// failsWithin says that lines are wrong whatever follows them.
func failsWithin(lines []string) bool {
	if wholeLines(lines) {
		_, _, failed := tryLines(lines)
		return failed
	}
	item := "  , x"
	if last := strings.TrimSpace(lines[len(lines)-1]); strings.ContainsRune(",[{:", rune(last[len(last)-1])) {
		item = "  x,"
	}
	_, ended, failed := tryLines(append(slices.Clone(lines), item, item, item, item))
	return failed && !ended
}

// lastLine is the number of the last line that says something.
func lastLine(lines []string) int {
	n := len(lines)
	for n > 0 && (strings.TrimSpace(lines[n-1]) == "" || strings.TrimSpace(lines[n-1])[0] == '#') {
		n--
	}
	return n
}

// wholeLines says that no bracket or quote is open at the end of some lines.
func wholeLines(lines []string) bool {
	s := &survey{t: &text{src: strings.Join(lines, "\n")}, scalar: -2}
	for s.i < len(s.t.src) {
		s.token()
	}
	return s.whole()
}

// openLine is the line in which something begins that never ends: all before it is whole.
func (r *reader) openLine(lines []string, said int) int {
	for _, n := range []int{said, said + 1, said - 1, 1, lastLine(lines)} {
		if n < 1 || n > len(lines) {
			continue
		}
		_, _, failedBefore := tryLines(lines[:n-1])
		_, _, failed := tryLines(lines[:n])
		if failed && !failedBefore {
			return n
		}
	}
	return min(max(said, 1), len(lines))
}

var (
	keyStart = regexp.MustCompile(`^(\s*(?:-\s+)*)((?:[^\s#"':{}\[\],&*!|>@%` + "`" + `-][^:#"']*|"[^"]*"|'[^']*'):[ \t]+)?`)
	keyNoGap = regexp.MustCompile(`^\s*(?:-\s+)*[A-Za-z_][A-Za-z0-9_]*:[^\s/:]`)
)

// lineProblem says what is wrong in a line, by what such lines mostly look like.
func (r *reader) lineProblem(n int, message string) {
	line := r.text.line(n)
	begin := r.text.lines[n-1]
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	if len(line) > 10*maxShown {
		r.problems.Add(r.text.at(begin+indent), "syntax", "this is not YAML: %s", plainWords(message))
		return
	}
	start := len(keyStart.FindString(line))
	value := strings.TrimRight(line[start:], " \t")
	report := func(at int, format string, args ...any) {
		r.problems.Add(r.text.at(begin+at), "syntax", format, args...)
	}
	if (&oddLine{r, n, line, indent, start, value}).habit(message) {
		return
	}
	first := byte(0)
	if value != "" {
		first = value[0]
	}
	colon := strings.Index(value, ": ")
	switch {
	case strings.Contains(line[:indent], "\t"):
		report(strings.IndexByte(line, '\t'), "a tab may not indent a line")
		r.help("use spaces")
	case (first == '"' || first == '\'') && trailing(value) > 0 && r.inFlow(n):
		report(start+trailing(value), "a comma is missing before this")
	case (first == '"' || first == '\'') && trailing(value) > 0:
		report(start+trailing(value), "a value that begins with a quote ends at its second quote")
		r.help("write: " + r.quotedLine(n, begin+start, begin+start+len(value)))
	case (first == '"' || first == '\'') && trailing(value) < 0:
		report(start, "this quote is never closed")
	case strings.Contains(value, open) && colon >= 0:
		at := colon
		if i := strings.Index(value, open); i < colon {
			if j := strings.Index(value[i:], ": "); j >= 0 {
				at = i + j
			}
		}
		report(start+at, "YAML reads the colon in this value as the end of a key")
		r.requote(n, begin+start)
	case (first == '[' || first == '{') && flowDepth(value) > 0:
		report(start, "this %c is never closed", first)
	case (first == '[' || first == '{') && start > 0 && flowEnd(value) < len(value):
		report(start+flowEnd(value), "a value that begins with %c ends where that closes", first)
		r.requote(n, begin+start)
	case first == '@' || first == '`' || first == '%':
		report(start, "a value may not begin with %c", first)
		r.requote(n, begin+start)
	case first == '&' || first == '*' || first == '!':
		report(start, "YAML reads %c at the begin of a value as a mark of its own", first)
		r.requote(n, begin+start)
	case colon >= 0 && start > indent:
		report(start+colon, "YAML reads the second colon in this line as the end of a key")
		r.help(r.requoted(n, begin+start))
	case keyNoGap.MatchString(line):
		report(strings.IndexByte(line, ':'), "a space is missing after the colon")
	default:
		report(indent, "this is not YAML: %s", plainWords(message))
		if strings.Contains(message, "expected") || strings.Contains(message, "mapping") {
			r.help("is the line indented like its neighbours?")
		}
	}
}

// inFlow says that a bracket or a quote is open at the begin of line n.
func (r *reader) inFlow(n int) bool {
	return !wholeLines([]string{r.text.src[:r.text.lines[n-1]]})
}

// trailing is where something stands behind the closing quote of value; 0: nothing; -1: it is never closed.
func trailing(value string) int {
	s := survey{t: &text{src: value}, scalar: -2}
	s.quoted(value[0])
	if s.i >= len(value) {
		if len(value) < 2 || value[len(value)-1] != value[0] {
			return -1
		}
		return 0
	}
	rest := strings.TrimLeft(value[s.i:], " \t")
	if rest == "" || rest[0] == '#' || strings.HasPrefix(rest, ":") {
		return 0
	}
	return len(value) - len(rest)
}

// flowEnd is the offset behind the bracket that closes the first one of value.
func flowEnd(value string) int {
	for i := 1; i <= len(value); i++ {
		if (value[i-1] == ']' || value[i-1] == '}') && flowDepth(value[:i]) == 0 {
			return i
		}
	}
	return len(value)
}

// plainWords is a message of the library in the words of people.
func plainWords(message string) string {
	for _, w := range []struct{ theirs, ours string }{
		{"did not find expected key", "a key was expected"},
		{"did not find expected '-' indicator", "an item with - was expected"},
		{"could not find expected ':'", "a colon was expected after the key"},
		{"mapping values are not allowed in this context", "a key may not stand here"},
		{"did not find expected ',' or ']'", "a list is not closed"},
		{"did not find expected ',' or '}'", "a mapping is not closed"},
		{"found unexpected end of stream", "a quote is not closed"},
		{"block sequence entries are not allowed in this context", "an item with - may not stand here"},
	} {
		if strings.Contains(message, w.theirs) {
			return w.ours
		}
	}
	return brief(firstLine(message))
}
