package files

import (
	"bufio"
	"cmp"
	"container/heap"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// trace writes the JSON of Chrome's trace viewer, which Perfetto reads, too:
//
//	{"displayTimeUnit":"ms","traceEvents":[
//	{"ph":"M", "name":"process_name","pid":1,"args":{"name":"at work"}},
//	{"ph":"X", "name":"e2e","cat":"attempt","pid":1,"tid":2,"ts":1200,"dur":58100,"args":{...}},
//	...],"otherData":{...}}
//
// There are three groups of lanes: the attempts of steps that do something themselves, each in the first lane that is free,
// so that there are as many lanes as ever worked at once; what waited, for a slot, a permit, a need, or the next attempt; and the
// blocks. ts and dur are microseconds since the run began. That a service is ready is an instant; counters show how many worked and waited.
func trace(w io.Writer, r *model.Run) error {
	t := &tracer{w: bufio.NewWriter(w), run: r}
	return t.write()
}

// The groups, as processes of the trace.
const (
	working = iota + 1
	waiting
	inBlocks
)

type tracer struct {
	w     *bufio.Writer // which remembers an error
	run   *model.Run
	spans [inBlocks + 1][]span
	count int
	buf   []byte
}

// span is a time in a lane.
type span struct {
	from, to time.Time
	step     *model.Step
	attempt  *model.Attempt
	wait     *model.Wait
}

func (t *tracer) write() error {
	r := t.run
	_, _ = t.w.WriteString(`{"displayTimeUnit":"ms","traceEvents":[`)
	if r.Root != nil {
		t.collect(r.Root)
	}
	for pid, name := range []string{working: "at work", waiting: "waiting", inBlocks: "blocks"} {
		if name != "" {
			t.metadata("process_name", pid, 0, func(o *event.Object) { o.Text("name", name) })
			t.metadata("process_sort_index", pid, 0, func(o *event.Object) { o.Int("sort_index", int64(pid)) })
		}
	}
	t.counter("at work", working)
	t.counter("waiting", waiting)
	left := 0
	for pid, list := range t.spans {
		left += t.lanes(pid, list)
	}
	_, _ = t.w.WriteString("\n],\"otherData\":")
	t.object(func(o *event.Object) {
		for _, x := range [][2]string{
			{"workflow", r.Label()},
			{"run", r.ID},
			{"file", r.Plan.File},
			{"status", r.Word()},
			{"flowrun", r.About.Flowrun},
			{"started_at", r.Started.UTC().Format(time.RFC3339Nano)},
		} {
			o.Text(x[0], plain.Line(x[1]))
		}
		o.Int("left_out", int64(left))
	})
	_, _ = t.w.WriteString("}\n")
	return t.w.Flush()
}

// collect takes the spans of s and of what is in it, and of earlier attempts.
func (t *tracer) collect(s *model.Step) {
	group := inBlocks
	if s.Works() {
		group = working
	}
	for i := range s.Attempts {
		a := &s.Attempts[i]
		t.spans[group] = append(t.spans[group], span{from: a.Started, to: a.Until(t.run), step: s, attempt: a})
		for _, c := range a.Children {
			t.collect(c)
		}
	}
	for i := range s.Waits {
		x := &s.Waits[i]
		if to := x.Until(t.run); to.After(x.From) {
			t.spans[waiting] = append(t.spans[waiting], span{from: x.From, to: to, step: s, wait: x})
		}
	}
	if !s.Ready.IsZero() {
		t.instant(s, "ready", s.Ready)
	}
	for _, c := range s.Children {
		t.collect(c)
	}
}

// maxLanes bounds the lanes of a group: 100,000 steps may wait for one slot, and nobody looks at so many lanes.
const maxLanes = 500

// lanes writes the spans of a group, each in the first lane that is free. It returns how many had none.
func (t *tracer) lanes(pid int, list []span) (left int) {
	slices.SortStableFunc(list, func(a, b span) int { return a.from.Compare(b.from) })
	var busy ends
	var free numbers
	lanes := 0
	for _, x := range list {
		for len(busy) > 0 && !busy[0].at.After(x.from) {
			heap.Push(&free, heap.Pop(&busy).(end).lane)
		}
		var lane int
		switch {
		case len(free) > 0:
			lane = heap.Pop(&free).(int)
		case lanes == maxLanes:
			left++
			continue
		default:
			lanes++
			lane = pid*10*maxLanes + lanes // no two groups have one number, which some viewers could not tell apart
			t.metadata("thread_name", pid, lane, func(o *event.Object) { o.Text("name", "lane "+strconv.Itoa(lanes)) })
		}
		heap.Push(&busy, end{x.to, lane})
		t.span(pid, lane, x)
	}
	return left
}

// end is when a lane becomes free.
type end struct {
	at   time.Time
	lane int
}

// ends are those of busy lanes, the first one on top.
type ends []end

func (h ends) Len() int           { return len(h) }
func (h ends) Less(i, j int) bool { return cmp.Or(h[i].at.Compare(h[j].at), h[i].lane-h[j].lane) < 0 }
func (h ends) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ends) Push(x any)        { *h = append(*h, x.(end)) }
func (h *ends) Pop() any          { x := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return x }

// numbers are those of free lanes, the lowest on top.
type numbers []int

func (h numbers) Len() int           { return len(h) }
func (h numbers) Less(i, j int) bool { return h[i] < h[j] }
func (h numbers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *numbers) Push(x any)        { *h = append(*h, x.(int)) }
func (h *numbers) Pop() any          { x := (*h)[len(*h)-1]; *h = (*h)[:len(*h)-1]; return x }

func (t *tracer) span(pid, lane int, x span) {
	s := x.step
	t.event("X", plain.Line(s.Label(t.run)), pid, lane, func(o *event.Object) {
		category := "attempt"
		if x.wait != nil {
			category = "wait"
		}
		o.Text("cat", category)
		o.Key("ts")
		o.Raw(micros(x.from.Sub(t.run.Started)))
		o.Key("dur")
		o.Raw(micros(x.to.Sub(x.from)))
		o.Key("args")
		o.Raw(object(func(o *event.Object) { t.args(o, x) }))
	})
}

func (t *tracer) args(o *event.Object, x span) {
	s := x.step
	text := func(key, value string) {
		if value != "" {
			o.Text(key, plain.Line(value))
		}
	}
	text("kind", s.Def.Kind)
	text("place", s.Def.Pos.String())
	text("name", s.Name)
	if w := x.wait; w != nil {
		if w.IsPause() {
			text("why", "the next attempt")
		} else {
			text("why", w.Why)
		}
		return
	}
	a := x.attempt
	o.Int("attempt", int64(a.Number))
	text("status", a.Status.String())
	if a.Err != nil {
		text("error", a.Err.Type+": "+headline(a.Err.Message))
	}
	if a.Status == event.Cancelled {
		text("cause", s.Cause.String())
	}
	text("log", a.Log)
}

// counter tells how many spans of a group there were whenever that changed.
func (t *tracer) counter(name string, group int) {
	type change struct {
		at time.Time
		by int
	}
	var list []change
	for _, x := range t.spans[group] {
		if x.to.After(x.from) {
			list = append(list, change{x.from, 1}, change{x.to, -1})
		}
	}
	slices.SortStableFunc(list, func(a, b change) int { return a.at.Compare(b.at) })
	n := 0
	for i, x := range list {
		if n += x.by; i+1 < len(list) && list[i+1].at.Equal(x.at) {
			continue
		}
		t.event("C", name, group, 0, func(o *event.Object) {
			o.Key("ts")
			o.Raw(micros(x.at.Sub(t.run.Started)))
			o.Key("args")
			o.Raw(object(func(o *event.Object) { o.Int("steps", int64(n)) }))
		})
	}
}

func (t *tracer) instant(s *model.Step, word string, at time.Time) {
	t.event("i", plain.Line(s.Label(t.run))+" "+word, inBlocks, 0, func(o *event.Object) {
		o.Text("s", "g")
		o.Key("ts")
		o.Raw(micros(at.Sub(t.run.Started)))
	})
}

func (t *tracer) metadata(name string, pid, tid int, args func(o *event.Object)) {
	t.event("M", name, pid, tid, func(o *event.Object) {
		o.Key("args")
		o.Raw(object(args))
	})
}

// event writes one, on a line of its own.
func (t *tracer) event(phase, name string, pid, tid int, more func(o *event.Object)) {
	if t.count++; t.count > 1 {
		_ = t.w.WriteByte(',')
	}
	_ = t.w.WriteByte('\n')
	t.object(func(o *event.Object) {
		o.Text("ph", phase)
		o.Text("name", name)
		o.Int("pid", int64(pid))
		o.Int("tid", int64(tid))
		more(o)
	})
}

func (t *tracer) object(fill func(o *event.Object)) {
	t.buf = object(fill)(t.buf[:0])
	_, _ = t.w.Write(t.buf)
}

// object is what fill makes, for Object.Raw. It has only what is always JSON.
func object(fill func(o *event.Object)) func(b []byte) []byte {
	return func(b []byte) []byte {
		o := event.NewObject(b)
		fill(&o)
		b, err := o.End()
		if err != nil {
			panic("files: a report that is no JSON: " + err.Error())
		}
		return b
	}
}

// micros is d in microseconds.
func micros(d time.Duration) func(b []byte) []byte {
	return func(b []byte) []byte { return strconv.AppendFloat(b, float64(d.Nanoseconds())/1e3, 'f', -1, 64) }
}
