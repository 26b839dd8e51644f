// Package problems shows what is wrong in files: to people, with the lines that it is about, and to programs.
//
//	nightly.yaml:5:10: error[duplicate-id]: two steps of this workflow are called "test"
//	  |
//	4 |   - {id: test, run: make}
//	  |          ---- the first
//	5 |   - {id: test, run: make test}
//	  |          ^^^^
//	  = help: rename one
//
// Files and messages are anybody's text: none of it drives a terminal or a CI.
package problems

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/report/columns"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// MaxShown is how many errors people are shown, and how many warnings; of the others they learn the number.
const MaxShown = 20

// maxColumns is how much of a line is shown: what is longer is cut around the token.
const maxColumns = 100

// The colours, as terminals have them.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

// Text is d for people, in several lines.
func Text(d diag.Diagnostic, src *Sources, color bool) string {
	p := &page{color: color}
	p.head(d)
	var marks []mark
	if t, ok := src.token(d.Pos, d.Len, d.Text); ok {
		marks = append(marks, mark{token: t, number: d.Pos.Line, sign: '^', color: colorOf(d)})
	}
	elsewhere := d.OtherText != ""
	if t, ok := src.token(d.Other, 0, d.Text); ok && elsewhere && d.Other.File == d.Pos.File {
		other := mark{token: t, number: d.Other.Line, sign: '-', color: blue, label: d.OtherText}
		if len(marks) > 0 && d.Pos.Before(d.Other) {
			marks = append(marks, other)
		} else {
			marks = append([]mark{other}, marks...)
		}
		elsewhere = false
	}
	p.gutter = 1
	for _, m := range marks {
		p.gutter = max(p.gutter, len(fmt.Sprint(m.number)))
	}
	p.excerpt(marks)
	if elsewhere {
		p.note("note", fmt.Sprintf("%s: %s", d.Other, d.OtherText))
		if t, ok := src.token(d.Other, 0, d.Text); ok {
			p.gutter = max(p.gutter, len(fmt.Sprint(d.Other.Line)))
			p.excerpt([]mark{{token: t, number: d.Other.Line, sign: '-', color: blue}})
		}
	}
	p.note("help", d.Help)
	if d.Fix != nil {
		p.note("help", "flowrun validate --fix does it")
	}
	p.note("why", d.Why)
	return p.b.String()
}

// page is the text of one problem as it is put together.
type page struct {
	b      strings.Builder
	color  bool
	gutter int // columns of the line numbers
}

func (p *page) paint(color, s string) string {
	if !p.color || s == "" {
		return s
	}
	return color + s + reset
}

// oneLine is a text of whatever source that has no line breaks and drives nothing where it stands behind something.
func oneLine(s string) string {
	return strings.TrimPrefix(plain.Inert("|"+strings.ReplaceAll(s, "\n", " ")), "|")
}

func (p *page) head(d diag.Diagnostic) {
	at := d.Pos.String()
	if at != "" {
		at += ": "
	}
	// The place stands at the begin of the line, where CI systems look for commands.
	at = plain.Inert(strings.ReplaceAll(at, "\n", " "))
	fmt.Fprintf(&p.b, "%s%s%s\n", p.paint(bold, at), p.paint(colorOf(d)+bold, d.Severity()+"["+d.Code+"]"), p.paint(bold, ": "+oneLine(d.Text)))
}

func colorOf(d diag.Diagnostic) string {
	if d.Warning {
		return yellow
	}
	return red
}

func (p *page) note(word, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(&p.b, "%*s %s %s\n", p.gutter, "", p.paint(blue, "= "+word+":"), oneLine(text))
}

// row writes a line behind its number or, without one, behind blanks.
func (p *page) row(number int, text string) {
	left := strings.Repeat(" ", p.gutter+1) + "|"
	if number > 0 {
		left = fmt.Sprintf("%*d |", p.gutter, number)
	}
	if text != "" {
		text = " " + text
	}
	p.b.WriteString(p.paint(blue, left) + text + "\n")
}

// mark is a token to be underlined.
type mark struct {
	token
	number int // of its line
	sign   byte
	color  string
	label  string
}

// excerpt shows lines with their marks below them. Two marks of one line stand in two rows.
func (p *page) excerpt(marks []mark) {
	for i, m := range marks {
		text, from, to := cut(m.token)
		switch {
		case i == 0:
			p.row(0, "")
		case m.number > marks[i-1].number+1:
			p.b.WriteString(p.paint(blue, "...") + "\n")
		}
		if i == 0 || m.number != marks[i-1].number || text != shown(marks[i-1].token) {
			p.row(m.number, text)
		}
		under := strings.Repeat(string(m.sign), max(1, to-from))
		if m.label != "" {
			under += " " + oneLine(m.label)
		}
		p.row(0, strings.Repeat(" ", from)+p.paint(m.color, under))
	}
}

func shown(t token) string {
	text, _, _ := cut(t)
	return text
}

// cut is the line of a token as it is shown, and the columns from which and up to which the token stands in it.
func cut(t token) (text string, from, to int) {
	const around = 8 * maxColumns // bytes, of which the columns are taken
	begin, end := max(0, t.start-around), min(len(t.line), t.start+around)
	for begin > 0 && !utf8.RuneStart(t.line[begin]) {
		begin--
	}
	for end < len(t.line) && !utf8.RuneStart(t.line[end]) {
		end++
	}
	before := visible(t.line[begin:t.start])
	from = columns.Width(before)
	to = columns.Width(visible(t.line[begin:max(t.start, min(t.end, end))]))
	text = strings.TrimRight(visible(t.line[begin:end]), " ")
	if begin == 0 && end == len(t.line) && columns.Width(text) <= maxColumns {
		return text, from, to
	}
	// A third of what is shown stands before the token.
	first := max(0, from-maxColumns/3)
	last := first + maxColumns
	text, skipped := between(text, first, last)
	from -= skipped
	to = min(to, last) - skipped
	if first > 0 || begin > 0 {
		text, from, to = "…"+text, from+1, to+1
	}
	return text, from, to
}

// between is the part of s between two columns, and how many columns are left out before it; … stands for what is behind it.
func between(s string, first, last int) (part string, skipped int) {
	begin := 0
	for i, r := range s {
		at := columns.Width(s[:i])
		if at < first || at == first && columns.Rune(r) == 0 {
			begin, skipped = i+utf8.RuneLen(r), columns.Width(s[:i+utf8.RuneLen(r)])
			continue
		}
		if at >= last {
			return s[begin:i] + "…", skipped
		}
	}
	return s[begin:], skipped
}

// visible is a piece of a line as it is shown: without what would drive a terminal, and blanks for tabs.
func visible(s string) string {
	s = oneLine(s)
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	for i, part := range strings.Split(s, "\t") {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", 4-columns.Width(b.String())%4))
		}
		b.WriteString(part)
	}
	return b.String()
}
