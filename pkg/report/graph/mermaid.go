package graph

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Mermaid refuses to draw more than 500 edges and more than 50,000 characters; on pages of others that cannot be changed.
const (
	mermaidEdges = 500
	mermaidText  = 50_000
	mermaidBoxes = 200 // can still be read
)

// drawMermaid is a picture as a flowchart, folded until Mermaid draws it.
func drawMermaid(drawn func() *picture) string {
	for most := mermaidBoxes; ; most /= 2 {
		pic := drawn()
		pic.fold(most)
		m := mermaid{picture: pic}
		m.draw()
		if m.edges <= mermaidEdges && m.b.Len() < mermaidText || most < minShown {
			return m.b.String()
		}
	}
}

type mermaid struct {
	*picture
	b     strings.Builder
	edges int
}

func (m *mermaid) line(depth int, format string, args ...any) {
	m.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&m.b, format+"\n", args...)
}

func (m *mermaid) draw() {
	m.line(0, "flowchart LR")
	for _, f := range m.flows {
		m.box(f, 1)
	}
	if m.left > 0 {
		m.line(1, `left["%s"]`, more(m.left, "workflow"))
	}
	for _, f := range m.flows {
		m.inTurn(f)
	}
	for _, a := range m.arrows {
		from, to := m.of[a.from], m.of[a.to]
		if from == nil || to == nil {
			continue
		}
		line := map[string]string{"needs": "==>", "reads": "-.->", "awaits": "-.->", "cancels": "-.-x"}[a.word]
		m.edge(from, to, line, a.word)
	}
	for _, c := range statusColors() {
		var keys []string
		for _, f := range m.flows {
			keys = f.keys(c.status, keys)
		}
		if len(keys) > 0 {
			m.line(1, "classDef %s stroke:%s,stroke-width:3px", c.status, c.color)
			m.line(1, "class %s %s", strings.Join(keys, ","), c.status)
		}
	}
}

// keys adds the keys of the boxes in x with that status.
func (x *box) keys(status string, keys []string) []string {
	if x.status == status {
		keys = append(keys, key(x))
	}
	for _, y := range x.inner() {
		keys = y.keys(status, keys)
	}
	return keys
}

// more is what stands for so many things that are not drawn.
func more(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d more %s", n, noun)
}

func (m *mermaid) edge(from, to *box, line, word string) {
	m.edges++
	label := ""
	if word != "" {
		label = "|" + word + "|"
	}
	m.line(1, "%s %s%s %s", key(from), line, label, key(to))
}

// key names a box in forms that need a name.
func key(x *box) string { return fmt.Sprintf("s%d", x.step.Index) }

// inTurn draws the arrows between the steps of the lists in x.
func (m *mermaid) inTurn(x *box) {
	for i, p := range x.parts {
		p.follow(func(from, to *box, ready bool) {
			switch {
			case ready:
				m.edge(from, to, "-->", "ready")
			case p.left > 0 && to == p.boxes[len(p.boxes)-1]:
				m.edges += 2
				m.line(1, "%s --> %sm%d --> %s", key(from), key(x), i, key(to))
			default:
				m.edge(from, to, "-->", "")
			}
		})
		for _, y := range p.boxes {
			m.inTurn(y)
		}
	}
}

func (m *mermaid) box(x *box, depth int) {
	label := quoteMermaid(x.label()...)
	if len(x.inner()) == 0 {
		open, end := "[", "]"
		switch {
		case x.kind == "call" || x.folded > 0:
			open, end = "[[", "]]"
		case x.kind == "await" || x.kind == "cancel":
			open, end = "([", "])"
		}
		m.line(depth, "%s%s%s%s", key(x), open, label, end)
		return
	}
	// There is room for one line above a subgraph.
	m.line(depth, "subgraph %s[%s]", key(x), quoteMermaid(strings.Join(x.label(), " · ")))
	for i, p := range x.parts {
		inner := depth + 1
		if p.word != "" {
			m.line(inner, "subgraph %sp%d[%s]", key(x), i, quoteMermaid(plan.Clip(p.word, labelText)))
			inner++
		} else if p.shape == beside {
			m.line(inner, "direction TB")
		}
		for _, y := range p.boxes {
			m.box(y, inner)
		}
		if p.left > 0 {
			m.line(inner, "%sm%d[[%s]]", key(x), i, quoteMermaid(more(p.left, "step")))
		}
		if p.word != "" {
			m.line(depth+1, "end")
		}
	}
	m.line(depth, "end")
}

// How much of a text a label shows.
const (
	labelTitle = 40
	labelText  = 40
	labelWords = 4
)

// label are the lines of a box.
func (x *box) label() []string {
	lines := []string{strings.TrimSpace(x.kind + " " + plan.Clip(x.text, labelText))}
	if x.title != "" {
		lines = append([]string{plan.Clip(x.title, labelTitle)}, lines...)
	}
	for i, w := range x.words {
		if i == labelWords {
			lines = append(lines, "…")
			break
		}
		lines = append(lines, plan.Clip(w, labelText))
	}
	if x.folded > 0 {
		lines = append(lines, fmt.Sprintf("(%s inside)", strings.Replace(more(x.folded, "step"), " more", "", 1)))
	}
	return lines
}

// quoteMermaid is a quoted label of lines. What Mermaid, its Markdown or HTML would read is written as the number of the
// character, and so is what begins a list. Before it reads anything, Mermaid looks in the whole text for `%%{`, and for the
// numbers in a style, which a colon leads to; after it has read everything it looks for formulas: a blank makes `$$` none.
func quoteMermaid(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, l := range lines {
		if i > 0 {
			b.WriteString("<br/>")
		}
		for strings.Contains(l, "$$") {
			l = strings.ReplaceAll(l, "$$", "$ $")
		}
		styled := strings.Contains(l, "style") || strings.Contains(l, "classDef")
		for at, r := range l {
			switch {
			case strings.ContainsRune("\"#&<>`\\;%", r),
				r == ':' && styled,
				at == 0 && strings.ContainsRune("-+*", r),
				(r == '.' || r == ')') && allDigits(l[:at]):
				fmt.Fprintf(&b, "#%d;", r)
			default:
				b.WriteRune(r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
