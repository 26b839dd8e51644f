package kernel

import (
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// frame is where the names of one workflow, iteration or visit live (see package plan).
type frame struct {
	Parent int32 // the frame around it in the file; -1 for a workflow's own
	Depth  int32
	Calls  int32          // how many calls deep
	Index  int            // loop.index
	Vars   []any          // loop variables; task
	Inputs map[string]any // of a workflow's own frame
	Prefix string         // of the paths of steps with an id: "tests[0]."
	Slots  []slot
}

// slot is the state of one step as expressions see it.
type slot struct {
	Status   event.Status
	Awaited  bool // a background task whose outcome was taken by an await
	Act      id   // the step while it is alive
	Attempt  int32
	Duration time.Duration
	Value    any
	Err      *event.Error
	Cause    *event.Cause
	Extra    map[string]any
	Joined   *joined
}

type frames struct {
	All  []*frame
	Free []int32
}

func (f *frames) add(x frame) int32 {
	if n := len(f.Free); n > 0 {
		i := f.Free[n-1]
		f.Free = f.Free[:n-1]
		*f.All[i] = x
		return i
	}
	f.All = append(f.All, &x)
	return int32(len(f.All) - 1)
}

func (f *frames) drop(i int32) {
	*f.All[i] = frame{}
	f.Free = append(f.Free, i)
}

// at is the frame of the given depth that i lies in.
func (f *frames) at(i, depth int32) *frame {
	x := f.All[i]
	for x.Depth > depth {
		x = f.All[x.Parent]
	}
	return x
}

// inner makes a frame one deeper than i, with slots.
func (k *Kernel) inner(i, slots int32, prefix string) int32 {
	outer := k.frames.All[i]
	x := frame{Parent: i, Depth: outer.Depth + 1, Calls: outer.Calls, Prefix: prefix}
	if slots > 0 {
		x.Slots = make([]slot, slots)
	}
	return k.frames.add(x)
}

// slot is where the state of the step stands, nil if nobody can read it.
func (k *Kernel) slot(f, depth, n int32) *slot {
	if n < 0 {
		return nil
	}
	return &k.frames.at(f, depth).Slots[n]
}

// own is the slot n of the frame f itself.
func (k *Kernel) own(f, n int32) *slot {
	if n < 0 {
		return nil
	}
	return &k.frames.All[f].Slots[n]
}

// value is steps.x without its long members (lists). Of a skipped step, and of one that never began, all but the status is null.
func (s *slot) value() map[string]any {
	status := s.Status
	if status == event.Waiting && s.Act == 0 {
		status = event.Skipped
	}
	m := map[string]any{
		"status": status.String(), "value": s.Value, "error": nil, "attempts": nil, "duration": nil,
		"children": nil, "completed": nil, "stdout": nil, "stderr": nil, "exit_code": nil, "outputs": nil, "http": nil, "artifacts": nil,
	}
	if s.Err != nil {
		m["error"] = s.Err.Value()
	}
	if status != event.Skipped {
		m["attempts"] = int(s.Attempt)
		m["duration"] = s.Duration.Seconds()
	}
	for key, v := range s.Extra { // into a map: the order does not matter
		m[key] = v
	}
	return m
}

// lists puts the long members into m, a value of s: field is the member that is read, "" when that is not known.
func (s *slot) lists(m map[string]any, field string) {
	j := s.Joined
	if j == nil {
		return
	}
	if field == "" || field == "children" {
		list := make([]any, len(j.Children))
		for i := range j.Children {
			list[i] = state(j.N, i, &j.Children[i])
		}
		m["children"] = list
	}
	if j.N.Visit != nil && (field == "" || field == "completed") {
		m["completed"] = append([]any{}, j.Completed...)
	}
}

func environment(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, kv := range list {
		if name, v, ok := strings.Cut(kv, "="); ok && name != "" {
			m[name] = v
		}
	}
	return m
}
