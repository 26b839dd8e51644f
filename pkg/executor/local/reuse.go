package local

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/reuse"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// A take after the first one asks reuse.Next of each leaf whether it need be begun. What is kept ends at once, in the order in which
// it did, and before anything begins: so who is told to stop by that never begins.

// keptLeaf is a leaf that ends as it did in an earlier take.
type keptLeaf struct {
	*leaf
	reuse.Answer
}

// keptLeaves are those that have not ended yet, the first to end in front.
type keptLeaves []keptLeaf

func (k keptLeaves) Len() int { return len(k) }

func (k keptLeaves) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(k[i].Order, k[j].Order), cmp.Compare(k[i].n, k[j].n)) < 0
}

func (k keptLeaves) Swap(i, j int) { k[i], k[j] = k[j], k[i] }

// Push implements heap.Interface.
func (k *keptLeaves) Push(x any) { *k = append(*k, x.(keptLeaf)) }

// Pop implements heap.Interface.
func (k *keptLeaves) Pop() any {
	last := (*k)[len(*k)-1]
	*k = (*k)[:len(*k)-1]
	return last
}

// begins says whether the leaf n begins: now, or not at all.
func (d *driver) begins(n int32, l *leaf, k *kind.Kind, call kind.Call) bool {
	if d.Reuse == nil {
		return true
	}
	a := d.Reuse.Start(n, k, call)
	switch a.Do {
	case reuse.Begin:
		return true
	case reuse.Idle:
		l.idle = true
	case reuse.Keep:
		l.kept = true
		heap.Push(&d.kept, keptLeaf{l, a})
		if !k.Probe { // which has the step of its service
			d.keptOf[call.Step], d.logOf[call.Step] = true, a.Log
		}
	default:
		panic("local: unknown answer")
	}
	return false
}

// settle appends the ends of leaves that do not begin: of those that are kept and come next, and of those that were told to stop.
// A leaf that is idle, and must begin after all, does.
func (d *driver) settle(in []kernel.Input) []kernel.Input {
	if d.Reuse == nil {
		return in
	}
	for _, n := range d.Reuse.Woken() {
		if l := d.leaves[n]; l != nil {
			l.idle = false
			d.starting = append(d.starting, l)
		}
	}
	in = append(in, d.spared...)
	d.spared = nil
	for order := int64(-1); len(d.kept) > 0 && (order < 0 || d.kept[0].Order == order); {
		l := heap.Pop(&d.kept).(keptLeaf)
		if d.leaves[l.n] != l.leaf {
			continue // it ended in an earlier life of this take
		}
		order = l.Order
		delete(d.leaves, l.n)
		in = append(in, kernel.Input{Kind: kernel.Ended, Leaf: l.n, Outcome: l.Outcome})
	}
	return in
}

// spare says whether the leaf n, which is told to stop, has not begun. Then it does not begin any more.
func (d *driver) spare(n int32, l *leaf) bool {
	if d.Reuse == nil || l.kept {
		return l.kept
	}
	i := slices.Index(d.starting, l)
	if i < 0 && !l.idle {
		return false
	}
	if i >= 0 {
		d.starting = slices.Delete(d.starting, i, i+1)
	}
	delete(d.leaves, n)
	d.spared = append(d.spared, kernel.Input{Kind: kernel.Ended, Leaf: n, Outcome: event.Stopped(nil)})
	return true
}
