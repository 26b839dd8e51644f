package page

import (
	"bytes"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Dirty knows which rows of a page are not as the run is any more.
type Dirty struct {
	Since int64          // the last event that the page knows
	steps map[int32]bool // those that have changed, by number
	order []*model.Step  // in the order in which they did
	head  string         // as it was sent
}

// Update is what a page is sent. Its keys are those that page.js reads.
type Update struct {
	Now   float64 `json:"now"`
	Head  string  `json:"head,omitempty"`
	Steps []row   `json:"steps,omitempty"`
	End   bool    `json:"end,omitempty"` // nothing more comes: the page is asked for again
}

// Observe is told an event that the model has taken.
func (d *Dirty) Observe(r *model.Run, e event.Event) {
	if e.Seq <= d.Since || e.Type == event.RunStart || e.Type == event.RunEnd {
		return
	}
	s := r.Step(e.Where.Step)
	if s == nil {
		return
	}
	d.mark(s)
	if e.Type == event.StepStart && len(s.Attempts) > 1 { // what the attempt before began stands below that now
		for _, c := range s.Attempts[len(s.Attempts)-2].Children {
			d.mark(c)
		}
	}
}

func (d *Dirty) mark(s *model.Step) {
	if d.steps == nil {
		d.steps = map[int32]bool{}
	}
	if n := s.Where().Step; !d.steps[n] {
		d.steps[n] = true
		d.order = append(d.order, s)
	}
}

// Update is what has changed since the last one; false: nothing has.
func (d *Dirty) Update(r *model.Run, o *Served) (u Update, changed bool) {
	u = Update{Now: milliseconds(elapsed(r, o)), End: !o.Live}
	e := newEncoder(r, true)
	for _, s := range d.order {
		u.Steps = append(u.Steps, e.row(s, formerly(s)))
	}
	d.order, d.steps = nil, nil
	h := headOf(r, o)
	h.Took = "" // the page has a clock
	var b bytes.Buffer
	if err := parts().ExecuteTemplate(&b, "head", h); err != nil {
		panic("page: " + err.Error())
	}
	if head := b.String(); head != d.head {
		d.head, u.Head = head, head
	}
	return u, len(u.Steps) > 0 || u.Head != "" || u.End
}

// formerly is the attempt of its parent that s belongs to, when another one followed; 0: it is of the last.
func formerly(s *model.Step) int {
	if s.Parent == nil {
		return 0
	}
	for i := range s.Parent.Attempts {
		for _, c := range s.Parent.Attempts[i].Children {
			if c == s {
				return s.Parent.Attempts[i].Number
			}
		}
	}
	return 0
}
