package page

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// document is what the script of the page is made of. Times are milliseconds since the begin of the run.
type document struct {
	ID    string  `json:"id"`
	Label string  `json:"label"`
	Live  bool    `json:"live"`
	Now   float64 `json:"now"`          // the end of the run, or of what is known of it
	At    string  `json:"at,omitempty"` // what the run's addresses begin with, where it is served
	Seq   int64   `json:"seq"`          // of the last event in it
	Again bool    `json:"again"`        // it can be resumed
	Steps []row   `json:"steps"`
}

// row is a step. Keys have one letter, as there are many.
type row struct {
	spot
	Name     string `json:"name,omitempty"`
	Kind     string `json:"k"`
	Works    bool   `json:"works,omitempty"` // it is no block
	Critical bool   `json:"c,omitempty"`     // it is on the critical path
	fate
	Files    []string `json:"f,omitempty"` // that it has kept, a line for each
	Waits    [][3]any `json:"q,omitempty"` // from, to, for what; null: it still waits; "": a pause
	Attempts []try    `json:"a,omitempty"`
}

// spot is where a step belongs.
type spot struct {
	Number int32  `json:"n"`
	Parent int32  `json:"u"`
	Order  int64  `json:"o"`
	Former int    `json:"x,omitempty"` // it belongs to that attempt of its parent, and another one followed
	Path   string `json:"p"`
	Label  string `json:"d"` // below its parent
	Place  string `json:"l"` // in its file
}

// fate is what became of it.
type fate struct {
	State   string   `json:"s"`
	Why     string   `json:"y,omitempty"`
	Handled string   `json:"h,omitempty"` // the error that an except clause handled
	Value   string   `json:"v,omitempty"`
	Began   *float64 `json:"b,omitempty"`
	Ended   *float64 `json:"e,omitempty"`
}

// try is an attempt of a step.
type try struct {
	Number int         `json:"n"`
	Began  float64     `json:"b"`
	Ended  *float64    `json:"e,omitempty"`
	State  string      `json:"s"`
	Why    string      `json:"y,omitempty"`
	Log    string      `json:"g,omitempty"` // below the folder of logs, without .stdout or .stderr
	Text   [][2]string `json:"t,omitempty"` // stream, text
	Lost   int64       `json:"m,omitempty"` // bytes before Text
	Left   bool        `json:"z,omitempty"` // there is a text, and no room for it
}

// unfinished is the state of a step whose end nobody knows.
const unfinished = "unfinished"

// room is how many bytes of output a page has in all. What failed comes before what did not.
const room = 8 << 20

// encoder makes rows.
type encoder struct {
	run  *model.Run
	live bool // there is always room
	bad  int  // bytes that are left for the output of what failed, and
	good int  // of the rest
}

func newEncoder(r *model.Run, live bool) *encoder {
	e := &encoder{run: r, live: live, bad: room}
	each(r.Root, func(s *model.Step) {
		for i := range s.Attempts {
			if a := &s.Attempts[i]; a.Status != event.Succeeded {
				e.good += size(&a.Output)
			}
		}
	})
	e.good = max(0, room-e.good)
	return e
}

// each visits a step and all in it, also what earlier attempts began.
func each(s *model.Step, visit func(*model.Step)) {
	if s == nil {
		return
	}
	visit(s)
	for i := range s.Attempts {
		for _, c := range s.Attempts[i].Children {
			each(c, visit)
		}
	}
	for _, c := range s.Children {
		each(c, visit)
	}
}

func size(o *model.Output) (n int) {
	for _, p := range o.Pieces {
		n += len(p.Text)
	}
	return n
}

// rows are those of all steps.
func (e *encoder) rows() []row {
	list := []row{}
	former := map[*model.Step]int{}
	critical := map[*model.Step]bool{}
	for _, l := range ending.Critical(e.run) {
		critical[l.Step] = true
	}
	each(e.run.Root, func(s *model.Step) {
		for i := range s.Attempts {
			for _, c := range s.Attempts[i].Children {
				former[c] = s.Attempts[i].Number
			}
		}
		r := e.row(s, former[s])
		r.Critical = critical[s]
		list = append(list, r)
	})
	return list
}

// row is that of s, which belongs to an earlier attempt of its parent; 0: it does not.
func (e *encoder) row(s *model.Step, former int) row {
	at := s.Where()
	r := row{
		spot: spot{at.Step, at.Parent, at.Order, former, s.Path, e.label(s), s.Def.Pos.String()},
		Name: plain.Line(s.Name), Kind: s.Def.Kind, Works: s.Works(),
		fate: fate{State: e.state(s), Why: why(s)},
	}
	if s.Recovered != nil {
		r.Handled = headline(s.Recovered)
	}
	if s.State == model.Ended {
		r.Ended = e.since(s.Started.Add(s.Duration))
		r.Value, r.Files = value(s), fileLines(s.Artifacts)
	}
	if len(s.Attempts) > 0 {
		r.Began = e.since(s.Attempts[0].Started)
	} else {
		r.Ended = nil
	}
	for _, w := range s.Waits {
		wait := [3]any{*e.since(w.From), nil, w.Why}
		if !w.To.IsZero() {
			wait[1] = *e.since(w.To)
		}
		r.Waits = append(r.Waits, wait)
	}
	for i := range s.Attempts {
		r.Attempts = append(r.Attempts, e.try(&s.Attempts[i]))
	}
	return r
}

// since is t on the page.
func (e *encoder) since(t time.Time) *float64 {
	ms := milliseconds(t.Sub(e.run.Started))
	return &ms
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/100) / 10 }

// label is what s is called below its parent.
func (e *encoder) label(s *model.Step) string {
	switch {
	case s.Parent == nil:
		return plain.Line(e.run.Label())
	case s.Path == s.Parent.Path:
		return s.Def.Kind
	}
	rest, ok := strings.CutPrefix(s.Path, s.Parent.Path)
	if !ok {
		return s.Path
	}
	return cmp.Or(strings.TrimPrefix(rest, "."), s.Path)
}

func (e *encoder) state(s *model.Step) string {
	if s.State != model.Ended && e.run.About.Crashed {
		return unfinished
	}
	return s.At().String()
}

// why is a sentence on the state of s.
func why(s *model.Step) string {
	switch {
	case s.State == model.Waiting && s.LastWait() != nil:
		return "for " + s.LastWait().Why
	case s.State == model.Pausing:
		return fmt.Sprintf("for attempt %d", s.Tries+1)
	case s.State != model.Ended && s.Told != nil:
		return "is told to stop: " + s.Told.String()
	case s.State != model.Ended:
		return ""
	case s.Status == event.Failed:
		return headline(s.Err)
	case s.Status == event.Cancelled:
		return s.Cause.String()
	case s.Status == event.Skipped:
		return s.Reason
	case s.Recovered != nil:
		return "recovered"
	case s.Returned > 0:
		return counted(s.Returned, "error") + " returned"
	}
	return ""
}

// headline is an error in one line.
func headline(e *event.Error) string {
	if e == nil {
		return ""
	}
	text, _, more := strings.Cut(e.Message, "\n")
	if more {
		text += " …"
	}
	return shorten(plain.Clean(e.Type+": "+text), 300)
}

// shorten is text with at most n characters.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// value is that of s in a few words. The text of a process stands in its output.
func value(s *model.Step) string {
	switch v := s.Value.(type) {
	case nil:
		return ""
	case string:
		if s.Def.Kind == "run" {
			return ""
		}
		return shorten(plain.Clean(v), 300)
	case []any:
		if len(v) > 20 {
			return fmt.Sprintf("a list of %d", len(v))
		}
	case map[string]any:
		if len(v) > 20 {
			return fmt.Sprintf("a mapping of %d", len(v))
		}
	}
	b, err := event.Marshal(s.Value)
	if err != nil {
		return ""
	}
	return shorten(plain.Clean(string(b)), 300)
}

func (e *encoder) try(a *model.Attempt) try {
	t := try{Number: a.Number, Began: *e.since(a.Started), State: a.Status.String(), Why: headline(a.Err)}
	if !a.Ended.IsZero() {
		t.Ended = e.since(a.Ended)
	} else if e.run.About.Crashed {
		t.State = unfinished
	}
	if a.Log != "" {
		t.Log = filepath.Base(filepath.Dir(a.Log)) + "/" + filepath.Base(a.Log)
	}
	left := &e.bad
	if a.Status == event.Succeeded {
		left = &e.good
	}
	if n := size(&a.Output); n > *left {
		t.Left = true
		return t
	} else if !e.live {
		*left -= n
	}
	t.Lost = a.Output.Lost
	for _, p := range a.Output.Pieces {
		if p.Skipped > 0 {
			t.Text = append(t.Text, [2]string{"gap", fmt.Sprintf("… %d bytes\n", p.Skipped)})
		}
		// A sequence may stand in two pieces.
		if n := len(t.Text) - 1; n >= 0 && t.Text[n][0] == p.Stream {
			t.Text[n][1] += p.Text
			continue
		}
		t.Text = append(t.Text, [2]string{p.Stream, p.Text})
	}
	if e.live && a.Ended.IsZero() {
		t.shorten(following)
	}
	for i := range t.Text {
		t.Text[i][1] = plain.Painted(t.Text[i][1])
	}
	return t
}

// following is how much of an output a page is sent again and again, while it grows.
const following = 8 << 10

// shorten leaves the last bytes of the text, from the begin of a line on.
func (t *try) shorten(most int) {
	for i := len(t.Text) - 1; i >= 0; i-- {
		text := t.Text[i][1]
		if most -= len(text); most > 0 {
			continue
		}
		cut := min(len(text), -most)
		if end := strings.IndexByte(text[cut:], '\n'); end >= 0 {
			cut += end + 1
		} else {
			cut = len(text)
		}
		for _, x := range t.Text[:i] {
			t.Lost += int64(len(x[1]))
		}
		t.Lost += int64(cut)
		t.Text = t.Text[i:]
		t.Text[0][1] = text[cut:]
		return
	}
}
