package plain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
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
	root := ending.Causes(p.run)
	if root != nil && p.opt.Frame != nil {
		p.mark(root)
	}
	took := e.Time.Sub(p.run.Started)
	text := p.paint(color, clean(fmt.Sprintf("%s %s %s in %s", glyph, p.label(""), word, Duration(took)), false))
	if counts := p.counts(); counts != "" {
		text += ": " + counts
	}
	if p.opt.Frame != nil {
		p.out.whole(p.opt.Frame.Verdict(inert(clean(text, p.opt.Color))))
	} else {
		p.out.WriteString(text + "\n")
	}
	if p.errors > 0 {
		fmt.Fprintf(p.out, "%s returned as %s\n", count(p.errors, "error"), plural(p.errors, "a value", "values"))
	}
	if root != nil {
		p.causes(root)
	}
	if p.opt.Quiet {
		return
	}
	p.summary(e.Status, took)
	p.artifacts()
	if e.Status == event.Succeeded {
		return
	}
	next := [...]struct{ what, command string }{{what: "what failed", command: p.opt.Failed}, {what: "again"}}
	if p.opt.Again != nil {
		next[1].command = p.opt.Again()
	}
	if next[0].command != "" || next[1].command != "" {
		p.out.WriteString("\n")
	}
	for _, n := range next {
		if n.command == "" {
			continue
		}
		p.out.WriteString(n.what + ": ")
		for line := range strings.Lines(n.command) { // one in quotes may have several
			p.out.WriteString(clean(strings.TrimSuffix(line, "\n"), false) + "\n")
		}
	}
}

// counts says how many steps ended in which way: 3 succeeded (1 after a retry), 1 failed.
func (p *Printer) counts() string {
	var words []string
	for s := event.Succeeded; s <= event.Skipped; s++ {
		n := p.run.Root.Counts[s]
		if n == 0 {
			continue
		}
		word := fmt.Sprintf("%d %s", n, s)
		if s == event.Succeeded && p.retries {
			if n := ending.Retried(p.run); n > 0 {
				word += fmt.Sprintf(" (%d after %s)", n, plural(n, "a retry", "retries"))
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// mark marks the first causes at their places in the files, as the CI does that.
func (p *Printer) mark(root *ending.Cause) {
	first := root.First(maxCauses)
	for i, c := range first {
		text := headline(c.Err)
		if c.Step != nil && c.Step.Tries > 1 {
			text += fmt.Sprintf("; %d attempts", c.Step.Tries)
		}
		if said := p.said(c); said != nil && len(said.last) > 0 {
			last := said.last
			if len(said.stderr) > 0 {
				last = said.stderr
			}
			text += "; its last line: " + begin(last[len(last)-1], maxWidth)
		}
		if n := len(c.Alike); n > 0 {
			text += fmt.Sprintf("; and so %s", others(n))
		}
		if more := root.Causes - len(first); i == len(first)-1 && more > 0 {
			text += fmt.Sprintf("; and %d more causes", more)
		}
		at := c.Place(p.plan)
		p.out.whole(p.opt.Frame.Cause(Inert(at.File), at.Line, at.Col, flat(p.label(c.Err.Step)+" failed"), flat(text)))
	}
}

func others(n int) string { return plural(n, "1 other", fmt.Sprintf("%d others", n)) }

// flat is a text in one line, inert.
func flat(text string) string { return inert(clean(strings.ReplaceAll(text, "\n", " "), false)) }

// causes shows the tree of the causes, and each of them in full.
func (p *Printer) causes(root *ending.Cause) {
	if root.Causes > 1 {
		title := count(root.All, "cause")
		if root.All > root.Causes {
			title += fmt.Sprintf(", %d different", root.Causes)
		}
		fmt.Fprintf(p.out, "\n%s\n", p.paint(bold, title))
		name := p.label(root.Err.Step)
		if root.Siblings {
			name = p.label("")
		}
		fmt.Fprintf(p.out, "%s  %s\n", name, clean(titleOf(root), false))
		p.tree(root, 1, "")
	}
	for _, c := range root.First(maxCauses) {
		p.cause(c, root.Causes > 1)
	}
	if root.Causes > maxCauses {
		fmt.Fprintf(p.out, "\n... and %d more\n", root.Causes-maxCauses)
	}
}

func titleOf(c *ending.Cause) string {
	if c.Siblings {
		return fmt.Sprintf("%d steps failed", c.All)
	}
	text := headline(c.Err)
	if c.Err.Cleanup != nil && len(c.Below) > 0 {
		text += "; its cleanup failed, too: " + headline(c.Err.Cleanup)
	}
	return text
}

// tree shows what is below c, which is on that level, up to the last cause that is shown in full.
func (p *Printer) tree(c *ending.Cause, level int, indent string) {
	below := c.Below
	if level == maxLevels && len(below) > 0 {
		below = c.First(maxCauses + 1)
	}
	for i, x := range below {
		if x.Number > maxCauses {
			fmt.Fprintf(p.out, "%s└─ ... and %d more\n", indent, c.Number+c.Causes-x.Number)
			return
		}
		glyph, deeper := "├─ ", "│  "
		if i == len(below)-1 {
			glyph, deeper = "└─ ", "   "
		}
		line := titleOf(x)
		if !x.Siblings {
			line = p.label(x.Err.Step) + "  " + line
			if at := ending.Position(x.Step); at != "" && len(x.Below) == 0 {
				line = at + " " + line
			}
		}
		at := ""
		if len(x.Below) == 0 {
			line = fmt.Sprintf("[%d] %s", x.Number, line)
			if at = x.Place(p.plan).String(); at != "" {
				at = "  " + at
			}
			if n := len(x.Alike); n > 0 {
				at += "  and so " + others(n)
			}
		}
		p.out.WriteString(indent + glyph + begin(clean(line, false), maxWidth) + clean(at, false) + "\n")
		p.tree(x, level+1, indent+deeper)
	}
}

// said is what the step of c has said; nil: nothing.
func (p *Printer) said(c *ending.Cause) *talk {
	if f := p.failed[c.Err.Step]; f != nil {
		return f.said
	}
	return nil
}

// cause shows one error in full, with its number in the tree if there is one.
func (p *Printer) cause(c *ending.Cause, numbered bool) {
	e := c.Err
	title := fmt.Sprintf("%s: %s: ", p.label(e.Step), e.Type)
	if numbered {
		title = fmt.Sprintf("[%d] %s", c.Number, title)
	}
	lines := strings.Split(e.Message, "\n")
	fmt.Fprintf(p.out, "\n%s%s\n", p.paint(red, title), clean(lines[0], false))
	for _, l := range lines[1:] {
		p.indented(l)
	}
	if facts := p.facts(c); len(facts) > 0 {
		p.indented(strings.Join(facts, ", "))
	}
	if p.opt.Excerpt != nil {
		for line := range strings.Lines(p.opt.Excerpt(c.Action(p.plan))) {
			fmt.Fprintf(p.out, "    %s", line)
		}
	}
	if n := len(c.Alike); n > 0 {
		p.indented("and so " + p.names(c.Alike))
	}
	for _, note := range append(notes(e), attempts(c)...) {
		p.indented(note)
	}
	if f := p.failed[e.Step]; f != nil && f.said != nil {
		p.tail(f)
	}
	for _, hint := range c.Hints() {
		p.indented("hint: " + hint)
	}
}

func (p *Printer) indented(text string) { fmt.Fprintf(p.out, "    %s\n", clean(text, false)) }

// facts are where and how the step of a cause failed.
func (p *Printer) facts(c *ending.Cause) (facts []string) {
	if at := c.Place(p.plan).String(); at != "" {
		facts = append(facts, at)
	}
	if s := c.Step; s != nil {
		if at := ending.Position(s); at != "" {
			facts = append(facts, at+" of "+p.label(s.Parent.Path))
		}
		if s.Tries > 1 {
			facts = append(facts, fmt.Sprintf("%d attempts", s.Tries))
		}
		facts = append(facts, Duration(s.Duration))
	}
	if code, ok := c.Err.Fields["exit_code"]; ok {
		facts = append(facts, fmt.Sprintf("exit code %v", code))
	}
	if signal, ok := c.Err.Fields["signal"]; ok {
		facts = append(facts, fmt.Sprintf("signal %v", signal))
	}
	return facts
}

// names are the first of what failed alike.
func (p *Printer) names(list []*ending.Cause) string {
	const most = 5
	var names []string
	for _, c := range list[:min(most, len(list))] {
		names = append(names, p.label(c.Err.Step))
	}
	if more := len(list) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// attempts says how those went that came before the last, and how long each took.
func attempts(c *ending.Cause) []string {
	const most = 5
	if c.Step == nil || c.Step.Tries < 2 {
		return nil
	}
	list := c.Step.Attempts
	var words []string
	for i, a := range list {
		if len(list) > most && i == most-1 {
			words = append(words, "...")
		}
		if len(list) > most && i >= most-1 && i < len(list)-1 {
			continue
		}
		word := fmt.Sprintf("%d after %s", a.Number, Duration(a.Ended.Sub(a.Started)))
		if a.Err != nil && a.Err.Message != c.Err.Message {
			word += " (" + begin(headline(a.Err), maxWidth/2) + ")"
		}
		words = append(words, word)
	}
	return []string{"attempts failed: " + strings.Join(words, ", ")}
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
	if f.log == "" {
		return
	}
	if p.opt.Logs != "" {
		p.indented("all of it: " + p.opt.Logs + " " + quoted(f.path))
		return
	}
	for i, stream := range [...]string{"stdout", "stderr"} {
		if t.streams[i] {
			p.indented(fmt.Sprintf("all of it: %s.%s", f.log, stream))
		}
	}
}

// quoted is a path of a step as a word for a shell.
func quoted(path string) string {
	if strings.ContainsAny(path, "[]") {
		return "'" + path + "'"
	}
	return path
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
