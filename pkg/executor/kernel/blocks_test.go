package kernel_test

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// The laws of blocks: lists, gather, wait, taskgroup, needs, and of what awaits them.

func needs(l *life, say func(string, ...any)) {
	n, ok := nodeOf[*plan.Needs](l)
	if !ok || l.parent == nil {
		return
	}
	for _, need := range n.On {
		for _, c := range l.parent.kids {
			if c.section() != event.InBody || c.index() != int(need.Child) || c.attempt != l.attempt {
				continue
			}
			if len(l.starts) > 0 && c.end.Seq > l.starts[0].Seq {
				say("%q began before %q had ended", l.path(), c.path())
			}
			if need.Hard && len(l.starts) > 0 && c.end.Status != event.Succeeded {
				say("%q began although %q was %s", l.path(), c.path(), c.end.Status)
			}
		}
	}
}

func lists(l *life, say func(string, ...any)) {
	node := l.action()
	if c := l.inner(); c != nil {
		node = c[len(c)-1]
	}
	switch node.(type) {
	case *plan.Sequence, *plan.Loop:
	default:
		return
	}
	var before *life
	for _, c := range l.body() {
		if c.step.Background {
			continue
		}
		if before != nil && c.first.Seq < before.end.Seq {
			say("%q began before %q had ended", c.path(), before.path())
		}
		if before != nil && before.end.Status == event.Failed && len(c.starts) > 0 {
			say("%q failed, and then %q began", before.path(), c.path())
		}
		before = c
	}
}

// results: the value of a step that succeeded is what its children's ends said, by their places.
func results(l *life, say func(string, ...any)) {
	if l.end.Status != event.Succeeded || l.end.Recovered != nil || has[*plan.Result](l) {
		return
	}
	chain := l.chain
	if c := l.inner(); c != nil {
		chain = c
		for _, n := range c[:len(c)-1] {
			switch n.(type) {
			case *plan.Result, *plan.Handle:
				return
			}
		}
	}
	want, known := resultOf(l, chain[len(chain)-1])
	if known && text(want) != text(l.end.Value) {
		say("%q gave %s, its children %s", l.path(), text(l.end.Value), text(want))
	}
}

func resultOf(l *life, n plan.Node) (value any, known bool) {
	body := l.body()
	switch n := n.(type) {
	case *plan.Leaf:
		return int(l.step.Index), n.Reraise == nil && l.inner() == nil
	case *plan.Sequence:
		for _, c := range body {
			if c.end.Status == event.Succeeded && !c.step.Background && c.step.Kind != "cancel" {
				value = c.end.Value
			}
		}
		return value, true
	case *plan.Loop:
		list := make([]any, len(constantOf(n.Gen.In).([]any)))
		for _, c := range body {
			list[c.index()] = c.end.Value
		}
		return list, len(body) == len(list)
	case *plan.Join:
		if n.Kind == ast.Wait {
			return nil, false // law: waits
		}
		list := make([]any, childrenOf(n))
		for _, c := range body {
			switch c.end.Status {
			case event.Succeeded:
				list[c.index()] = c.end.Value
			case event.Failed:
				list[c.index()] = map[string]any{"error": c.end.Err.Value()}
			}
		}
		return list, len(body) == len(list)
	case *plan.Cancel:
		return nil, true
	}
	return nil, false
}

func childrenOf(n *plan.Join) int {
	if n.Gen != nil {
		return len(constantOf(n.Gen.In).([]any))
	}
	return len(n.Children)
}

// failures are the children that failed, in order of completion; those of one instant in argument order.
func failures(l *life) []*life {
	var out []*life
	for _, c := range l.body() {
		if c.end.Status == event.Failed {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b *life) int { return int(a.end.Instant - b.end.Instant) })
	return out
}

// errorsInTime: what comes out of a block that failed, and of a list.
func errorsInTime(l *life, say func(string, ...any)) {
	for _, n := range l.chain {
		switch n.(type) {
		case *plan.Handle, *plan.Limit, *plan.Call:
			return
		}
	}
	j, ok := l.action().(*plan.Join)
	if !ok || j.Kind == ast.Wait || j.Visit != nil || l.end.Status == event.Cancelled || len(l.starts) == 0 {
		return
	}
	failed := failures(l)
	if len(failed) == 0 || j.ReturnExceptions {
		return
	}
	if l.end.Status != event.Failed {
		say("%q %s, though %q failed", l.path(), l.end.Status, failed[0].path())
		return
	}
	var want, got []int64
	for _, f := range failed {
		want = append(want, f.end.Err.ID)
	}
	e := l.end.Err
	if j.Kind == ast.TaskGroup || j.GroupErrors {
		for _, m := range e.Errors {
			got = append(got, m.ID)
		}
	} else {
		got = append(got, e.ID)
		for _, o := range e.Others {
			got = append(got, o.ID)
		}
		if n := len(got) - len(want); n > 0 { // the first one brought others of its own
			got = append(got[:1], got[1+n:]...)
		}
	}
	if !slices.Equal(want, got) {
		say("%q failed with %v, its children with %v", l.path(), got, want)
	}
}

func taskgroups(l *life, say func(string, ...any)) {
	j, ok := l.action().(*plan.Join)
	if !ok || j.Kind != ast.TaskGroup {
		return
	}
	failed := failures(l)
	if len(failed) == 0 {
		return
	}
	first := failed[0].end.Instant
	for _, c := range l.body() {
		if len(c.starts) > 0 && c.starts[0].Instant > first {
			say("%q failed, and later %q began", failed[0].path(), c.path())
		}
		if !c.within(first) && !c.shielded() && c.first.Type != event.StepEnd && (c.cancel == nil || c.cancel.Instant > first) {
			say("%q failed, and %q was not told to stop", failed[0].path(), c.path())
		}
	}
}

// waits: `done` and `pending` share the children, in argument order, and show how they ended; what was not done when the
// first of a first_... mode came is told to stop in that instant, or kept.
func waits(l *life, say func(string, ...any)) {
	j, ok := l.action().(*plan.Join)
	if !ok || j.Kind != ast.Wait || l.end.Status == event.Cancelled || l.handle() != nil {
		return
	}
	body := l.body()
	came := firstCounted(j, body)
	for _, c := range body {
		if came == nil || j.Visit != nil {
			break
		}
		told := c.cancel != nil && c.cancel.Instant <= came.Instant || c.first.Type == event.StepEnd
		if !c.within(came.Instant) && !c.shielded() && !told && !j.Keep {
			say("%q had what it wanted, and %q was not told to stop", l.path(), c.path())
		}
	}
	m, ok := l.end.Value.(map[string]any)
	if !ok || has[*plan.Result](l) || l.end.Status != event.Succeeded {
		return
	}
	seen := make([]string, len(body))
	for _, key := range []string{"done", "pending"} {
		last := -1
		for _, x := range m[key].([]any) {
			s := x.(map[string]any)
			i := s["index"].(int)
			if i <= last {
				say("%q: %s is not in argument order", l.path(), key)
			}
			last = i
			seen[i] += key
			c := body[i]
			if key == "done" && (s["status"] != c.end.Status.String() || c.end.Status == event.Succeeded && text(s["value"]) != text(c.end.Value)) {
				say("%q says that %q %s with %s, but it %s with %s", l.path(), c.path(), s["status"], text(s["value"]), c.end.Status, text(c.end.Value))
			}
			if key == "pending" && c.end.Status == event.Succeeded && !j.Keep && !c.shielded() {
				say("%q gave %q up, and then it succeeded", l.path(), c.path())
			}
		}
	}
	for i, s := range seen {
		if s != "done" && s != "pending" {
			say("%q: child %d is in %q", l.path(), i, s)
		}
	}
}

// firstCounted is the first end that a first_... mode waits for.
func firstCounted(j *plan.Join, body []*life) *moment {
	var first *moment
	for _, c := range body {
		s := c.end.Status
		counts := false
		switch j.Return.Mode {
		case ast.FirstCompleted:
			counts = s == event.Succeeded || s == event.Failed
		case ast.FirstException:
			counts = s == event.Failed
		case ast.FirstSuccess:
			counts = s == event.Succeeded
		}
		if counts && (first == nil || c.end.Instant < first.Instant) {
			first = c.end
		}
	}
	return first
}

// awaits: an await gives the values of its tasks, or the error of the first that failed or was cancelled.
func awaits(h *history, say func(string, ...any)) {
	for _, l := range h.lives {
		a, ok := l.action().(*plan.Await)
		if !ok || l.end.Status == event.Cancelled || l.handle() != nil || len(l.starts) == 0 {
			continue
		}
		var values []any
		failed := false
		for _, t := range a.Tasks {
			task := taskOf(l, t)
			if task == nil {
				values = append(values, nil) // its block did not begin it
				continue
			}
			switch task.end.Status {
			case event.Failed, event.Cancelled:
				failed = true
			default:
				values = append(values, task.end.Value)
			}
			if l.end.Status == event.Succeeded && task.end.Seq > l.end.Seq {
				say("%q ended before its task %q", l.path(), t.ID)
			}
		}
		if l.end.Status == event.Succeeded && failed {
			say("%q succeeded, but not its tasks", l.path())
		}
		want := any(values)
		if !a.List {
			want = nil
			if len(values) > 0 {
				want = values[0]
			}
		}
		if l.end.Status == event.Succeeded && text(want) != text(l.end.Value) {
			say("%q gave %s, its tasks %s", l.path(), text(l.end.Value), text(want))
		}
	}
}

// taskOf is the living or last instance of a task, seen from l.
func taskOf(l *life, t plan.Task) *life {
	for at := l; at != nil; at = at.parent {
		var found *life
		for _, c := range at.kids {
			if c.step.ID == t.ID && c.first.Seq < l.first.Seq {
				found = c
			}
			for _, k := range c.kids {
				if k.step.ID == t.ID && k.kept() && k.first.Seq < l.first.Seq {
					found = k
				}
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}
