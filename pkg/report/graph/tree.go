package graph

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// How much of a text a line of the tree shows.
const (
	treeTitle = 60
	treeText  = 60
)

// drawTree is the nesting, a line for each step, complete:
//
//	checks  taskgroup  [timeout 1m]
//	├─ unit  run ./test
//	└─ smoke  run ./smoke  [needs unit]
func drawTree(p *picture) string {
	t := tree{needs: map[*box][]string{}}
	for _, a := range p.arrows {
		if a.word == "needs" || a.word == "reads" {
			to := p.of[a.to]
			t.needs[to] = append(t.needs[to], a.word+" "+p.of[a.from].called())
		}
	}
	for i, f := range p.flows {
		if i > 0 {
			t.b.WriteString("\n")
		}
		t.box(f, "", "")
	}
	return t.b.String()
}

type tree struct {
	b     strings.Builder
	needs map[*box][]string
}

// called is what a step is called where it is spoken of.
func (x *box) called() string {
	if x.step.ID != "" {
		return plan.Clip(x.step.ID, treeTitle)
	}
	return plan.Clip(x.path, treeTitle)
}

// box writes x behind head, and what is inside behind pad.
func (t *tree) box(x *box, head, pad string) {
	title := plan.Clip(x.title, treeTitle)
	if id := plan.Clip(x.step.ID, treeTitle); id != "" && id != title {
		title = id + " (" + title + ")"
	}
	t.b.WriteString(head + strings.TrimSpace(title+"  "+x.kind+" "+plan.Clip(x.text, treeText)))
	if words := append(t.needs[x], x.words...); len(words) > 0 {
		fmt.Fprintf(&t.b, "  [%s]", strings.Join(words, "; "))
	}
	t.b.WriteByte('\n')
	n := len(x.parts)
	for i, p := range x.parts {
		if p.word == "" {
			t.list(p, pad, i == n-1)
			continue
		}
		next := branch(&t.b, pad, i == n-1)
		t.b.WriteString(p.word + "\n")
		t.list(p, next, true)
	}
}

// list writes the steps of p; last: nothing comes behind them.
func (t *tree) list(p part, pad string, last bool) {
	for i, x := range p.boxes {
		mark := ""
		if p.shape == each {
			mark = "[*] "
		}
		var b strings.Builder
		next := branch(&b, pad, last && i == len(p.boxes)-1)
		t.box(x, b.String()+mark, next)
	}
}

// branch writes what leads to a line below pad, and is the pad of what is below that.
func branch(b *strings.Builder, pad string, last bool) string {
	if last {
		b.WriteString(pad + "└─ ")
		return pad + "   "
	}
	b.WriteString(pad + "├─ ")
	return pad + "│  "
}
