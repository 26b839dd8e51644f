package plain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// How much of a large failure is shown.
const (
	maxCauses = 10  // in the tree, and in full
	maxLevels = 6   // of the tree: causes that are deeper stand in its last level
	maxWidth  = 120 // of the text of a line of the tree
)

// verdict shows how the run ended, and why.
func (p *Printer) verdict(e event.Event) {
	word, color, glyph := e.Status.String(), green, "✓"
	switch e.Status {
	case event.Failed:
		color, glyph = red, "✗"
	case event.Cancelled:
		color, glyph = yellow, "⊘"
		if c := e.Cause.String(); c != "" {
			word += " by " + c
		}
	}
	if !p.opt.Quiet {
		p.out.WriteString("\n")
	}
	text := fmt.Sprintf("%s %s %s in %s", glyph, p.label(""), word, Duration(e.Time.Sub(p.start)))
	p.out.WriteString(p.paint(color, clean(text, false)))
	if counts := p.tally.String(); counts != "" {
		p.out.WriteString(": " + counts)
	}
	p.out.WriteString("\n")
	if p.errors > 0 {
		fmt.Fprintf(p.out, "%s returned as %s\n", count(p.errors, "error"), plural(p.errors, "a value", "values"))
	}
	if e.Err != nil {
		p.causes(e.Err)
	}
	if e.Status != event.Succeeded && p.opt.Again != "" && !p.opt.Quiet {
		p.out.WriteString("\nagain: ")
		for line := range strings.Lines(p.opt.Again) { // one in quotes may have several
			p.out.WriteString(clean(strings.TrimSuffix(line, "\n"), false) + "\n")
		}
	}
}

// causes shows the tree of an error and each of its leaves in full.
func (p *Printer) causes(e *event.Error) {
	root := fold(e)
	leaves := root.leaves(nil)
	if len(leaves) > 1 {
		fmt.Fprintf(p.out, "\n%s\n", p.paint(bold, count(len(leaves), "cause")))
		name := p.label(root.err.Step)
		if root.siblings {
			name = p.label("")
		}
		fmt.Fprintf(p.out, "%s  %s\n", name, clean(root.title(), false))
		p.tree(root, 1, "")
	}
	for i, n := range leaves {
		if i == maxCauses {
			fmt.Fprintf(p.out, "\n... and %d more\n", len(leaves)-i)
			break
		}
		p.cause(n, len(leaves) > 1)
	}
}

// branch is an error in the tree that is shown: a cause, or a group of at least two.
type branch struct {
	err    *event.Error
	number int // from 1 in the order of the tree; of a group that of its first cause
	causes int // in it
	below  []*branch
	// siblings: an error that came out of a block, and those that did not. The block is not known.
	siblings bool
}

// fold makes the tree of e. A chain of groups with one member each becomes that member; the errors that a gather kept
// beside the one that came out stand beside it.
func fold(e *event.Error) *branch {
	var below []*branch
	for _, m := range e.Errors {
		below = append(below, fold(m))
	}
	b := &branch{err: e, below: below}
	if e.IsGroup() && len(below) == 1 && e.Cleanup == nil {
		b = below[0]
	}
	if len(e.Others) == 0 {
		return b
	}
	all := &branch{err: e, below: []*branch{b}, siblings: true}
	for _, o := range e.Others {
		all.below = append(all.below, fold(o))
	}
	return all
}

// leaves lists the causes below b, and numbers all.
func (b *branch) leaves(list []*branch) []*branch {
	b.number = len(list) + 1
	if len(b.below) == 0 {
		list = append(list, b)
	}
	for _, c := range b.below {
		list = c.leaves(list)
	}
	b.causes = len(list) + 1 - b.number
	return list
}

// flat appends the causes below b, up to the first that is not shown.
func (b *branch) flat(list []*branch) []*branch {
	if len(b.below) == 0 {
		return append(list, b)
	}
	for _, c := range b.below {
		if list = c.flat(list); list[len(list)-1].number > maxCauses {
			break
		}
	}
	return list
}

func (b *branch) title() string {
	if b.siblings {
		return fmt.Sprintf("%d steps failed", len(b.below))
	}
	text := headline(b.err)
	if b.err.Cleanup != nil && len(b.below) > 0 {
		text += "; its cleanup failed, too: " + headline(b.err.Cleanup)
	}
	return text
}

// tree shows what is below b, which is on that level, up to the last cause that is shown in full.
func (p *Printer) tree(b *branch, level int, indent string) {
	below := b.below
	if level == maxLevels && len(below) > 0 {
		below = b.flat(nil)
	}
	for i, c := range below {
		if c.number > maxCauses {
			fmt.Fprintf(p.out, "%s└─ ... and %d more\n", indent, b.number+b.causes-c.number)
			return
		}
		glyph, deeper := "├─ ", "│  "
		if i == len(below)-1 {
			glyph, deeper = "└─ ", "   "
		}
		line := c.title()
		if !c.siblings {
			line = p.label(c.err.Step) + "  " + line
		}
		at := ""
		if len(c.below) == 0 {
			line = fmt.Sprintf("[%d] %s", c.number, line)
			if at = p.place(c.err); at != "" {
				at = "  " + at
			}
		}
		p.out.WriteString(indent + glyph + begin(clean(line, false), maxWidth) + clean(at, false) + "\n")
		p.tree(c, level+1, indent+deeper)
	}
}

// place is file:line:col of the step that raised e.
func (p *Printer) place(e *event.Error) string {
	if f := p.failed[e.Step]; f != nil {
		return f.step.Pos.String()
	}
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d:%d", p.plan.File, e.Line, e.Column)
	}
	return ""
}

// cause shows one error in full, with its number in the tree if there is one.
func (p *Printer) cause(b *branch, numbered bool) {
	e := b.err
	title := fmt.Sprintf("%s: %s: ", p.label(e.Step), e.Type)
	if numbered {
		title = fmt.Sprintf("[%d] %s", b.number, title)
	}
	lines := strings.Split(e.Message, "\n")
	fmt.Fprintf(p.out, "\n%s%s\n", p.paint(red, title), clean(lines[0], false))
	for _, l := range lines[1:] {
		fmt.Fprintf(p.out, "    %s\n", clean(l, false))
	}
	f := p.failed[e.Step]
	var facts []string
	if at := p.place(e); at != "" {
		facts = append(facts, at)
	}
	if f != nil {
		if f.attempts > 1 {
			facts = append(facts, fmt.Sprintf("%d attempts", f.attempts))
		}
		facts = append(facts, Duration(f.duration))
	}
	if code, ok := e.Fields["exit_code"]; ok {
		facts = append(facts, fmt.Sprintf("exit code %v", code))
	}
	if signal, ok := e.Fields["signal"]; ok {
		facts = append(facts, fmt.Sprintf("signal %v", signal))
	}
	if len(facts) > 0 {
		fmt.Fprintf(p.out, "    %s\n", clean(strings.Join(facts, ", "), false))
	}
	for _, note := range notes(e) {
		fmt.Fprintf(p.out, "    %s\n", clean(note, false))
	}
	if f != nil && f.said != nil {
		p.tail(f)
	}
}

// notes are the errors that hang on e without being its causes.
func notes(e *event.Error) []string {
	var out []string
	if e.Cause != nil && e.Type != event.ServiceError { // its own message says how the service ended
		out = append(out, "the last attempt failed: "+headline(e.Cause))
	}
	if e.Cleanup != nil {
		out = append(out, "its cleanup failed, too: "+headline(e.Cleanup))
	}
	return out
}

// tail shows the last lines that a step printed, and where the others are.
func (p *Printer) tail(f *failure) {
	t := f.said
	switch {
	case t.skipped:
		p.lines("the last lines of its output:", t.last)
		p.lines("the last lines of its stderr:", t.stderr)
	case t.lines > len(t.last):
		p.lines(fmt.Sprintf("the last %d of %d lines of its output:", len(t.last), t.lines), t.last)
	default:
		p.lines("its output:", t.last)
		return
	}
	for i, stream := range [...]string{"stdout", "stderr"} {
		if t.streams[i] && f.log != "" {
			fmt.Fprintf(p.out, "    all of it: %s.%s\n", f.log, stream)
		}
	}
}

// lines shows what a step printed, but for empty lines.
func (p *Printer) lines(title string, all []string) {
	all = slices.DeleteFunc(slices.Clone(all), func(l string) bool { return strings.TrimSpace(l) == "" })
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(p.out, "    %s\n", title)
	for _, l := range all {
		fmt.Fprintf(p.out, "    | %s\n", l)
		if p.opt.Color && strings.Contains(l, "\x1b") {
			p.out.WriteString(reset)
		}
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	for _, u := range [...]struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
