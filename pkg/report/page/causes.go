package page

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// How much is said of causes.
const (
	maxCauses = 50
	maxTries  = 20
	tailLines = 20  // at once
	maxLines  = 200 // to be unfolded
)

// reasons are why a run did not succeed.
type reasons struct {
	Title  string
	Causes []cause
	More   string // that there are others
	Next   string // the command to type next
}

// cause is one reason why the run did not succeed.
type cause struct {
	Path, Type, Message, Facts string
	Notes                      []string
	Tries                      []tried
	OutputTitle, Output        string // the last lines
	WholeTitle, Whole          string // all that is kept, when that is more
	Logs                       string // the command for all of it
}

// tried is an attempt of a cause.
type tried struct {
	N                       int
	State, Glyph, Why, Took string
}

// reasonsOf says why r did not succeed, and what can be done.
func reasonsOf(r *model.Run) (w reasons) {
	switch r.Word() {
	case "crashed":
		w.Next = "flowrun resume " + r.ID
	case "failed", "cancelled":
		w.Next = r.About.Again
	}
	root := ending.Causes(r)
	if root == nil {
		return w
	}
	list := root.Leaves()
	w.Title = counted(root.All, "cause")
	for i, c := range list {
		if i == maxCauses {
			w.More = fmt.Sprintf("and %d more: they are marked in the list of steps", len(list)-i)
			break
		}
		w.Causes = append(w.Causes, causeOf(r, c))
	}
	return w
}

func causeOf(r *model.Run, from *ending.Cause) cause {
	e, s := from.Err, from.Step
	c := cause{Path: e.Step, Type: plain.Clean(e.Type), Message: plain.Clean(e.Message)}
	if e.Cause != nil && e.Type != event.ServiceError {
		c.Notes = append(c.Notes, "the last attempt failed: "+headline(e.Cause))
	}
	if e.Cleanup != nil {
		c.Notes = append(c.Notes, "its cleanup failed, too: "+headline(e.Cleanup))
	}
	if n := len(from.Alike); n > 0 {
		var paths []string
		for _, x := range from.Alike[:min(n, 10)] {
			paths = append(paths, x.Err.Step)
		}
		if n > len(paths) {
			paths = append(paths, fmt.Sprintf("and %d more", n-len(paths)))
		}
		c.Notes = append(c.Notes, "likewise: "+strings.Join(paths, ", "))
	}
	for _, hint := range from.Hints() {
		c.Notes = append(c.Notes, "hint: "+plain.Line(hint))
	}
	if s == nil {
		return c
	}
	facts := append([]string{s.Def.Pos.String()}, facts(s)...)
	for _, k := range []string{"exit_code", "signal", "status"} {
		if v, ok := e.Fields[k]; ok {
			facts = append(facts, plain.Line(fmt.Sprintf("%s %v", strings.ReplaceAll(k, "_", " "), v)))
		}
	}
	c.Facts = strings.Join(facts, " · ")
	if s.Tries > 1 {
		for i := max(0, len(s.Attempts)-maxTries); i < len(s.Attempts); i++ {
			a := &s.Attempts[i]
			state := a.Status.String()
			c.Tries = append(c.Tries, tried{a.Number, state, glyph(state), cmp.Or(headline(a.Err), state), plain.Duration(a.Until(r).Sub(a.Started))})
		}
	}
	if a := s.LastAttempt(); a != nil {
		c.output(r, s, a)
	}
	return c
}

// output is the end of what an attempt printed.
func (c *cause) output(r *model.Run, s *model.Step, a *model.Attempt) {
	lines := outputLines(a)
	if a.Log != "" {
		c.Logs = "flowrun logs " + r.ID + " " + quote(s.Path)
	}
	n := len(lines)
	if n == 0 {
		return
	}
	lost := a.Output.Lost > 0
	if n > maxLines {
		lines, n, lost = lines[n-maxLines:], maxLines, true
	}
	c.OutputTitle, c.Output = "its output:", strings.Join(lines, "\n")
	if n > tailLines {
		c.OutputTitle = fmt.Sprintf("the last %d lines of its output:", tailLines)
		c.Output = strings.Join(lines[n-tailLines:], "\n")
		c.WholeTitle, c.Whole = fmt.Sprintf("all %d lines", n), strings.Join(lines, "\n")
		if lost {
			c.WholeTitle = fmt.Sprintf("the last %d lines", n)
		}
	}
}

// outputLines are those that are kept, without empty ones at the end.
func outputLines(a *model.Attempt) []string {
	lines := a.Output.Lines("", 1<<30)
	for i := range lines {
		lines[i] = plain.Clean(lines[i])
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

var simple = regexp.MustCompile(`^[\w.,:/@-]+$`)

// quote is a word for a shell.
func quote(word string) string {
	if simple.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
