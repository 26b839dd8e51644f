package compare

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// The most that is shown: of one comparison, and of one text.
const (
	maxChanges = 30
	widest     = 70
)

// Text is what differs, for people: a line for each step, + new, - gone, ~ changed, and below it what it was and is.
func Text(list []Change) string {
	var b strings.Builder
	for i, c := range list {
		if i == maxChanges {
			fmt.Fprintf(&b, "and %s more\n", count(len(list)-i, "change"))
			break
		}
		mark, at, was := "~", c.New, ""
		switch {
		case c.Old == nil:
			mark = "+"
		case c.New == nil:
			mark, at, was = "-", c.Old, "was "
		}
		name := c.Path
		if name == "" {
			name = "the workflow"
		}
		if c.Workflow != "" {
			name += " of " + c.Workflow
		}
		if c.Inside > 0 {
			name += fmt.Sprintf(" with %s inside it", count(c.Inside, "step"))
		}
		fmt.Fprintf(&b, "%s %s  (%s%s:%d)\n", mark, name, was, at.Pos.File, at.Pos.Line)
		for _, d := range c.Traits {
			d.write(&b)
		}
	}
	return b.String()
}

func (d Differing) write(b *strings.Builder) {
	word, old, new := d.Word, d.Old, d.New
	if strings.Contains(old, "\n") && strings.Contains(new, "\n") {
		var line int
		line, old, new = firstLine(old, new)
		word = fmt.Sprintf("%s, line %d", word, line)
	}
	old, new = excerpts(old, new)
	if d.Old != "" {
		fmt.Fprintf(b, "    - %s: %s\n", word, old)
	}
	if d.New != "" {
		fmt.Fprintf(b, "    + %s: %s\n", word, new)
	}
}

// firstLine is the first line that differs in two texts, from 1.
func firstLine(old, new string) (line int, a, b string) {
	for line = 1; ; line++ {
		var moreOld, moreNew bool
		a, old, moreOld = strings.Cut(old, "\n")
		b, new, moreNew = strings.Cut(new, "\n")
		if a != b || !moreOld || !moreNew {
			return line, a, b
		}
	}
}

// excerpts are two texts on one line each, of long ones the part in which they differ.
func excerpts(old, new string) (string, string) {
	a, b := []rune(flat(old)), []rune(flat(new))
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	if len(a) <= widest && len(b) <= widest {
		from = 0
	}
	return part(a, from), part(b, from)
}

// part is what of text is around from.
func part(text []rune, from int) string {
	const before = widest / 3
	lead := ""
	if from > before {
		text, lead = text[from-before:], "…"
	}
	return lead + plan.Clip(string(text), widest-utf8.RuneCountInString(lead))
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
