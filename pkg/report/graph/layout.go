package graph

import (
	"cmp"
	"slices"
	"strings"
)

// The layout: a list runs along one axis (the flow), what runs at the same time lies along the other. A child that needs another stands one
// layer further along the flow. Background tasks lie in lanes beside the list, from where they begin to its end.
//
//	┌ checks ───────────────┐
//	│ ┌build┐──▶┌smoke┐     │    ┌────────┐
//	│ ┌vet──┐               │──▶ │publish │
//	└───────────────────────┘    └────────┘
//	 ┌db┐┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈

// Sizes of a picture.
const (
	margin   = 14.0
	cardMin  = 108.0
	cardMax  = 244.0
	padX     = 12.0 // between the border of a box and what is in it
	titleH   = 18.0
	textH    = 16.0
	padY     = 8.0
	gapFlow  = 34.0 // between steps in turn: room for an arrow
	gapSide  = 12.0 // between steps side by side
	partHead = 20.0
	longSide = 900.0 // a layer that is longer is broken into several
	deck     = 4.0   // by how much the boxes of a generator lie behind each other
)

// rect is where something lies; of what is inside a box relative to it, until place.
type rect struct{ x, y, w, h float64 }

// cell is a box with its place.
type cell struct {
	rect
	box    *box
	text   rect // of its own words
	lines  []lineOf
	groups []*group
}

// lineOf is one line of text in a box: a title, code, or what modifies it.
type lineOf struct {
	class string
	text  string
}

// size is the height of its letters, and whether they are all of one width.
func (l lineOf) size() (px float64, mono bool) {
	if l.class == "t" {
		return 13, false
	}
	return 11, l.class == "c"
}

// width is that of l, cut to at most room.
func (l lineOf) width(room float64) float64 {
	px, mono := l.size()
	return min(width(l.text, mono)*px, room)
}

// group is a part with its place.
type group struct {
	rect
	part  part
	cells []*cell
	lanes []lane // the lifelines of background tasks
	// routes are where an arrow passes the layers between its ends, by these.
	routes map[[2]*box][]*rect
	left   rect // of what stands for the steps that are left out
}

// lane is where a background task lives on behind its box.
type lane struct {
	of   *cell
	upto float64
}

// layout places boxes along its flow.
type layout struct {
	*picture
	across bool            // the flow goes from left to right; else down
	needs  map[*box][]*box // those beside it that a step needs or reads
	ended  map[*box][]*box // the tasks that have ended when an await or a cancel has
	cells  []*cell         // of the workflows
	at     map[*box]rect   // where everything is, at last
	w, h   float64
}

// lay gives every box its place.
func lay(p *picture, across bool) *layout {
	l := &layout{picture: p, across: across, needs: map[*box][]*box{}, ended: map[*box][]*box{}, at: map[*box]rect{}}
	for _, a := range p.arrows {
		from, to := p.of[a.from], p.of[a.to]
		switch {
		case from == nil || to == nil:
		case a.word == "needs" || a.word == "reads":
			l.needs[to] = append(l.needs[to], from)
		default:
			l.ended[to] = append(l.ended[to], from)
		}
	}
	l.h = margin
	for _, f := range p.flows {
		c := l.cell(f)
		l.place(c, margin, l.h)
		l.h += c.h + margin
		l.w = max(l.w, c.w+2*margin)
		l.cells = append(l.cells, c)
	}
	return l
}

// place puts c, whose inside knows only where it is in c, where it is in the picture.
func (l *layout) place(c *cell, x, y float64) {
	c.x, c.y = x, y
	l.at[c.box] = c.rect
	for _, g := range c.groups {
		g.x, g.y = g.x+x, g.y+y
		g.left.x, g.left.y = g.left.x+g.x, g.left.y+g.y
		for _, route := range g.routes { // each by itself: the order does not matter
			for _, via := range route {
				via.x, via.y = via.x+g.x, via.y+g.y
			}
		}
		for _, inner := range g.cells {
			l.place(inner, inner.x+g.x, inner.y+g.y)
		}
	}
}

// along and aside are the sides of a rect in the directions of the flow and of what runs at the same time.
func (l *layout) along(r *rect) (pos, size *float64) {
	if l.across {
		return &r.x, &r.w
	}
	return &r.y, &r.h
}

func (l *layout) aside(r *rect) (pos, size *float64) {
	if l.across {
		return &r.y, &r.h
	}
	return &r.x, &r.w
}

// cell lays out x and all inside it.
func (l *layout) cell(x *box) *cell {
	c := &cell{box: x}
	c.words()
	c.w, c.h = c.text.w, c.text.h
	y := c.text.h
	for _, p := range x.parts {
		if len(p.boxes) == 0 {
			continue
		}
		g := l.group(p)
		if p.word != "" {
			y += partHead
			c.w = max(c.w, min(width(p.word, false)*11, cardMax)+2*padX)
		}
		g.x, g.y = padX, y
		y += g.h + padX
		c.w = max(c.w, g.w+2*padX)
		c.groups = append(c.groups, g)
	}
	c.h = y
	for _, g := range c.groups {
		if g.part.word == "" && len(x.parts) == 1 {
			g.x = (c.w - g.w) / 2
		}
	}
	return c
}

// group lays out the steps of p.
func (l *layout) group(p part) *group {
	g := &group{part: p}
	for _, x := range p.boxes {
		g.cells = append(g.cells, l.cell(x))
	}
	switch p.shape {
	case beside:
		l.beside(g)
	case each:
		c := g.cells[0]
		g.w, g.h = c.w+2*deck, c.h+2*deck
	default:
		l.inTurn(g)
	}
	return g
}

// inTurn lays out a list.
func (l *layout) inTurn(g *group) {
	if !l.across {
		widest := 0.0
		for _, c := range g.cells {
			if len(c.groups) == 0 && !c.box.step.Background {
				widest = max(widest, c.w)
			}
		}
		for _, c := range g.cells {
			if !c.box.step.Background {
				c.stretch(widest)
			}
		}
	}
	middle := 0.0 // of the lane of those that are waited for
	for _, c := range g.cells {
		if _, size := l.aside(&c.rect); !c.box.step.Background {
			middle = max(middle, *size/2)
		}
	}
	at, end, lanes := 0.0, 0.0, 2*middle
	for i, c := range g.cells {
		pos, size := l.along(&c.rect)
		side, thick := l.aside(&c.rect)
		if i == len(g.cells)-1 && g.part.left > 0 {
			g.left = rect{w: cardMin, h: titleH + 2*padY}
			p, s := l.along(&g.left)
			*p = at
			q, t := l.aside(&g.left)
			*q = middle - *t/2
			at += *s + gapFlow
		}
		*pos = at
		if !c.box.step.Background {
			*side = middle - *thick/2
			at += *size + gapFlow
			end = max(end, *pos+*size)
			continue
		}
		if lanes > 0 {
			lanes += gapSide
		}
		*side = lanes
		lanes += *thick
		end = max(end, *pos+*size)
		if c.box.step.Ready != nil {
			at += *size + gapFlow
		}
	}
	for _, c := range g.cells {
		if c.box.step.Background {
			g.lanes = append(g.lanes, lane{of: c, upto: l.ends(c.box, g, end)})
		}
	}
	l.close(g, end, lanes)
}

// ends is where a background task of g ends: at a step of the list that awaits or cancels it, else with the list.
func (l *layout) ends(task *box, g *group, end float64) float64 {
	for _, c := range g.cells {
		if slices.Contains(l.ended[c.box], task) {
			pos, size := l.along(&c.rect)
			return *pos + *size
		}
	}
	return end
}

// close gives g the size that it has along the flow and aside.
func (l *layout) close(g *group, along, aside float64) {
	if l.across {
		g.w, g.h = along, aside
	} else {
		g.w, g.h = aside, along
	}
}

// slot is a place in a layer: of a child, or where an arrow passes that leads further.
type slot struct {
	*rect
	cell  *cell   // nil: an arrow passes
	after []*slot // those in the layer before that lead to it
	mid   float64 // how far its middle is from that of the layer
}

// viaH is the room that an arrow has.
const viaH = 4.0

// beside lays out what runs at the same time: in layers, each behind those that it needs.
func (l *layout) beside(g *group) {
	layers := l.layers(g)
	at, widest := 0.0, 0.0
	var rows []*row
	for i, layer := range layers {
		if i > 0 {
			slices.SortStableFunc(layer, func(a, b *slot) int { return cmp.Compare(a.mean(), b.mean()) })
			at += gapFlow - gapSide
		}
		for side := 0.0; len(layer) > 0; {
			r := l.row(layer)
			r.place(l, at)
			side = max(side, r.side)
			r.side = side // the second row of a layer begins where the first does
			rows = append(rows, r)
			widest = max(widest, side)
			at += r.thick + gapSide
			layer = layer[len(r.slots):]
		}
	}
	for _, r := range rows { // in the middle
		for _, s := range r.slots {
			pos, _ := l.aside(s.rect)
			*pos += (widest - r.side) / 2
		}
	}
	if g.part.left > 0 {
		g.left = rect{w: cardMin, h: titleH + 2*padY}
		pos, size := l.along(&g.left)
		*pos = at
		at += *size + gapSide
		side, thick := l.aside(&g.left)
		widest = max(widest, *thick)
		*side = (widest - *thick) / 2
	}
	l.close(g, max(0, at-gapSide), widest)
}

// layers are the children of g, each behind all that it needs, and the places where an arrow passes a layer.
func (l *layout) layers(g *group) [][]*slot {
	g.routes = map[[2]*box][]*rect{}
	depth := map[*box]int{}
	var deep func(x *box) int
	deep = func(x *box) int {
		d, known := depth[x]
		if !known {
			for _, n := range l.needs[x] {
				d = max(d, deep(n)+1)
			}
			depth[x] = d
		}
		return d
	}
	var out [][]*slot
	slots := map[*box]*slot{}
	for _, c := range g.cells {
		d := deep(c.box)
		for len(out) <= d {
			out = append(out, nil)
		}
		s := &slot{rect: &c.rect, cell: c}
		slots[c.box] = s
		out[d] = append(out[d], s)
	}
	for _, c := range g.cells {
		for _, n := range l.needs[c.box] {
			last := slots[n]
			if last == nil {
				continue // it is left out
			}
			route := []*rect{}
			for d := depth[n] + 1; d < depth[c.box]; d++ {
				via := &slot{rect: &rect{w: viaH, h: viaH}, after: []*slot{last}}
				out[d] = append(out[d], via)
				route = append(route, via.rect)
				last = via
			}
			g.routes[[2]*box{n, c.box}] = route
			slots[c.box].after = append(slots[c.box].after, last)
		}
	}
	return slices.DeleteFunc(out, func(layer []*slot) bool { return len(layer) == 0 })
}

// mean is where s would best stand: in the middle of those that lead to it.
func (s *slot) mean() float64 {
	sum := 0.0
	for _, a := range s.after {
		sum += a.mid
	}
	return sum / float64(max(1, len(s.after)))
}

// row is a layer, or as much of one as has room.
type row struct {
	slots       []*slot
	side, thick float64
}

// row is the begin of a layer, as long as it may be.
func (l *layout) row(layer []*slot) *row {
	r := &row{}
	for _, s := range layer {
		pos, size := l.aside(s.rect)
		if len(r.slots) > 0 {
			if r.side+gapSide+*size > longSide {
				break
			}
			r.side += gapSide
		}
		*pos = r.side
		r.side += *size
		_, thick := l.along(s.rect)
		r.thick = max(r.thick, *thick)
		r.slots = append(r.slots, s)
	}
	return r
}

// place puts r at a place along the flow.
func (r *row) place(l *layout, at float64) {
	for _, s := range r.slots {
		side, size := l.aside(s.rect)
		s.mid = *side + *size/2 - r.side/2
		pos, thick := l.along(s.rect)
		*pos = at
		switch {
		case s.cell == nil:
			*thick = r.thick
		case l.across:
			s.cell.stretch(r.thick)
		}
	}
}

// stretch makes a card as wide as those beside it.
func (c *cell) stretch(w float64) {
	if len(c.groups) == 0 {
		c.w, c.text.w = w, w
	}
}

// words are the lines of a box and their size.
func (c *cell) words() {
	x := c.box
	const room = cardMax - 2*padX
	if x.title != "" {
		c.lines = append(c.lines, lineOf{"t", x.title})
	}
	if x.text != "" {
		c.lines = append(c.lines, lineOf{"c", x.text})
	}
	words := x.words
	if x.folded > 0 {
		words = append(words[:len(words):len(words)], counted(x.folded, "step")+" inside")
	}
	last := lineOf{class: "m"}
	for _, w := range words {
		longer := lineOf{"m", strings.TrimPrefix(last.text+" · "+w, " · ")}
		if last.text != "" && longer.width(2*room) > room {
			c.lines = append(c.lines, last)
			longer.text = w
		}
		last = longer
	}
	if last.text != "" {
		c.lines = append(c.lines, last)
	}
	for i, l := range c.lines {
		need := l.width(room) + 2*padX
		if i == 0 {
			need += c.pill() + padY
		}
		c.text.w = max(c.text.w, need)
	}
	c.text.w = max(cardMin, c.text.w, c.pill()+2*padX)
	c.text.h = 2*padY + float64(max(1, len(c.lines)))*textH + 2
}

// pill is the width of the sign that says the kind.
func (c *cell) pill() float64 { return width(c.box.kind, false)*10 + 12 }
