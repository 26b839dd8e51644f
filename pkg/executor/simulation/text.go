package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// What is shown of much: steps of one block, rows in all, links of the critical path, assumptions.
const (
	maxInside  = 12
	maxRows    = 80
	maxLinks   = 12
	maxAssumed = 10
)

// The signs of the timeline.
const (
	signWait  = '░'
	signRun   = '█'
	signPause = '·'
	signBlock = '─'
	signPoint = '▏' // it took no time
)

// Text is the timeline for people, at most width columns wide, with the critical path and what the limits cost. What comes from
// the file may hold control characters.
func (r *Report) Text(width int) string {
	t := &timeline{report: r, width: max(50, min(width, 200))}
	t.collect(r.Steps[0])
	t.write()
	r.summary(&t.b)
	return t.b.String()
}

// timeline draws rows.
type timeline struct {
	report *Report
	width  int
	rows   []row
	label  int // columns for paths
	chart  int // columns for bars
	b      strings.Builder
}

// row is the line of a step, of all instances with its path, or (without steps) says what is left out.
type row struct {
	text  string
	depth int
	steps []*Step
}

// collect makes the rows of what is inside s. Of many, the first are shown, and those on the critical path.
func (t *timeline) collect(s *Step) {
	var groups [][]*Step // the same step again, after a retry of its block
	at := map[string]int{}
	for _, x := range s.inside {
		i, again := at[x.Path]
		if !again {
			i = len(groups)
			at[x.Path] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	shown, left := 0, 0
	for _, g := range groups {
		many := len(groups) > maxInside && shown >= maxInside/2
		if len(t.rows) >= maxRows || many && (shown >= maxInside || !g[0].Critical) {
			left++
			continue
		}
		shown++
		t.rows = append(t.rows, row{g[0].Path, s.Depth, g})
		for _, x := range g {
			t.collect(x)
		}
	}
	if left > 0 {
		t.rows = append(t.rows, row{fmt.Sprintf("… %s more", thousands(left)), s.Depth, nil})
	}
}

func (t *timeline) write() {
	endings := 0
	for i, r := range t.rows {
		if len(r.steps) > 0 {
			endings = max(endings, len(ending(r.steps[len(r.steps)-1])))
		}
		t.rows[i].text = cut(strings.Repeat("  ", min(t.rows[i].depth, 6))+t.rows[i].text, t.width*2/5)
		t.label = max(t.label, len([]rune(t.rows[i].text)))
	}
	const times = 1 + 8 + 8 // wait and run
	t.chart = max(6, t.width-t.label-2-times-endings)
	fmt.Fprintf(&t.b, "  %-*s %s    wait     run\n", t.label, "", t.axis())
	for _, r := range t.rows {
		t.row(r)
	}
}

// axis is the line of the times, with a mark at each quarter as far as there is room.
func (t *timeline) axis() string {
	line := []rune(strings.Repeat(" ", t.chart))
	put := func(at int, s string) {
		mark := []rune(s)
		at = max(0, min(at, len(line)-len(mark)))
		room := line[max(0, at-1):min(len(line), at+len(mark)+1)]
		if strings.TrimSpace(string(room)) == "" {
			copy(line[at:], mark)
		}
	}
	total := t.report.Total
	put(0, "0s")
	if total == 0 {
		return string(line)
	}
	put(t.chart, shown(total))
	for _, part := range []time.Duration{2, 1, 3} {
		put(t.chart*int(part)/4, shown(total*part/4))
	}
	return string(line)
}

func (t *timeline) row(r row) {
	if r.steps == nil {
		fmt.Fprintf(&t.b, "  %s\n", r.text)
		return
	}
	mark := ' '
	var waited, worked time.Duration
	line := []rune(strings.Repeat(" ", t.chart))
	for _, s := range r.steps {
		if s.Critical {
			mark = '*'
		}
		waited += s.Waited()
		worked += s.Worked()
		t.bars(line, s)
	}
	fmt.Fprintf(&t.b, "%c %-*s %s%8s%8s%s\n", mark, t.label, r.text, string(line), orBlank(waited), shown(worked), ending(r.steps[len(r.steps)-1]))
}

// bars draws the spans of s.
func (t *timeline) bars(line []rune, s *Step) {
	for _, x := range s.Spans {
		sign := map[SpanKind]rune{Waiting: signWait, Working: signRun, Pausing: signPause}[x.What]
		if x.What == Working && len(s.inside) > 0 {
			sign = signBlock
		}
		from, to := t.column(x.From), t.column(x.To)
		if x.From == x.To {
			if from = min(from, len(line)-1); line[from] == ' ' {
				line[from] = signPoint
			}
			continue
		}
		for i := min(from, len(line)-1); i < max(to, from+1) && i < len(line); i++ {
			line[i] = sign
		}
	}
}

func (t *timeline) column(d time.Duration) int {
	if t.report.Total == 0 {
		return 0
	}
	return int(float64(d) / float64(t.report.Total) * float64(t.chart))
}

// ending says how s ended, if not well.
func ending(s *Step) string {
	if s.Status == event.Succeeded {
		return ""
	}
	return "  " + s.Status.String()
}

func (r *Report) summary(b *strings.Builder) {
	fmt.Fprintf(b, "\n%c works  %c block  %c waits  %c pauses  %c takes no time  * critical path\n\n",
		signRun, signBlock, signWait, signPause, signPoint)
	fmt.Fprintf(b, "total %s", shown(r.Total))
	switch {
	case r.Cut:
		fmt.Fprintf(b, " so far: after %s events no end is in sight", thousands(maxEvents))
	case r.Outcome.Status != event.Succeeded && r.Outcome.Err != nil:
		fmt.Fprintf(b, ", and the run fails: %s: %s", r.Outcome.Err.Type, r.Outcome.Err.Message)
	case r.Outcome.Status != event.Succeeded:
		fmt.Fprintf(b, ", and the run is %s", r.Outcome.Status)
	}
	b.WriteString("\n")
	r.path(b)
	r.costs(b)
	if r.Learned > 0 {
		of := "the last run"
		if r.PastRuns > 1 {
			of = "the last " + count(r.PastRuns, "run")
		}
		fmt.Fprintf(b, "durations: %s as long as usual, by %s that succeeded\n", takes(r.Learned), of)
	}
	if r.Guessed > 0 {
		fmt.Fprintf(b, "assumed: %s for each attempt of %s without a duration\n", shown(r.Default), count(r.Guessed, "step"))
	}
	for i, a := range r.Assumed {
		if i == maxAssumed {
			fmt.Fprintf(b, "assumed: and %s more\n", thousands(len(r.Assumed)-i))
			break
		}
		fmt.Fprintf(b, "assumed: %s (line %d): %s %s is taken as %s, for it is known in a run only\n", title(a.Path), a.Line, a.Word, a.Value, a.Taken)
	}
}

// path writes the critical path, of a long one its longest parts.
func (r *Report) path(b *strings.Builder) {
	if len(r.Critical) == 0 {
		return
	}
	var parts []string
	for i := 0; i < len(r.Critical); i++ {
		x := r.Critical[i]
		if len(parts) == maxLinks-1 && len(r.Critical)-i > 1 {
			rest := r.Critical[i:]
			parts = append(parts, fmt.Sprintf("%s more (%s)", thousands(len(rest)), shown(rest[len(rest)-1].To-rest[0].From)))
			break
		}
		word := title(x.Step.Path)
		if x.What == Pausing {
			word = "pause of " + word
		}
		parts = append(parts, word+" "+shown(x.To-x.From))
	}
	fmt.Fprintf(b, "critical path: %s\n", strings.Join(parts, " > "))
}

// costs writes what the limits did.
func (r *Report) costs(b *strings.Builder) {
	for _, l := range r.Limits {
		var what string
		switch {
		case l.What == "limit" && l.Permits > 0:
			what = fmt.Sprintf("limit %d of %s", l.Permits, title(l.Of))
		case l.What == "limit":
			what = "limit of " + title(l.Of)
		case l.Of != "":
			what = fmt.Sprintf("semaphore %s (%d)", l.Of, l.Permits)
		default:
			what = fmt.Sprintf("%s %d", l.What, l.Permits)
		}
		fmt.Fprintf(b, "%s: %s, %s in all, %s at most", what, waits(l.Steps), shown(l.Waited), shown(l.Longest))
		switch {
		case l.Without < 0:
		case l.Without >= r.Total:
			fmt.Fprintf(b, "; without it the total is the same")
			if l.Without > r.Total {
				fmt.Fprintf(b, " or longer (%s)", shown(l.Without))
			}
		default:
			fmt.Fprintf(b, "; without it the total is %s", shown(l.Without))
		}
		b.WriteString("\n")
	}
}

func waits(n int) string {
	if n == 1 {
		return "1 step waited"
	}
	return thousands(n) + " steps waited"
}

func takes(n int) string {
	if n == 1 {
		return "1 step takes"
	}
	return thousands(n) + " steps take"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func title(path string) string {
	if path == "" {
		return "the workflow"
	}
	return path
}

func orBlank(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return shown(d)
}

// shown is d in at most seven columns.
func shown(d time.Duration) string {
	if d > 10_000*time.Hour {
		return "years"
	}
	return event.RoughDuration(d)
}

// cut keeps the end of a path that is too long: there is what tells it from others.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n/3]) + "…" + string(r[len(r)-(n-n/3-1):])
	}
	return s
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
