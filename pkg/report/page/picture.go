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

// head is what stands at the top of the page.
type head struct {
	about
	State, Glyph  string
	Verdict, Took string
	Live          bool
	Counts        []counter
	Retried       int
}

// about is what does not change in a run.
type about struct{ ID, Label, File, Version, Began, When string }

// picture is what the parts of the page that are text are made of.
type picture struct {
	head
	At, Home          string // as in Served
	Why               reasons
	Critical, Longest string // path, wait
	Tree              branch
	Kept              kept
	Graph             template.HTML
}

// counter is how many steps are in a state.
type counter struct {
	State, Glyph string
	N            int
}

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

func headOf(r *model.Run, o *Served) head {
	began := r.Started.UTC()
	h := head{
		about: about{
			ID: r.ID, Label: plain.Line(r.Label()), File: plain.Line(r.Plan.File), Version: r.About.Flowrun,
			Began: began.Format(time.RFC3339), When: began.Format("2006-01-02 15:04:05 UTC"),
		},
		State: r.Word(), Took: plain.Duration(elapsed(r, o)), Live: o != nil && o.Live,
	}
	h.Glyph = glyph(h.State)
	switch cause := r.Outcome.Cause.String(); {
	case cause != "":
		h.Verdict = h.State + " by " + cause + " after " + h.Took
	case !r.Ended.IsZero():
		h.Verdict = h.State + " in " + h.Took
	case h.State == "crashed":
		h.Verdict = "crashed after " + h.Took + ": its process is gone, and did not tell an end"
	default:
		h.Verdict = "is going on for " + h.Took
	}
	if r.Root != nil {
		h.count(r)
	}
	return h
}

// count counts steps by state, in the order in which people ask for them.
func (h *head) count(r *model.Run) {
	words := map[event.Status]string{}
	if r.About.Crashed {
		words[event.Running], words[event.Waiting] = unfinished, unfinished
	}
	add := func(status event.Status, n int32) {
		word := cmp.Or(words[status], status.String())
		if last := len(h.Counts) - 1; last >= 0 && h.Counts[last].State == word {
			h.Counts[last].N += int(n)
		} else if n > 0 {
			h.Counts = append(h.Counts, counter{word, glyph(word), int(n)})
		}
	}
	for _, status := range []event.Status{event.Running, event.Waiting, event.Succeeded, event.Failed, event.Cancelled, event.Skipped} {
		add(status, r.Root.Counts[status])
	}
	r.Steps(func(s *model.Step) {
		if s.Tries > 1 {
			h.Retried++
		}
	})
}

func pictureOf(r *model.Run, o *Served) picture {
	p := picture{head: headOf(r, o), Why: reasonsOf(r), Kept: keptOf(r)}
	if o != nil {
		p.At, p.Home = o.At, o.Home
	}
	p.paths(r)
	if r.Root != nil {
		t := tree{encoder: newEncoder(r, false), left: maxBranches, room: maxOutput}
		p.Tree = t.branch(r.Root)
	}
	p.Graph = template.HTML(graph.Draw(r.Plan, "svg", states(r))) // its texts are escaped
	return p
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
