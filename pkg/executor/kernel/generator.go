package kernel

import (
	"maps"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// maxItems bounds a generator.
const maxItems = 1_000_000

// items is evaluateItems, of a block with that word, and tells who wants to know.
func (k *Kernel) items(b *base, g *plan.Generator, word string) ([]any, *event.Error) {
	items, err := k.evaluateItems(b, g)
	if err == nil && k.opt.Items != nil {
		path := k.step(b).path(k)
		if path == "" {
			path = word
		}
		k.opt.Items(path, items)
	}
	return items, err
}

// evaluateItems evaluates what a generator goes over: one item for each child. An item of a matrix is the list of its values.
func (k *Kernel) evaluateItems(b *base, g *plan.Generator) ([]any, *event.Error) {
	if g.In != nil {
		list, err := k.list(b, g.In, "in")
		if err == nil && len(list) > maxItems {
			err = event.Errorf(event.ValueError, "in has %d items, at most %d are allowed", len(list), maxItems)
		}
		return list, err
	}
	rows := [][]any{nil}
	for i, v := range g.Lists {
		list, err := k.list(b, v, g.Vars[i])
		if err != nil {
			return nil, err
		}
		if len(list)*len(rows) > maxItems {
			return nil, event.Errorf(event.ValueError, "the matrix has more than %d combinations", maxItems)
		}
		next := make([][]any, 0, len(rows)*len(list))
		for _, row := range rows {
			for _, x := range list {
				next = append(next, append(slices.Clip(row), x))
			}
		}
		rows = next
	}
	items := make([]any, 0, len(rows))
	for _, row := range rows {
		out, err := k.excluded(b, g, row)
		if err != nil {
			return nil, err
		}
		if !out {
			items = append(items, row)
		}
	}
	return items, nil
}

// list is a value as a list; a map gives {key, value} in key order.
func (k *Kernel) list(b *base, v *plan.Value, what string) ([]any, *event.Error) {
	x, err := k.eval(b, v, nil)
	if err != nil {
		return nil, err
	}
	switch x := x.(type) {
	case []any:
		return x, nil
	case map[string]any:
		list := make([]any, 0, len(x))
		for _, key := range slices.Sorted(maps.Keys(x)) {
			list = append(list, map[string]any{"key": key, "value": x[key]})
		}
		return list, nil
	}
	return nil, event.Errorf(event.ValueError, "%s is %s, want a list or a map", what, show(x))
}

func (k *Kernel) excluded(b *base, g *plan.Generator, row []any) (bool, *event.Error) {
	if g.Exclude == nil {
		return false, nil
	}
	f := k.inner(b.Frame, 0, "")
	defer k.frames.drop(f)
	k.frames.All[f].Vars = row
	at := *b
	at.Frame = f
	return k.condition(&at, g.Exclude, nil)
}

// iteration makes the frame of child i, and the path of its step ("" when that has an id of its own).
func (k *Kernel) iteration(b *base, g *plan.Generator, items []any, i int, word string) (f int32, path string) {
	prefix := k.generatedPrefix(b, i, word)
	f = k.inner(b.Frame, g.Slots, prefix)
	x := k.frames.All[f]
	x.Index = i
	if row, ok := items[i].([]any); ok && g.In == nil {
		x.Vars = row
	} else {
		x.Vars = []any{items[i]}
	}
	if g.Do.ID != "" {
		return f, ""
	}
	return f, prefix[:len(prefix)-1]
}

// generatedPath is the path of child i whether or not it was begun.
func (k *Kernel) generatedPath(b *base, g *plan.Generator, i int, word string) string {
	prefix := k.generatedPrefix(b, i, word)
	if g.Do.ID != "" {
		return prefix + g.Do.ID
	}
	return prefix[:len(prefix)-1]
}

// generatedPrefix is "tests[0].": what stands before the ids of steps in child i.
func (k *Kernel) generatedPrefix(b *base, i int, word string) string {
	path := k.step(b).path(k)
	if path == "" {
		path = word
	}
	buf := make([]byte, 0, len(path)+12)
	buf = append(append(buf, path...), '[')
	buf = append(strconv.AppendInt(buf, int64(i), 10), ']', '.')
	return string(buf)
}

// loopAct is a generator in a steps list: one iteration after the other. Its value is the list of theirs.
type loopAct struct {
	base
	N      *plan.Loop
	Items  []any
	Index  int
	Body   int32 // frame of the iteration
	Child  id
	Values []any
}

func (a *loopAct) begin(k *Kernel) {
	err := k.attempt(&a.base)
	if err == nil {
		a.Items, err = k.items(&a.base, a.N.Gen, "steps")
	}
	if err != nil {
		k.fail(&a.base, err)
		return
	}
	a.Values = make([]any, 0, len(a.Items))
	a.next(k)
}

func (a *loopAct) next(k *Kernel) {
	if a.Index == len(a.Items) {
		k.end(&a.base, event.Success(a.Values))
		return
	}
	f, path := k.iteration(&a.base, a.N.Gen, a.Items, a.Index, "steps")
	a.Body = f
	a.Child = k.beginStep(a.Self, a.N.Gen.Do, f, 0, event.InBody|int64(a.Index), path)
}

func (a *loopAct) ended(k *Kernel, _ int32, o event.Outcome) {
	a.Child = 0
	k.frames.drop(a.Body)
	if a.Stop != nil || o.Status == event.Failed || o.Status == event.Cancelled {
		k.endAs(&a.base, o)
		return
	}
	a.Values = append(a.Values, o.Value)
	a.Index++
	a.next(k)
}

func (a *loopAct) cancel(k *Kernel, how force) { k.cancel(a.Child, a.Stop, how) }
