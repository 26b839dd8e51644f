package graph

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// svgBoxes is how many boxes a picture has at most: more can be drawn, but not be read.
const svgBoxes = 160

// The page that a picture should fit on, without becoming small: it is as wide as a screen, and one can scroll down. From left to
// right is what people know, so it may be smaller than down, by wayBack.
const (
	pageW   = 1100.0
	pageH   = 3000.0
	wayBack = 1.25
)

// drawSVG is a picture in a file that needs nothing else: no script, no font, no other file.
func drawSVG(pic *picture) string {
	pic.fold(svgBoxes)
	best, down := lay(pic, true), lay(pic, false)
	if down.scale() > best.scale()*wayBack {
		best = down
	}
	s := svg{layout: best, used: map[string]bool{}}
	return s.draw()
}

// scale is by how much the picture must be made smaller to fit on a page.
func (l *layout) scale() float64 { return min(1, pageW/l.w, pageH/l.h) }

// svg writes a picture.
type svg struct {
	*layout
	used map[string]bool // kinds of lines, which the legend has to explain, and statuses
	b    strings.Builder
}

func (s *svg) line(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

func (s *svg) draw() string {
	for _, c := range s.cells {
		s.paint(c)
	}
	for _, a := range s.arrows {
		from, to := s.of[a.from], s.of[a.to]
		if from != nil && to != nil && (a.word == "awaits" || a.word == "cancels") {
			s.arrow(s.at[from], s.at[to], a.word)
		}
	}
	s.legend()
	body := s.b.String()
	s.b.Reset()
	s.line(`<svg xmlns="http://www.w3.org/2000/svg" class="flowrun" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">`, s.w, s.h, s.w, s.h)
	s.line(`<title>%s</title>`, escape("The workflow "+s.flows[0].title))
	s.line(`<desc>%s</desc>`, escape(s.describe()))
	s.b.WriteString("<style>" + style)
	for _, c := range statusColors() {
		if s.used[c.status] {
			s.line(".flowrun .n > .s-%s { stroke: %s; stroke-width: 2 }", c.status, c.color)
		}
	}
	s.line("</style>")
	s.line(`<rect class="paper" width="%.0f" height="%.0f" rx="10"/>`, s.w, s.h)
	s.b.WriteString(body)
	s.line("</svg>")
	return s.b.String()
}

// describe is the picture in a sentence, for who cannot see it.
func (s *svg) describe() string {
	var out []string
	for _, f := range s.flows {
		var names []string
		for _, x := range f.inner() {
			name := x.called()
			if n := x.steps() - 1; n > 0 {
				name += " (" + x.kind + ", " + counted(n, "step") + ")"
			}
			names = append(names, name)
		}
		out = append(out, fmt.Sprintf("%s has %s: %s.", f.title, counted(f.steps()-1, "step"), strings.Join(names, ", ")))
	}
	return strings.Join(out, " ")
}

// paint draws c, the arrows in it, and then what is inside, so that arrows pass behind boxes.
func (s *svg) paint(c *cell) {
	s.box(c)
	for _, g := range c.groups {
		if g.part.word != "" {
			s.line(`<line class="cut" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, c.x, g.y-partHead, c.x+c.w, g.y-partHead)
			s.line(`<text class="p" x="%.1f" y="%.1f">%s</text>`, g.x, g.y-7, escape(fit(g.part.word, (c.w-2*padX)/11, false)))
		}
		s.group(g)
	}
}

func (s *svg) group(g *group) {
	for _, l := range g.lanes {
		s.lifeline(g, l)
	}
	g.part.follow(func(from, to *box, _ bool) {
		if g.part.left > 0 && to == g.part.boxes[len(g.part.boxes)-1] {
			s.arrow(s.at[from], g.left, "then")
			s.arrow(g.left, s.at[to], "then")
			return
		}
		s.arrow(s.at[from], s.at[to], "then")
	})
	if len(g.routes) > 0 {
		for _, a := range s.arrows {
			from, to := s.of[a.from], s.of[a.to]
			if route, here := g.routes[[2]*box{from, to}]; here {
				s.arrow(s.at[from], s.at[to], a.word, route...)
			}
		}
	}
	if r := g.left; g.part.left > 0 {
		s.line(`<rect class="more" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6"/>`, r.x, r.y, r.w, r.h)
		s.line(`<text class="m" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, r.x+r.w/2, r.y+r.h/2+4, more(g.part.left, "step"))
	}
	for _, c := range g.cells {
		if g.part.shape == each {
			for i := 2.0; i >= 0; i-- { // the last is the ground of the box, which one can see through
				s.line(`<rect class="deck" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6"/>`, c.x+i*deck, c.y+i*deck, c.w, c.h)
			}
		}
		s.paint(c)
	}
}

// point is a place in a path, so far along the flow and aside of it.
func (s *svg) point(along, aside float64) string {
	if !s.across {
		along, aside = aside, along
	}
	return fmt.Sprintf("%.1f %.1f", along, aside)
}

// spans are where r begins and ends along the flow, and aside of it.
func (s *svg) spans(r rect) (begin, end, top, bottom float64) {
	if s.across {
		return r.x, r.x + r.w, r.y, r.y + r.h
	}
	return r.y, r.y + r.h, r.x, r.x + r.w
}

// lifeline is where a background task lives behind its box.
func (s *svg) lifeline(g *group, l lane) {
	_, end, top, bottom := s.spans(l.of.rect)
	begin, _, _, _ := s.spans(g.rect)
	if upto, mid := begin+l.upto, (top+bottom)/2; upto > end+4 {
		s.line(`<path class="life" d="M%sL%s"/><path class="a" d="M%sL%s"/>`, s.point(end, mid), s.point(upto, mid), s.point(upto, mid-5), s.point(upto, mid+5))
	}
}

// arrow leads from one box to another, by places where it passes others.
func (s *svg) arrow(from, to rect, word string, route ...*rect) {
	s.used[word] = true
	_, x, top, bottom := s.spans(from)
	y := (top + bottom) / 2
	x2, _, top2, bottom2 := s.spans(to)
	if x2 < x {
		s.sideways(from, to, word)
		return
	}
	path := "M" + s.point(x, y)
	curve := func(x2, y2, short float64) {
		bend := max(14, (x2-x)/2)
		path += "C" + s.point(x+bend, y) + " " + s.point(x2-bend, y2) + " " + s.point(x2-short, y2)
	}
	for _, via := range route {
		begin, end, top, bottom := s.spans(*via)
		curve(begin, (top+bottom)/2, 0)
		x, y = end, (top+bottom)/2
		path += "L" + s.point(x, y)
	}
	y2 := (top2 + bottom2) / 2
	curve(x2, y2, 5)
	s.stroke(word, path, s.point(x2, y2), s.point(x2-7, y2-4), s.point(x2-7, y2+4))
}

// sideways is an arrow between boxes of which neither lies behind the other.
func (s *svg) sideways(from, to rect, word string) {
	begin, end, y, bottom := s.spans(from)
	begin2, end2, y2, bottom2 := s.spans(to)
	x, x2, way := (begin+end)/2, (begin2+end2)/2, -1.0
	if y2 > y {
		y, way = bottom, 1
	} else {
		y2 = bottom2
	}
	path := "M" + s.point(x, y) + "C" + s.point(x, y+way*20) + " " + s.point(x2, y2-way*20) + " " + s.point(x2, y2-way*5)
	s.stroke(word, path, s.point(x2, y2), s.point(x2-4, y2-way*7), s.point(x2+4, y2-way*7))
}

// stroke draws a path and the head at its end.
func (s *svg) stroke(word, path string, head ...string) {
	s.line(`<path class="a %s" d="%s"/><path class="h %s" d="M%sz"/>`, word, path, word, strings.Join(head, "L"))
}

// box draws the border and the words of c.
func (s *svg) box(c *cell) {
	x, r := c.box, c.rect
	class, rx := "card", 6.0
	if len(c.groups) > 0 {
		class, rx = "block", 8
	}
	if x.step.Background {
		class += " back"
		s.used["back"] = true
	}
	if x.status != "" {
		class += " s-" + x.status
		s.used[x.status] = true
	}
	s.line(`<g class="n k-%s"><title>%s</title>`, escape(x.kind), escape(tooltip(x)))
	s.line(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.0f"/>`, class, r.x, r.y, r.w, r.h, rx)
	y, w := r.y+padY, c.pill()
	for i, l := range c.lines {
		y += textH
		px, mono := l.size()
		room := r.w - 2*padX
		if i == 0 {
			room -= w + padY - 4
		}
		s.line(`<text class="%s" x="%.1f" y="%.1f">%s</text>`, l.class, r.x+padX, y-3, escape(fit(l.text, room/px, mono)))
	}
	s.line(`<rect class="pill" x="%.1f" y="%.1f" width="%.1f" height="15" rx="7.5"/><text class="k" x="%.1f" y="%.1f" text-anchor="middle">%s</text></g>`,
		r.x+r.w-w-padY, r.y+padY, w, r.x+r.w-w/2-padY, r.y+padY+11, escape(x.kind))
}

// tooltip is what a box says when a pointer rests on it.
func tooltip(x *box) string {
	out := x.called() + " (" + x.kind + ")\n" + x.step.Pos.String()
	for _, t := range append([]string{x.text}, x.words...) {
		if t != "" {
			out += "\n" + t
		}
	}
	return out
}

// legend says what the lines mean that are not plain.
func (s *svg) legend() {
	x, y := margin+padX, s.h
	entry := func(key, sample, text string) {
		if !s.used[key] {
			return
		}
		s.line(sample, x, y)
		s.line(`<text class="m" x="%.1f" y="%.1f">%s</text>`, x+30, y+4, text)
		x += 30 + width(text, false)*11 + 22
	}
	for _, w := range []struct{ word, says string }{
		{"needs", "needs"}, {"reads", "reads its result"}, {"awaits", "is awaited by"}, {"cancels", "is cancelled by"},
	} {
		entry(w.word, `<path class="a `+w.word+`" d="M%.1f %.1fh24"/>`, w.says)
	}
	entry("back", `<path class="life" d="M%.1f %.1fh24"/>`, "in the background")
	if s.left > 0 {
		s.line(`<text class="m" x="%.1f" y="%.1f">%s</text>`, x, y+4, more(s.left, "workflow"))
		x += 120
	}
	if x > margin+padX {
		s.h += 2 * textH
		s.w = max(s.w, x+margin)
	}
}

// escape is a text in XML. What XML cannot hold is not in it.
func escape(text string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("graph: " + err.Error())
	}
	return b.String()
}

// counted is a number of things.
func counted(n int, noun string) string { return strings.Replace(more(n, noun), " more", "", 1) }
