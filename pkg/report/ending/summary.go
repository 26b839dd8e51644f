package ending

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/critical"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Link is a part of the critical path: what a step did at a stretch, its attempts and the pauses between them.
type Link struct {
	Step     *model.Step
	Attempts int // in this stretch
	Took     time.Duration
	Paused   time.Duration // of Took
}

// Critical is the critical path of a run that has ended, from where it can be told. It is as long as the run unless that was
// interrupted and taken up again.
func Critical(r *model.Run) []Link {
	if r.Root == nil || r.Ended.IsZero() {
		return nil
	}
	var steps []*critical.Step
	of, back := map[*model.Step]*critical.Step{}, map[*critical.Step]*model.Step{}
	r.Steps(func(s *model.Step) {
		c := &critical.Step{
			Parent: of[s.Parent], Def: s.Def, Order: s.Order(), Leaf: len(s.Children) == 0,
			Cancelled: s.Status == event.Cancelled, Spans: spans(r, s),
		}
		if c.Parent != nil {
			c.Depth = c.Parent.Depth + 1
		}
		steps = append(steps, c)
		of[s], back[c] = c, s
	})
	var links []Link
	// That of the run is that of its last words.
	var end time.Duration
	for _, s := range steps {
		for _, x := range s.Spans {
			end = max(end, x.To)
		}
	}
	for _, x := range critical.Path(steps, end) {
		s := back[x.Step]
		if n := len(links); n == 0 || links[n-1].Step != s {
			links = append(links, Link{Step: s})
		}
		l := &links[len(links)-1]
		l.Took += x.To - x.From
		if x.Pause {
			l.Paused += x.To - x.From
		} else {
			l.Attempts++
		}
	}
	return links
}

// spans are the times in which s worked or paused.
func spans(r *model.Run, s *model.Step) []critical.Span {
	var list []critical.Span
	add := func(from, to time.Time, pause bool) {
		if to.After(from) {
			list = append(list, critical.Span{From: from.Sub(r.Started), To: to.Sub(r.Started), Pause: pause})
		}
	}
	for _, a := range s.Attempts {
		// What comes after a service comes after the time to its being ready.
		if s.Ready.After(a.Started) && s.Ready.Before(a.Ended) {
			add(a.Started, s.Ready, false)
			add(s.Ready, a.Ended, false)
			continue
		}
		add(a.Started, a.Ended, false)
	}
	for _, w := range s.Waits {
		if w.IsPause() {
			add(w.From, w.To, true)
		}
	}
	return list
}

// Waited is a time in which a step waited for others.
type Waited struct {
	Step *model.Step
	Why  string
	For  time.Duration
}

// LongestWait is the longest time in which a step waited for a slot, a semaphore or another thing that is short; not for what it needs.
func LongestWait(r *model.Run) (longest Waited, any bool) {
	r.Steps(func(s *model.Step) {
		for _, w := range s.Waits {
			if w.IsPause() || strings.HasPrefix(w.Why, "needs ") {
				continue
			}
			if d := w.Until(r).Sub(w.From); d > longest.For {
				longest, any = Waited{s, w.Why, d}, true
			}
		}
	})
	return longest, any
}

// Slowest are the n steps of those that work that took the longest, the longest first.
func Slowest(r *model.Run, n int) []*model.Step {
	var list []*model.Step
	byDuration := func(a, b *model.Step) int { return cmp.Compare(b.Duration, a.Duration) }
	r.Steps(func(s *model.Step) {
		if !s.Works() || s.Duration == 0 || s.Def.Background {
			return
		}
		if list = append(list, s); len(list) > 4*n {
			slices.SortStableFunc(list, byDuration)
			list = list[:n]
		}
	})
	slices.SortStableFunc(list, byDuration)
	return list[:min(n, len(list))]
}

// Retried is how many steps succeeded after another attempt.
func Retried(r *model.Run) (n int) {
	r.Steps(func(s *model.Step) {
		if s.State == model.Ended && s.Status == event.Succeeded && s.Tries > 1 {
			n++
		}
	})
	return n
}

// Row is a line of the summary: a step, or steps of one block that ended in the same way.
type Row struct {
	Step  *model.Step
	Depth int // below the workflow, whose own steps have 0
	// Folded: what is in the step is not told, for all of it went well.
	Folded bool
	// Rest are steps that are not told one by one; Step is then the block that they are in.
	Rest   int
	Status event.Status // of the Rest
}

// manyChildren is from how many children of one kind of end on only some are told.
const manyChildren = 8

// Rows are the lines of a summary, at most about most of them. Blocks in which all went well are one, and of what went well,
// or never began, beside much of its kind only the number is told; what failed comes first to be told.
func Rows(r *model.Run, most int) []Row {
	t := &table{left: most}
	if r.Root != nil {
		t.inside(r.Root, 0)
	}
	return t.rows
}

type table struct {
	rows []Row
	left int
}

// inside adds the rows of what is in s.
func (t *table) inside(s *model.Step, depth int) {
	var count [event.Skipped + 1]int
	for _, c := range s.Children {
		count[c.At()]++
	}
	var rest [event.Skipped + 1]int
	for _, c := range s.Children {
		status := c.At()
		if t.left <= 0 || status != event.Failed && count[status] > manyChildren && !mixed(c) {
			rest[status]++
			continue
		}
		t.left--
		folded := len(c.Children) > 0 && status != event.Failed && !mixed(c)
		t.rows = append(t.rows, Row{Step: c, Depth: depth, Folded: folded})
		if !folded {
			t.inside(c, depth+1)
		}
	}
	for status, n := range rest {
		if n > 0 {
			t.rows = append(t.rows, Row{Step: s, Depth: depth, Rest: n, Status: event.Status(status)})
		}
	}
}

// mixed says that in s not all has ended as s did.
func mixed(s *model.Step) bool {
	for status, n := range s.Counts {
		if n > 0 && event.Status(status) != s.At() {
			return true
		}
	}
	return false
}
