package files

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Bounds of the Markdown, so that it is always below 200 KiB: a job's summary of more than 1 MiB is thrown away as a whole.
const (
	maxCauses    = 10  // in full
	maxRows      = 100 // of the table; all steps if they are not more
	maxText      = 4 << 10
	maxPath      = 120
	maxArtifacts = 20
)

// Markdown writes the kind md: below 200 KiB, whatever the run.
func Markdown(w io.Writer, r *model.Run) error { return markdown(w, r) }

// markdown writes what somebody wants to see of a run below a pull request: the verdict, each cause with the last lines of its
// output folded, and a table of steps. In large runs that is what did not go well, was tried again, or took longest.
//
// Every text of the run stands in a code span or a fenced block that is longer than any in it, where nothing of it is Markdown,
// HTML, a mention of somebody or a link.
func markdown(w io.Writer, r *model.Run) error {
	m := &document{run: r}
	m.verdict()
	m.causes()
	m.table()
	m.artifacts()
	if r.About.Again != "" && r.Word() != "succeeded" {
		m.line("\nThe same again:\n\n" + fenced("sh", r.About.Again))
	}
	_, err := io.WriteString(w, m.String())
	return err
}

type document struct {
	strings.Builder
	run *model.Run
}

func (m *document) line(text string) { m.WriteString(text + "\n") }

func (m *document) verdict() {
	r := m.run
	glyph, word, in := plain.Glyph(r.Outcome.Status), r.Word(), "in"
	switch word {
	case "crashed":
		glyph, in = plain.Glyph(event.Failed), "after"
	case "running":
		word, in = "is running", "for"
	}
	m.line(fmt.Sprintf("## %s %s %s %s %s\n", glyph, code(r.Label(), maxPath), word, in, took(r.Until().Sub(r.Started))))
	facts := counted(r)
	if c := r.Outcome.Cause; c != nil {
		facts = append([]string{"cancelled by " + code(c.String(), maxPath)}, facts...)
	}
	m.line(strings.Join(append(facts, "run "+code(r.ID, maxPath), code(r.Plan.File, maxPath)), " · "))
}

// counted says how many steps ended in which way.
func counted(r *model.Run) (words []string) {
	if r.Root == nil {
		return nil
	}
	for status, n := range r.Root.Counts {
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, event.Status(status)))
		}
	}
	again := 0
	r.Steps(func(s *model.Step) {
		if s.Tries > 1 {
			again++
		}
	})
	if again > 0 {
		words = append(words, fmt.Sprintf("%d tried again", again))
	}
	return words
}

func (m *document) causes() {
	list := m.run.Causes()
	if len(list) > 1 {
		m.line(fmt.Sprintf("\n### %d causes", len(list)))
	}
	for i, c := range list {
		if i == maxCauses {
			m.line(fmt.Sprintf("\n… and %d more", len(list)-i))
			return
		}
		number := ""
		if len(list) > 1 {
			number = fmt.Sprintf("**%d.** ", i+1)
		}
		m.cause(number, c)
	}
}

func (m *document) cause(number string, c model.Cause) {
	first, rest, _ := strings.Cut(c.Err.Message, "\n")
	m.line(fmt.Sprintf("\n%s%s failed: %s", number, code(cmp.Or(c.Err.Step, m.run.Label()), maxPath), code(c.Err.Type+": "+first, 500)))
	var facts []string
	if s := c.Step; s != nil {
		facts = append(facts, code(s.Def.Pos.String(), maxPath))
		if s.Tries > 1 {
			facts = append(facts, fmt.Sprintf("%d attempts", s.Tries))
		}
		facts = append(facts, took(s.Took(m.run)))
	}
	if len(facts) > 0 {
		m.line("(" + strings.Join(facts, ", ") + ")")
	}
	if rest != "" {
		m.line("\n" + fenced("text", rest))
	}
	if c.Step == nil || c.Step.LastAttempt() == nil {
		return
	}
	lines := slices.DeleteFunc(c.Step.LastAttempt().Output.Lines("", 2*tailLines), func(l string) bool { return strings.TrimSpace(l) == "" })
	if lines = lines[max(0, len(lines)-tailLines):]; len(lines) > 0 {
		m.line("\n<details><summary>the last lines of its output</summary>\n\n" + fenced("text", strings.Join(lines, "\n")) + "\n</details>")
	}
}

// artifacts are the files that steps have kept.
func (m *document) artifacts() {
	list := m.run.Artifacts()
	if len(list) > 0 {
		m.line("\nArtifacts:\n")
	}
	for i, a := range list {
		if i == maxArtifacts {
			m.line(fmt.Sprintf("- … and %d more", len(list)-i))
			return
		}
		m.line(fmt.Sprintf("- %s of %s (%s)", code(a.Path, maxPath), code(a.Step.Label(m.run), maxPath), plain.Size(a.Size)))
	}
}

// row is a step in the table.
type row struct {
	step  *model.Step
	depth int
}

func (m *document) table() {
	rows, left := m.rows()
	if len(rows) == 0 {
		return
	}
	m.line("\n| Step | | Attempts | Time | Waited | Line |\n| --- | --- | ---: | ---: | ---: | ---: |")
	for _, x := range rows {
		m.row(x)
	}
	if left > 0 {
		m.line(fmt.Sprintf("\n… and %d more steps", left))
	}
}

func (m *document) row(x row) {
	s := x.step
	word := fmt.Sprintf("%s %s", plain.Glyph(s.Status), s.At())
	switch {
	case s.Recovered != nil:
		word += ", recovered from " + cell(s.Recovered.Type, 60)
	case s.Err != nil && s.Works():
		word += ": " + cell(headline(s.Err.Message), 80)
	case s.Status == event.Skipped:
		word += ": " + cell(s.Reason, 80)
	case s.Status == event.Cancelled:
		word += ": " + cell(s.Cause.String(), 80)
	}
	attempts, duration, waited := "", "", ""
	if s.Tries > 1 {
		attempts = fmt.Sprint(s.Tries)
	}
	if s.Tries > 0 {
		duration = took(s.Took(m.run))
	}
	if s.Queued > 0 {
		waited = took(s.Queued)
	}
	line := fmt.Sprint(s.Def.Pos.Line)
	if s.Def.Pos.File != m.run.Plan.File {
		line = cell(fmt.Sprintf("%s:%d", s.Def.Pos.File, s.Def.Pos.Line), maxPath)
	}
	indent := strings.Repeat("&emsp;", min(x.depth, 6))
	m.line(fmt.Sprintf("| %s%s | %s | %s | %s | %s | %s |", indent, cell(s.Path, maxPath), word, attempts, duration, waited, line))
}

// rows are the steps that the table shows, and how many it does not.
func (m *document) rows() (list []row, left int) {
	var all []row
	var walk func(s *model.Step, depth int)
	walk = func(s *model.Step, depth int) {
		for _, c := range s.Children {
			all = append(all, row{c, depth})
			walk(c, depth+1)
		}
	}
	if m.run.Root != nil {
		walk(m.run.Root, 0)
	}
	if len(all) <= maxRows {
		return all, 0
	}
	// Those that went wrong first, then those that took longest, in the order of the tree again.
	worth := slices.DeleteFunc(slices.Clone(all), func(x row) bool { return !x.step.Works() })
	slices.SortStableFunc(worth, func(a, b row) int {
		return cmp.Or(cmp.Compare(interest(b.step), interest(a.step)), cmp.Compare(b.step.Duration, a.step.Duration))
	})
	worth = worth[:min(len(worth), maxRows)]
	shown := map[*model.Step]bool{}
	for _, x := range worth {
		shown[x.step] = true
	}
	for _, x := range all {
		if shown[x.step] {
			list = append(list, row{x.step, 0})
		}
	}
	return list, len(all) - len(list)
}

// interest says how much somebody wants to see a step.
func interest(s *model.Step) int {
	switch {
	case s.Status == event.Failed:
		return 4
	case s.At() == event.Running:
		return 3
	case s.Recovered != nil, s.Status == event.Cancelled && s.Tries > 0:
		return 2
	case s.Tries > 1:
		return 1
	}
	return 0
}

func took(d time.Duration) string { return plain.Duration(max(0, d)) }

// code is text as a code span on one line, cut to n characters.
func code(text string, n int) string {
	text = plan.Clip(plain.Line(text), n)
	if text == "" {
		return ""
	}
	ticks := strings.Repeat("`", longest(text)+1)
	if ticks != "`" || strings.HasPrefix(text, "`") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// cell is code in a table, where a bar ends a cell also in a code span, unless there is one backslash before it.
func cell(text string, n int) string {
	return strings.NewReplacer(`\|`, `\ \|`, "|", `\|`).Replace(code(text, n))
}

// fenced is a block of text, cut to its end.
func fenced(info, text string) string {
	text = plain.Clean(text)
	if len(text) > maxText {
		text = "…" + strings.ToValidUTF8(text[len(text)-maxText:], "")
	}
	fence := strings.Repeat("`", max(3, longest(text)+1))
	return fence + info + "\n" + strings.TrimSuffix(text, "\n") + "\n" + fence
}

// longest is the length of the longest row of backticks in text.
func longest(text string) (n int) {
	row := 0
	for i := range len(text) {
		if row++; text[i] != '`' {
			row = 0
		}
		n = max(n, row)
	}
	return n
}
