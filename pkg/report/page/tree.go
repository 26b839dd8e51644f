package page

import (
	"cmp"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// How much stands in the tree that is text. The script has everything.
const (
	maxBranches = 1000
	maxOutput   = 1 << 20
)

// branch is a step in the tree that is text.
type branch struct {
	State, Glyph, Label, Why, Facts string
	Output                          string
	More                            string // no step: how many are left out
	Open                            bool
	Children                        []branch
}

// tree makes the tree that is text.
type tree struct {
	*encoder
	left int // how many steps may still come, and
	room int // how many bytes of output
}

func (t *tree) branch(s *model.Step) branch {
	t.left--
	state := t.state(s)
	b := branch{State: state, Glyph: glyph(state), Label: cmp.Or(s.Path, t.label(s)), Why: why(s)}
	b.Facts = strings.Join(append(append([]string{s.Def.Kind}, facts(s)...), s.Def.Pos.String()), " · ")
	b.Open = s.Parent == nil || troubled(s)
	if a := s.LastAttempt(); a != nil && s.Works() {
		lines := outputLines(a)
		b.Output = strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
		if t.room -= len(b.Output); t.room < 0 {
			b.Output = ""
		}
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

// facts are how often s was tried, and how long it took.
func facts(s *model.Step) (list []string) {
	if s.Tries > 1 {
		list = append(list, counted(s.Tries, "attempt"))
	}
	if s.State == model.Ended && !s.Started.IsZero() {
		list = append(list, plain.Duration(s.Duration))
	}
	return list
}
