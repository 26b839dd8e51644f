package graph

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// drawDot is p for Graphviz, complete: every block is a cluster, and an arrow from or to a block is one from or to a step inside that
// is cut at its border.
func drawDot(p *picture) string {
	d := dot{picture: p}
	d.line(0, "digraph flowrun {")
	d.line(1, `graph [rankdir=LR, compound=true, fontname="Helvetica", fontsize=11, style="rounded", color="#8c959f"]`)
	d.line(1, `node [shape=box, style="rounded,filled", fillcolor="#f6f8fa", color="#57606a", fontname="Helvetica", fontsize=10]`)
	d.line(1, `edge [color="#57606a", fontname="Helvetica", fontsize=9]`)
	for _, f := range p.flows {
		d.box(f, 1)
	}
	for _, f := range p.flows {
		d.inTurn(f)
	}
	for _, a := range p.arrows {
		style := map[string]string{
			"needs": `color="#0969da"`, "reads": `style=dashed, color="#0969da"`, "awaits": `style=dotted`, "cancels": `style=dotted, arrowhead=tee`,
		}[a.word]
		d.edge(p.of[a.from], p.of[a.to], "label="+a.word, style)
	}
	d.line(0, "}")
	return d.b.String()
}

type dot struct {
	*picture
	b strings.Builder
}

func (d *dot) line(depth int, format string, args ...any) {
	d.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&d.b, format+"\n", args...)
}

func (d *dot) box(x *box, depth int) {
	label := quoteDot(x.label()...)
	color := ""
	for _, c := range statusColors() {
		if c.status == x.status {
			color = fmt.Sprintf("color=%q, penwidth=2", c.color)
		}
	}
	if len(x.inner()) == 0 {
		style := ""
		if x.step.Background {
			style = `, style="rounded,filled,dashed"`
		}
		if color != "" {
			style += ", " + color
		}
		d.line(depth, "%s [label=%s%s]", key(x), label, style)
		return
	}
	d.line(depth, "subgraph cluster_%s {", key(x))
	d.line(depth+1, "label=%s", label)
	if color != "" {
		d.line(depth+1, "graph [%s]", color)
	}
	for i, p := range x.parts {
		inner := depth + 1
		if p.word != "" {
			d.line(inner, "subgraph cluster_%sp%d {", key(x), i)
			inner++
			d.line(inner, "label=%s", quoteDot(plan.Clip(p.word, labelText)))
			d.line(inner, "style=dashed")
		}
		for _, y := range p.boxes {
			d.box(y, inner)
		}
		if p.word != "" {
			d.line(depth+1, "}")
		}
	}
	d.line(depth, "}")
}

func (d *dot) inTurn(x *box) {
	for _, p := range x.parts {
		p.follow(func(from, to *box, ready bool) {
			if ready {
				d.edge(from, to, "label=ready")
			} else {
				d.edge(from, to)
			}
		})
		for _, y := range p.boxes {
			d.inTurn(y)
		}
	}
}

func (d *dot) edge(from, to *box, words ...string) {
	if tail := from.end(false); tail != from {
		words = append(words, "ltail=cluster_"+key(from))
		from = tail
	}
	if head := to.end(true); head != to {
		words = append(words, "lhead=cluster_"+key(to))
		to = head
	}
	if len(words) == 0 {
		d.line(1, "%s -> %s", key(from), key(to))
	} else {
		d.line(1, "%s -> %s [%s]", key(from), key(to), strings.Join(words, ", "))
	}
}

// end is the first box in the body of x, or the last, that has none inside.
func (x *box) end(first bool) *box {
	for len(x.inner()) > 0 {
		inner := x.inner()
		if b := x.parts[0].boxes; len(b) > 0 {
			inner = b
		}
		if first {
			x = inner[0]
		} else {
			x = inner[len(inner)-1]
		}
	}
	return x
}

// quoteDot is a quoted label of lines. Graphviz reads the entities of HTML in it.
func quoteDot(lines ...string) string {
	text := strings.Join(lines, "\n")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;").Replace(text) + `"`
}
