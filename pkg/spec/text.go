package spec

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// text is the source with its lines, to find places in it.
type text struct {
	path  string
	src   string
	lines []int // byte offset of each line's begin
	// runes[i] is the number of characters before the byte i*stride; nil: all are of one byte. With it a place is
	// found without counting along its line, which may be the whole file.
	runes []int
}

const stride = 256

const bom = "\ufeff"

// newText splits src as YAML does: a line ends with LF, CR LF or CR. A byte order mark at the begin is left out.
func newText(path string, src []byte) *text {
	t := &text{path: path, src: string(bytes.TrimPrefix(src, []byte(bom)))}
	t.lines = append(make([]int, 0, strings.Count(t.src, "\n")+2), 0)
	ascii := true
	for i := 0; i < len(t.src); i++ {
		switch c := t.src[i]; {
		case c == '\n', c == '\r' && (i+1 == len(t.src) || t.src[i+1] != '\n'):
			t.lines = append(t.lines, i+1)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if !ascii {
		count := 0
		for i := 0; i < len(t.src); i++ {
			if i%stride == 0 {
				t.runes = append(t.runes, count)
			}
			if utf8.RuneStart(t.src[i]) {
				count++
			}
		}
	}
	return t
}

// line is line n, from 1, without its end.
func (t *text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	end := len(t.src)
	if n < len(t.lines) {
		end = t.lines[n]
	}
	return strings.TrimRight(t.src[t.lines[n-1]:end], "\r\n")
}

// lineEnd is how the lines of the text end.
func (t *text) lineEnd() string {
	if len(t.lines) > 1 && strings.HasSuffix(t.src[:t.lines[1]], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// count is the number of characters before a byte offset.
func (t *text) count(offset int) int {
	if t.runes == nil || offset == 0 {
		return offset
	}
	block := (offset - 1) / stride
	n := t.runes[block]
	for i := block * stride; i < offset; i++ {
		if utf8.RuneStart(t.src[i]) {
			n++
		}
	}
	return n
}

// offset is the byte offset of a place.
func (t *text) offset(line, col int) int {
	if line < 1 || line > len(t.lines) {
		return len(t.src)
	}
	at := t.lines[line-1]
	if t.runes == nil {
		return min(at+col-1, len(t.src))
	}
	want := t.count(at) + col - 1
	block := max(sort.SearchInts(t.runes, want)-1, at/stride)
	n := t.runes[block]
	for at = block * stride; at < len(t.src); at++ {
		if utf8.RuneStart(t.src[at]) {
			if n == want {
				break
			}
			n++
		}
	}
	return at
}

// at is the place of a byte offset.
func (t *text) at(offset int) diag.Pos {
	offset = min(offset, len(t.src))
	line := sort.SearchInts(t.lines, offset+1)
	return diag.Pos{File: t.path, Line: line, Col: t.count(offset) - t.count(t.lines[line-1]) + 1}
}

// pos is where n begins: a scalar behind its anchor.
func (t *text) pos(n *yaml.Node) diag.Pos {
	if n.Anchor != "" {
		return t.at(t.begin(n))
	}
	return diag.Pos{File: t.path, Line: n.Line, Col: n.Column}
}

// width is the number of characters of a scalar that stands in the text as its value reads, on one line and without
// quotes; else 0.
func (t *text) width(n *yaml.Node) int {
	const longest = 1000 // nobody looks at the end of more
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > longest || strings.Contains(n.Value, "\n") ||
		!strings.HasPrefix(t.src[t.begin(n):], n.Value) {
		return 0
	}
	return utf8.RuneCountInString(n.Value)
}

// token is where the scalar n stands in the text, quotes included; not ok if it has more than one line, an anchor or a tag.
func (t *text) token(n *yaml.Node) (from, to int, ok bool) {
	from = t.offset(n.Line, n.Column)
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&(yaml.TaggedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return 0, 0, false
	}
	if n.Style&quoted == 0 {
		ok = n.Value != "" && !strings.Contains(n.Value, "\n") && strings.HasPrefix(t.src[from:], n.Value)
		return from, from + len(n.Value), ok
	}
	if from == len(t.src) || t.src[from] != '"' && t.src[from] != '\'' {
		return 0, 0, false
	}
	s := survey{t: t, i: from, scalar: -2}
	s.quoted(t.src[from])
	return from, s.i, !strings.ContainsAny(t.src[from:s.i], "\r\n")
}

// expressionEnd is the end of a scalar between brackets that ends with the expression which it begins with, or holds first;
// not ok if it goes on behind it, or in another line.
func (t *text) expressionEnd(from int) (int, bool) {
	line, _, _ := strings.Cut(t.src[from:], "\n")
	i := strings.Index(line, closing)
	if i < 0 {
		return 0, false
	}
	end := i + len(closing)
	rest := strings.TrimLeft(line[end:], " \t\r")
	return from + end, rest == "" || strings.IndexByte(",]}", rest[0]) >= 0
}

// fix is the edit that puts text in the place of from..to.
func (t *text) fix(from, to int, text string) *diag.Fix {
	return &diag.Fix{From: t.at(from), To: t.at(to), Text: text}
}

// valueOf is the value v of the key k of a mapping as it is written, if it is short and in the line of its key; else "".
func (t *text) valueOf(of, k, v *yaml.Node) string {
	const longest = 60
	from := t.offset(v.Line, v.Column)
	written := ""
	if f, to, ok := t.token(v); ok {
		written = t.src[f:to]
	} else if v.Kind != yaml.ScalarNode && v.Style&yaml.FlowStyle != 0 && of.Style&yaml.FlowStyle == 0 {
		line := t.line(v.Line)
		written, _, _ = strings.Cut(line[min(from-t.lines[v.Line-1], len(line)):], " #")
		written = strings.TrimSpace(written)
		if flowDepth(written) != 0 {
			return ""
		}
	}
	if v.Line != k.Line || len(written) > longest {
		return ""
	}
	return written
}

// inside returns the function from an offset in the decoded text of the scalar n to its place in the file.
//
// Raw and decoded text are walked side by side from the nearest `${{` before the offset (or from the scalar's
// begin) as long as they agree, line breaks with their indentation aside. An escape or a fold in between ends
// the walk there; so every place is exact but those behind one of these in the same expression.
func (t *text) inside(n *yaml.Node) func(offset int) diag.Pos {
	raws, decodeds := []int{t.content(n)}, []int{0}
	for raw, decoded := raws[0], 0; ; {
		r, d := strings.Index(t.src[raw:], open), strings.Index(n.Value[decoded:], open)
		if r < 0 || d < 0 {
			break
		}
		raws, decodeds = append(raws, raw+r), append(decodeds, decoded+d)
		raw, decoded = raw+r+len(open), decoded+d+len(open)
	}
	return func(offset int) diag.Pos {
		mark := sort.SearchInts(decodeds, offset+1) - 1
		from := decodeds[mark]
		to := min(offset, len(n.Value))
		if to-from > maxWalk {
			to = from
		}
		return t.at(t.walk(raws[mark], n.Value[from:to], n.Style&yaml.SingleQuotedStyle != 0))
	}
}

// maxWalk bounds the way to a place inside an expression: behind it, the expression's begin must do.
const maxWalk = 8 << 10

// begin is the offset at which n begins: a scalar behind its anchor.
func (t *text) begin(n *yaml.Node) int {
	at := t.offset(n.Line, n.Column)
	if n.Kind != yaml.ScalarNode || n.Anchor == "" || n.Value == "" {
		return at
	}
	return t.bare(at)
}

// bare is the first offset from at on that is behind anchors and tags.
func (t *text) bare(at int) int {
	for at < len(t.src) && (t.src[at] == '&' || t.src[at] == '!') {
		for at < len(t.src) && !strings.ContainsRune(" \t\r\n", rune(t.src[at])) {
			at++
		}
		for at < len(t.src) && strings.ContainsRune(" \t\r\n", rune(t.src[at])) {
			at++
		}
	}
	return at
}

// content is the offset of the first character of a scalar, behind its quote or its block header.
func (t *text) content(n *yaml.Node) int {
	at := t.bare(t.offset(n.Line, n.Column))
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return min(at+1, len(t.src))
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		for at < len(t.src) && t.src[at] != '\n' && t.src[at] != '\r' {
			at++
		}
		for at < len(t.src) && strings.ContainsRune(" \r\n", rune(t.src[at])) {
			at++
		}
		// Blank lines and more indentation than the first line's belong to the text.
		for i := 0; i < len(n.Value) && (n.Value[i] == ' ' || n.Value[i] == '\n'); i++ {
			if at > 0 && t.src[at-1] == ' ' {
				at--
			}
		}
	}
	return at
}

// walk goes over decoded from the offset raw on and returns where it got to. single: a quote is written twice.
func (t *text) walk(raw int, decoded string, single bool) int {
	for i := 0; i < len(decoded); {
		if raw >= len(t.src) {
			return raw
		}
		switch a, b := t.src[raw], decoded[i]; {
		case a == b && a != '\n':
			raw++
			i++
			if single && a == '\'' {
				raw++
			}
		case (a == '\n' || a == '\r') && (b == '\n' || b == ' '):
			for raw < len(t.src) && strings.ContainsRune(" \t\r\n", rune(t.src[raw])) {
				raw++
			}
			for i < len(decoded) && (decoded[i] == ' ' || decoded[i] == '\n') {
				i++
			}
		default:
			return raw
		}
	}
	return raw
}
