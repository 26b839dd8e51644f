package plain

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// How much the summary shows.
const (
	maxRows    = 40
	maxName    = 40 // of a step in the table
	maxDetail  = 70 // of what says why, where no terminal is
	minDetail  = 20
	maxLinks   = 6 // of the critical path
	slowEnough = time.Second
)

// summary shows where the time went: of what went well in a line, else in a table. Of what was over at once there is nothing
// to say.
func (p *Printer) summary(status event.Status, took time.Duration) {
	if status == event.Succeeded && !p.opt.Verbose {
		if slow := ending.Slowest(p.run, 3); took >= slowEnough && len(slow) > 1 {
			p.out.WriteString(p.paint(dim, "slowest: "+p.durations(slow)) + "\n")
		}
		return
	}
	if p.run.Root.Counts.Total() > 1 {
		p.table()
	}
	if took < slowEnough {
		return
	}
	var lines []string
	if links := ending.Critical(p.run); len(links) > 1 {
		lines = append(lines, "critical path: "+p.path(links))
	}
	if w, any := ending.LongestWait(p.run); any && w.For >= slowEnough {
		lines = append(lines, fmt.Sprintf("longest wait: %s %s for %s", p.label(w.Step.Path), Duration(w.For), w.Why))
	}
	if len(lines) > 0 {
		p.out.WriteString("\n")
	}
	for _, l := range lines {
		p.out.WriteString(clean(l, false) + "\n")
	}
}

func (p *Printer) durations(list []*model.Step) string {
	var words []string
	for _, s := range list {
		words = append(words, p.label(s.Path)+" "+Duration(s.Duration))
	}
	return strings.Join(words, ", ")
}

// path is the critical path in a line. Of a long one the links that took the longest are shown.
func (p *Printer) path(links []ending.Link) string {
	shown := slices.Clone(links)
	slices.SortStableFunc(shown, func(a, b ending.Link) int { return int(b.Took - a.Took) })
	least := shown[min(maxLinks, len(shown))-1].Took
	var words []string
	left, n := 0, 0
	more := func() {
		if left > 0 {
			words = append(words, fmt.Sprintf("(%d more)", left))
		}
		left = 0
	}
	for _, l := range links {
		if l.Took < least || n == maxLinks {
			left++
			continue
		}
		more()
		n++
		word := p.label(l.Step.Path) + " " + Duration(l.Took)
		if l.Attempts > 1 {
			word += fmt.Sprintf(" (%d attempts)", l.Attempts)
		}
		words = append(words, word)
	}
	more()
	return strings.Join(words, " > ")
}

// table shows the steps with what became of them.
func (p *Printer) table() {
	rows := [][]string{{"STEP", "STATUS", "TRIES", "TIME", "WAITED", "LINE", ""}}
	for _, r := range ending.Rows(p.run, maxRows) {
		rows = append(rows, p.row(r))
	}
	width := []int{3: len("10m12s"), 4: len("10m12s"), 6: 0} // they stay in their place from run to run
	for _, row := range rows {
		for i, text := range row {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	p.out.WriteString("\n")
	detail := maxDetail
	if p.opt.Columns != nil {
		if columns := p.opt.Columns(); columns > 0 {
			for _, w := range width[:6] {
				columns -= w + len("  ")
			}
			detail = max(minDetail, columns)
		}
	}
	for n, row := range rows {
		row[6] = begin(row[6], detail)
		var b strings.Builder
		for i, text := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(text))
			switch {
			case i < 2:
				b.WriteString(text + pad + "  ")
			case i < 6: // numbers
				b.WriteString(pad + text + "  ")
			default:
				b.WriteString(text)
			}
		}
		line := strings.TrimRight(clean(b.String(), false), " ")
		if n == 0 {
			line = p.paint(bold, line)
		}
		p.out.WriteString(line + "\n")
	}
}

// row is a row of the table: the last column says why.
func (p *Printer) row(r ending.Row) []string {
	indent := strings.Repeat("  ", min(r.Depth, maxLevels))
	if r.Rest > 0 {
		return []string{indent + fmt.Sprintf("… %d more", r.Rest), sign(r.Status), "-", "-", "-", "-", ""}
	}
	s := r.Step
	row := []string{indent + middle(p.label(s.Path), maxName), sign(s.At()), "-", "-", "-", p.lineOf(s), ""}
	if n := s.Tries; n > 1 || n == 1 && s.Works() {
		row[2] = fmt.Sprint(n)
	}
	if !s.Started.IsZero() {
		row[3] = Duration(s.Duration)
	}
	if d := waited(s); d > 0 {
		row[4] = Duration(d)
	}
	row[6] = firstLine(detail(r))
	return row
}

// lineOf is the line of a step, with its file if that is another one.
func (p *Printer) lineOf(s *model.Step) string {
	at := s.Def.Pos
	if at.File != p.plan.File {
		return fmt.Sprintf("%s:%d", at.File, at.Line)
	}
	return fmt.Sprint(at.Line)
}

// waited is how long s waited for others, and between attempts.
func waited(s *model.Step) time.Duration {
	d := s.Queued
	for _, w := range s.Waits {
		if w.IsPause() && !w.To.IsZero() {
			d += w.To.Sub(w.From)
		}
	}
	return d
}

// detail is why a step ended so.
func detail(r ending.Row) string {
	s := r.Step
	switch {
	case r.Folded && s.At() == event.Succeeded:
		return count(s.Counts.Total(), "step")
	case s.State != model.Ended:
		return ""
	case s.Status == event.Succeeded && s.Recovered != nil:
		return "recovered from " + headline(s.Recovered)
	case s.Status == event.Skipped:
		return s.Reason
	case s.Status == event.Cancelled:
		return s.Cause.String()
	case s.Status != event.Failed:
		return ""
	case s.Works() || s.Err.Step == s.Path && !s.Err.IsGroup():
		return headline(s.Err)
	}
	failed := 0
	for _, c := range s.Children {
		if c.At() == event.Failed {
			failed++
		}
	}
	if failed == 0 {
		return headline(s.Err)
	}
	return fmt.Sprintf("%d of %d failed", failed, len(s.Children))
}

// sign is the glyph and the word of a status.
func sign(s event.Status) string { return Glyph(s) + " " + s.String() }

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
