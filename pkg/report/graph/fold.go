package graph

import (
	"cmp"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// A list shows at least minShown steps, and when they run one after the other at most maxInTurn: nobody follows more arrows.
const (
	minShown  = 6
	maxInTurn = 30
)

// fold leaves out steps until about most boxes are left, and says in their place how many they were. Blocks become one box,
// the deepest first and of those the largest; when there is none left, lists lose what stands between their first steps and
// the last. The body of a workflow is never one box: something is always to be seen.
func (p *picture) fold(most int) {
	if len(p.flows) > most {
		p.left = len(p.flows) - most
		p.flows = p.flows[:most]
	}
	n := 0
	var levels [][]*box // the blocks by how deep they lie
	for _, f := range p.flows {
		f.shorten()
		n += f.size()
		levels = f.blocks(0, levels)
	}
	for depth := len(levels) - 1; depth > 0; depth-- {
		slices.SortStableFunc(levels[depth], func(x, y *box) int { return cmp.Compare(y.size(), x.size()) })
		for _, x := range levels[depth] {
			if n <= most {
				break
			}
			n -= x.size() - 1
			x.folded, x.parts = x.steps()-1, nil
		}
	}
	if n > most {
		for _, f := range p.flows {
			f.cut(max(minShown, most*f.size()/n))
		}
	}
	p.of = p.visible()
}

// blocks adds x, which lies so deep, and the blocks inside it to levels.
func (x *box) blocks(depth int, levels [][]*box) [][]*box {
	inner := x.inner()
	if len(inner) == 0 {
		return levels
	}
	if depth == len(levels) {
		levels = append(levels, nil)
	}
	levels[depth] = append(levels[depth], x)
	for _, y := range inner {
		levels = y.blocks(depth+1, levels)
	}
	return levels
}

// steps is how many steps x is with all inside it, drawn or not.
func (x *box) steps() int {
	n := 1 + x.folded
	for _, p := range x.parts {
		n += p.left
		for _, y := range p.boxes {
			n += y.steps()
		}
	}
	return n
}

// shorten cuts the lists in x that are too long to be followed.
func (x *box) shorten() {
	for i := range x.parts {
		if x.parts[i].shape == inTurn {
			x.parts[i].cut(maxInTurn)
		}
	}
	for _, y := range x.inner() {
		y.shorten()
	}
}

// cut leaves n steps of the longest list of x.
func (x *box) cut(n int) {
	if len(x.parts) == 0 {
		return
	}
	longest := 0
	for i, p := range x.parts {
		if len(p.boxes) > len(x.parts[longest].boxes) {
			longest = i
		}
	}
	x.parts[longest].cut(n)
}

// cut leaves n steps of p: the first ones, and of those in turn the last.
func (p *part) cut(n int) {
	if len(p.boxes) <= n {
		return
	}
	var last []*box
	if p.shape == inTurn {
		n--
		last = p.boxes[len(p.boxes)-1:]
	}
	for _, x := range p.boxes[n : len(p.boxes)-len(last)] {
		p.left += x.steps()
	}
	p.boxes = append(p.boxes[:n:n], last...)
}

// visible are the boxes that are left, by their steps.
func (p *picture) visible() map[*plan.Step]*box {
	out := map[*plan.Step]*box{}
	var walk func(x *box)
	walk = func(x *box) {
		out[x.step] = x
		for _, y := range x.inner() {
			walk(y)
		}
	}
	for _, f := range p.flows {
		walk(f)
	}
	return out
}
