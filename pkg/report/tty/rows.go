package tty

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/columns"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// row is a line of the tree.
type row struct {
	node   *node // whose row it is; nil: it stands for several
	state  state
	depth  int
	name   string
	detail string // what it does, or waits for
	line   string // the last line that it has printed
	time   string
	slow   bool // it takes longer than usual
	calm   bool // it has failed, and the run need not
	many   int  // it stands for so many steps; 0: for one
	rank   rank
}

// rank says which rows go first where there is no room for all.
type rank uint8

// The ranks: what is at work stays longest.
const (
	atWork rank = iota
	wentWrong
	waits
	wentWell
	toCome
	ranks
)

// maxWaiting is how many waiting children of a block are shown by themselves, and nextUp how many that are to come.
const (
	maxWaiting = 8
	nextUp     = 3
)

// picture collects the rows of a frame.
type picture struct {
	*tree
	now   time.Time
	usual History
	room  int // so many rows more are worth looking for
	rows  []row
}

// frame is the rows of the tree, at most height of them.
func (t *tree) frame(now time.Time, height int, h History) []row {
	if t.root == nil || height < 1 {
		return nil
	}
	p := &picture{tree: t, now: now, usual: h, room: 4 * height}
	p.inside(t.root, 0)
	rows, all := fit(p.rows, height)
	more := t.busy[running] + t.busy[stopping] + t.busy[ready] + t.busy[retrying]
	for i := range rows {
		r := &rows[i]
		if r.rank == atWork && (r.node == nil || works(r.node.def)) {
			more -= max(r.many, 1)
		}
		if r.node != nil {
			p.fill(r)
		}
	}
	if !all {
		rows = append(rows, others(running, more))
	}
	return rows
}

// fit leaves out rows until the others have room: of the rank that matters least, and of what is at work the deepest, from the
// bottom, so that the blocks stay. If not all of it has room, there is room for a row that says so.
func fit(rows []row, height int) (_ []row, all bool) {
	for r := ranks - 1; r > atWork && len(rows) > height; r-- {
		spare := len(rows) - height
		for i := len(rows) - 1; i >= 0 && spare > 0; i-- {
			if rows[i].rank == r {
				rows = slices.Delete(rows, i, i+1)
				spare--
			}
		}
	}
	if len(rows) <= height {
		return rows, true
	}
	deepest := 0
	for _, r := range rows {
		deepest = max(deepest, r.depth)
	}
	for ; deepest >= 0; deepest-- {
		for i := len(rows) - 1; i >= 0 && len(rows) >= height; i-- {
			if rows[i].depth == deepest {
				rows = slices.Delete(rows, i, i+1)
			}
		}
	}
	return rows, false
}

// others is a row for steps that are not shown by themselves.
func others(s state, n int) row { return row{state: s, name: fmt.Sprintf("%d more", n), many: n} }

func (p *picture) add(r row) {
	p.room--
	p.rows = append(p.rows, r)
}

// inside adds the children of n.
func (p *picture) inside(n *node, depth int) {
	f := n.below
	if f == nil {
		f = &family{}
	}
	show := slices.Clone(f.kept)
	for c := f.busy.first; c != nil && len(show) < p.room; c = c.next {
		show = append(show, c)
	}
	seen := len(show) - len(f.kept)
	if f.waiting.len <= maxWaiting {
		for c := f.waiting.first; c != nil; c = c.next {
			show = append(show, c)
		}
	}
	slices.SortStableFunc(show, func(a, b *node) int { return cmp.Compare(a.order, b.order) })
	for _, c := range show {
		p.add(row{node: c, state: c.state, depth: depth, rank: c.state.rank()})
		if p.room > 0 && !c.ended() {
			p.inside(c, depth+1)
		}
	}
	if more := f.busy.len - seen; more > 0 {
		r := others(running, more)
		r.depth = depth
		p.add(r)
	}
	if f.waiting.len > maxWaiting {
		first := f.waiting.first
		p.add(row{
			state: waiting, depth: depth, name: fmt.Sprintf("%d", f.waiting.len), detail: p.waitsFor(first),
			time: clock(p.now.Sub(first.times.since)), rank: waits, many: f.waiting.len,
		})
	}
	for _, s := range []state{succeeded, recovered, failed, late, cancelled, skipped} {
		if more := f.counted(s); more > 0 && (n.up != nil || generated(n.def)) {
			name := fmt.Sprintf("%d", more)
			if more < f.ended[s] {
				name += " more"
			}
			p.add(row{state: s, depth: depth, name: name, rank: s.rank(), many: more})
		}
	}
	if list, ok := n.def.Action().(*plan.Sequence); ok && p.stopped == "" {
		next := list.Items[min(f.begun, len(list.Items)):]
		for i, s := range next {
			if i == nextUp && len(next) > nextUp+1 {
				p.add(row{state: pending, depth: depth, name: fmt.Sprintf("%d more", len(next)-i), rank: toCome})
				break
			}
			p.add(row{state: pending, depth: depth, name: cmp.Or(s.ID, s.Piece), detail: p.does(s), rank: toCome})
		}
	}
}

// ended says whether n has ended.
func (n *node) ended() bool { return n.state >= succeeded }

// rank is that of the row of a step.
func (s state) rank() rank {
	switch {
	case s == waiting:
		return waits
	case s == failed || s == late:
		return wentWrong
	case s >= succeeded:
		return wentWell
	}
	return atWork
}

// fill says in its row what a step does.
func (p *picture) fill(r *row) {
	n := r.node
	r.name, r.time = p.label(n), clock(p.now.Sub(n.times.since))
	var details []string
	switch n.state {
	case waiting:
		details = append(details, p.waitsFor(n))
	case retrying:
		left := n.times.due.Sub(p.now)
		details = append(details, fmt.Sprintf("attempt %d%s in %s", n.try+1, of(n.def), clock(left)), n.note)
		r.time = clock(p.now.Sub(n.times.began))
	case running, stopping, ready:
		r.time = clock(p.now.Sub(n.times.began))
		if n.state == stopping {
			details = append(details, n.note)
		}
		if n.try > 1 {
			details = append(details, fmt.Sprintf("attempt %d%s", n.try, of(n.def)))
		}
		details = append(details, p.work(n, r)...)
	default:
		r.time, r.calm = "", r.rank == wentWrong && calm(n)
		if !n.times.began.IsZero() {
			r.time = clock(n.times.took)
		}
		if n.state == succeeded && n.try > 1 {
			details = append(details, fmt.Sprintf("in attempt %d", n.try))
		}
		details = append(details, n.note)
	}
	r.detail = strings.Join(slices.DeleteFunc(details, func(s string) bool { return s == "" }), ", ")
}

// work is what is said of a step at work: of a block how far it is, of another one its last line, or else what it does.
func (p *picture) work(n *node, r *row) []string {
	if p.usual != nil {
		if usual, known := p.usual.Usual(n.step); known {
			r.time += " / ~" + about(usual)
			r.slow = p.usual.Slow(n.step, p.now)
		}
	}
	if !works(n.def) {
		return []string{p.does(n.def), progress(n)}
	}
	if n.said != nil && n.said.last != "" {
		r.line = n.said.last
		return nil
	}
	return []string{p.does(n.def)}
}

// progress is how many children of a block have ended, of how many.
func progress(n *node) string {
	f := n.family()
	done := 0
	for _, x := range f.ended {
		done += x
	}
	total := "?"
	switch a := n.def.Action().(type) {
	case *plan.Sequence:
		total = fmt.Sprint(len(a.Items))
	case *plan.Join:
		switch {
		case a.Gen == nil:
			total = fmt.Sprint(len(a.Children))
		case !a.Lazy:
			total = fmt.Sprint(f.begun)
		}
	case *plan.Call:
		return ""
	}
	return fmt.Sprintf("%d/%s", done, total)
}

// label is what n is called below its parent.
func (p *picture) label(n *node) string {
	if n.name != "" {
		return n.name
	}
	path := n.path
	if n.up != nil && n.up.path != "" && strings.HasPrefix(path, n.up.path) {
		rest := path[len(n.up.path):]
		if strings.HasPrefix(rest, "[") {
			rest = n.up.path[strings.LastIndexByte(n.up.path, '.')+1:] + rest
		}
		path = strings.TrimPrefix(rest, ".")
	}
	return cmp.Or(path, "workflow")
}

// does is what a step does, in a few words.
func (p *picture) does(s *plan.Step) string {
	switch a := s.Action().(type) {
	case *plan.Sequence:
		return "steps"
	case *plan.Loop:
		return "for " + strings.Join(a.Gen.Vars, ", ")
	case *plan.Call:
		return "call " + a.Workflow.Title()
	case *plan.Join:
		text := a.Kind.String()
		if a.Gen != nil {
			text += " for " + strings.Join(a.Gen.Vars, ", ")
		}
		switch a.Return.Mode {
		case ast.FirstCompleted:
			text += " first_completed"
		case ast.FirstException:
			text += " first_exception"
		case ast.FirstSuccess:
			text += " first_success"
		}
		if n, ok := constant(a.Limit); ok {
			text += fmt.Sprintf(" limit %d", n)
		}
		return text
	default:
		text, more, _ := strings.Cut(p.plan.Action(p.plan.Main, s, plan.Notes{}), `\n`)
		if more != "" {
			text += " ..."
		}
		return text
	}
}

// of is how many attempts a step has, where the file says so.
func of(s *plan.Step) string {
	for n := s.Body; n != nil; n = plan.Inner(n) {
		if r, ok := n.(*plan.Retry); ok {
			if most, ok := constant(r.Attempts); ok {
				return fmt.Sprintf(" of %d", most)
			}
		}
	}
	return ""
}

// constant is a number that stands in the file.
func constant(v *plan.Value) (int, bool) {
	if v == nil || v.Src == nil {
		return 0, false
	}
	n, ok := v.Src.Const.(int)
	return n, ok
}

// waitsFor is what a step waits for, and who has it.
func (p *picture) waitsFor(n *node) string {
	const slot = "a slot of the limit"
	if n.note == slot && n.up != nil {
		text := "for a slot of " + p.label(n.up)
		var holders []*node
		for c := n.up.below.busy.first; c != nil && len(holders) < maxHolders+1; c = c.next {
			if c.state != retrying {
				holders = append(holders, c)
			}
		}
		return text + p.holders(holders, n.up.below.busy.len)
	}
	text := n.note
	if !strings.HasPrefix(text, "needs ") {
		text = "for " + text
	}
	if sem := p.semaphore(n.note); sem >= 0 && !strings.Contains(n.note, " held by ") {
		text += p.holders(p.held[sem], len(p.held[sem]))
	}
	return text
}

// maxHolders is how many of those are named who have what others wait for.
const maxHolders = 3

// holders says who they are.
func (p *picture) holders(list []*node, all int) string {
	if len(list) == 0 {
		return ""
	}
	var names []string
	for i, n := range list {
		if i == maxHolders {
			break
		}
		names = append(names, p.label(n))
	}
	text := ", held by " + strings.Join(names, ", ")
	if more := all - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func firstLine(s string) string {
	line, more, _ := strings.Cut(s, "\n")
	if more != "" {
		line += " ..."
	}
	return line
}

// about is a time that is not known exactly.
func about(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return tenths(d.Round(100 * time.Millisecond))
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Round(time.Second).Seconds()))
	}
	return plain.Duration(d)
}

// footer is the last line: how far the run is, and its time.
func (t *tree) footer(now time.Time, h History) (text, clocks string) {
	words := []string{t.plan.Main.Title() + " "}
	if t.stopped != "" {
		words[0] += " stopping: " + t.stopped
	}
	if t.root != nil {
		sum := t.root.family().sum
		done, open := 0, ""
		for _, x := range sum.ended {
			done += int(x)
		}
		if sum.open > 0 {
			open = "+"
		}
		words = append(words, fmt.Sprintf("%d/%d%s done", done, done+sum.ahead, open))
		for _, c := range []struct {
			n    int
			word string
		}{
			{t.busy[running], "running"},
			{t.busy[ready], "ready"},
			{t.busy[stopping], "stopping"},
			{t.busy[waiting], "waiting"},
			{t.busy[retrying], "in a pause"},
			{int(sum.ended[failed] + sum.ended[late]), "failed"},
		} {
			if c.n > 0 {
				words = append(words, fmt.Sprintf("%d %s", c.n, c.word))
			}
		}
		if t.stopped == "" {
			words[0] += " " + words[1]
			words = slices.Delete(words, 1, 2)
		}
	}
	clocks = clock(now.Sub(t.start))
	if h != nil && t.stopped == "" {
		if left, known := h.Left(now); known {
			clocks += ", about " + about(left) + " left"
		}
	}
	return strings.Join(words, " · "), clocks
}

// text is r as one line of the terminal, at most so many columns wide.
func (s *Screen) text(r row, spin, width int) string {
	l := looks[r.state]
	glyph := l.glyph
	if s.opt.ASCII {
		glyph = l.ascii
	}
	if r.state == running {
		glyph = s.spinner(spin)
	}
	const head = 1 + 1 + 9 + 2 // sign, word
	room := width - head
	if room < 1 {
		return s.paint(l.color, columns.Cut(glyph+" "+l.word, width, ""))
	}
	indent := strings.Repeat("  ", min(r.depth, room/6))
	name := indent + s.shown(r.name)
	right := ""
	if r.time != "" && room > 24 {
		right = "  " + r.time
	}
	room -= columns.Width(right)
	name = columns.Cut(name, room, s.dots())
	rest := room - columns.Width(name)
	detail := s.shown(r.detail)
	if r.line != "" {
		if detail != "" {
			detail += " "
		}
		detail += s.bar() + " " + s.shown(r.line)
	}
	if detail = columns.Cut(detail, rest-2, s.dots()); detail != "" {
		detail = "  " + detail
	}
	rest -= columns.Width(detail)
	if right != "" {
		right = strings.Repeat(" ", max(rest, 0)) + right
	}
	color, of := dim, l.color
	if r.calm {
		of = yellow
	}
	if r.slow {
		color = yellow
	}
	if r.state == failed || r.state == late {
		name = s.paint(bold, name)
	}
	if r.rank == toCome {
		name = s.paint(dim, name)
	}
	return s.paint(of, fmt.Sprintf("%s %-9s", glyph, l.word)) + "  " + name + s.paint(dim, detail) + s.paint(color, right)
}

// maxWidth is where the times stand on a wide terminal, near enough to the names.
const maxWidth = 120
