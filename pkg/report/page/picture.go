package page

import (
	"cmp"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
	"github.com/flowrun/flowrun/pkg/report/graph"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// picture is what the parts of the page that are text are made of.
type picture struct {
	Live            bool
	At, Home        string
	ID, Label, File string
	State, Glyph    string
	Verdict, Took   string
	Began, When     string
	Version, Next   string
	Counts          []counter
	Retried         int
	CauseCount      string
	Causes          []cause
	MoreCauses      string
	Critical        string // path
	Longest         string // wait
	Tree            branch
	Graph           template.HTML
}

// counter is how many steps are in a state.
type counter struct {
	State, Glyph string
	N            int
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

// branch is a step in the tree that is text.
type branch struct {
	State, Glyph, Label, Why, Facts string
	Output                          string
	More                            string // no step: how many are left out
	Open                            bool
	Children                        []branch
}

// How much stands in the page as text. The script has everything.
const (
	maxCauses   = 50
	maxTries    = 20
	tailLines   = 20
	maxBranches = 1000
)

func glyph(state string) string {
	switch state {
	case "succeeded":
		return "✓"
	case "failed", "crashed":
		return "✗"
	case "cancelled":
		return "⊘"
	case "skipped":
		return "↓"
	case "waiting":
		return "◷"
	case "running":
		return "▶"
	}
	return "?"
}

// headOf is what stands at the top.
func headOf(r *model.Run, o *Served) picture {
	p := picture{
		ID: r.ID, Label: plain.Line(r.Label()), File: plain.Line(r.Plan.File), Version: r.About.Flowrun, State: r.Word(), Took: plain.Duration(elapsed(r, o)),
		Began: r.Started.UTC().Format(time.RFC3339), When: r.Started.UTC().Format("2006-01-02 15:04:05 UTC"),
	}
	if o != nil {
		p.Live, p.At, p.Home = o.Live, o.At, o.Home
	}
	switch cause := r.Outcome.Cause.String(); {
	case cause != "":
		p.Verdict = p.State + " by " + cause + " after " + p.Took
	case !r.Ended.IsZero():
		p.Verdict = p.State + " in " + p.Took
	case p.State == "crashed":
		p.Verdict = "crashed after " + p.Took + ": its process is gone, and did not tell an end"
	default:
		p.Verdict = "is going on for " + p.Took
	}
	p.Glyph = glyph(p.State)
	if r.Root != nil {
		p.count(r)
	}
	return p
}

func pictureOf(r *model.Run, o *Served) picture {
	p := headOf(r, o)
	switch p.State {
	case "crashed":
		p.Next = "flowrun resume " + r.ID
	case "failed", "cancelled":
		p.Next = r.About.Again
	}
	p.causes(r)
	p.paths(r)
	if r.Root != nil {
		t := tree{encoder: newEncoder(r, false), left: maxBranches}
		p.Tree = t.branch(r.Root)
	}
	p.Graph = template.HTML(graph.Draw(r.Plan, "svg", states(r))) // its texts are escaped
	return p
}

// count counts steps by state, in the order in which people ask for them.
func (p *picture) count(r *model.Run) {
	words := map[event.Status]string{}
	if r.About.Crashed {
		words[event.Running], words[event.Waiting] = unfinished, unfinished
	}
	add := func(status event.Status, n int32) {
		word := cmp.Or(words[status], status.String())
		if last := len(p.Counts) - 1; last >= 0 && p.Counts[last].State == word {
			p.Counts[last].N += int(n)
		} else if n > 0 {
			p.Counts = append(p.Counts, counter{word, glyph(word), int(n)})
		}
	}
	for _, status := range []event.Status{event.Running, event.Waiting, event.Succeeded, event.Failed, event.Cancelled, event.Skipped} {
		add(status, r.Root.Counts[status])
	}
	r.Steps(func(s *model.Step) {
		if s.Tries > 1 {
			p.Retried++
		}
	})
}

// causes are the errors for which the run failed.
func (p *picture) causes(r *model.Run) {
	root := ending.Causes(r)
	if root == nil {
		return
	}
	list := root.Leaves()
	p.CauseCount = counted(root.All, "cause")
	for i, c := range list {
		if i == maxCauses {
			p.MoreCauses = fmt.Sprintf("and %d more: they are marked in the list of steps", len(list)-i)
			break
		}
		p.Causes = append(p.Causes, causeOf(r, c))
	}
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
	facts := []string{s.Def.Pos.String()}
	if s.Tries > 1 {
		facts = append(facts, counted(s.Tries, "attempt"))
	}
	if s.State == model.Ended && !s.Started.IsZero() {
		facts = append(facts, plain.Duration(s.Duration))
	}
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

// paths are where the time went: the critical path, and what waited the longest.
func (p *picture) paths(r *model.Run) {
	links := ending.Critical(r)
	const most = 12
	var words []string
	for i, l := range links {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(links)-i))
			break
		}
		words = append(words, l.Step.Label(r)+" "+plain.Duration(l.Took))
	}
	p.Critical = strings.Join(words, " > ")
	if w, ok := ending.LongestWait(r); ok {
		p.Longest = plain.Line(fmt.Sprintf("%s %s for %s", w.Step.Label(r), plain.Duration(w.For), w.Why))
	}
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
	c.OutputTitle, c.Output = "its output:", strings.Join(lines, "\n")
	if n > tailLines {
		c.OutputTitle = fmt.Sprintf("the last %d lines of its output:", tailLines)
		c.Output = strings.Join(lines[n-tailLines:], "\n")
		c.WholeTitle, c.Whole = fmt.Sprintf("all %d lines", n), strings.Join(lines, "\n")
		if a.Output.Lost > 0 {
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

// tree makes the tree that is text.
type tree struct {
	*encoder
	left int // how many steps may still come
}

func (t *tree) branch(s *model.Step) branch {
	t.left--
	state := t.state(s)
	b := branch{State: state, Glyph: glyph(state), Label: cmp.Or(s.Path, t.label(s)), Why: why(s)}
	facts := []string{s.Def.Kind}
	if s.Tries > 1 {
		facts = append(facts, counted(s.Tries, "attempt"))
	}
	if s.State == model.Ended && !s.Started.IsZero() {
		facts = append(facts, plain.Duration(s.Duration))
	}
	b.Facts = strings.Join(append(facts, s.Def.Pos.String()), " · ")
	b.Open = s.Parent == nil || troubled(s)
	if a := s.LastAttempt(); a != nil && s.Works() {
		lines := outputLines(a)
		b.Output = strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
	}
	// What went wrong is told before there is no room any more.
	chosen := map[*model.Step]bool{}
	room := t.left
	for _, want := range []bool{true, false} {
		for _, c := range s.Children {
			if troubled(c) == want && len(chosen) < room {
				chosen[c] = true
			}
		}
	}
	left := 0
	for _, c := range s.Children {
		if chosen[c] && t.left > 0 {
			b.Children = append(b.Children, t.branch(c))
		} else {
			left++
		}
	}
	if left > 0 {
		b.Children = append(b.Children, branch{More: "… and " + counted(left, "more step") + ", which the table of this page has"})
	}
	return b
}

// troubled says that s, or something in it, went wrong or goes on.
func troubled(s *model.Step) bool {
	return s.State != model.Ended || s.Status == event.Failed || s.Counts[event.Failed]+s.Counts[event.Running]+s.Counts[event.Waiting] > 0
}

// index is what the path of a generator's step has behind that of its block; one that is written has a word before it.
var index = regexp.MustCompile(`^\[\d+\]`)

// states is what became of steps, as graph.Draw wants it.
func states(r *model.Run) map[string]event.Status {
	ran := map[string]event.Status{}
	order := []event.Status{event.Skipped, event.Waiting, event.Succeeded, event.Cancelled, event.Running, event.Failed}
	keys := map[*model.Step]string{}
	r.Steps(func(s *model.Step) {
		key := s.Path
		for up := s.Parent; up != nil; up = up.Parent {
			rest, ok := strings.CutPrefix(s.Path, up.Path)
			if !ok {
				continue
			}
			key = keys[up] + index.ReplaceAllString(rest, "[*]")
			break
		}
		keys[s] = key
		now := s.At()
		if was, known := ran[key]; !known || slices.Index(order, now) > slices.Index(order, was) {
			ran[key] = now
		}
	})
	return ran
}
