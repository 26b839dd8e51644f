package durations

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// together says when the children of a block end that are written out, as they have their turns: after their needs, and
// of those who want a slot the first who could begin.
func (r *Run) together(x *span, s *spot, i *instance, children []*plan.Step, slots int) []float64 {
	inside := r.below(s)
	at := at(s, i)
	list := make([]job, len(children))
	var queue jobs
	free := instants{}
	waits := false // for anything
	for n, def := range children {
		c := inside[s.number[def.Index]]
		y := r.child(s, i, at, c)
		x.add(y)
		j := &list[n]
		j.number, j.took = n, y.took
		f := r.form(def)
		over := i != nil && i.over != nil && i.over[s.number[def.Index]]
		var live *instance
		if at != nil {
			live = at[s.number[def.Index]]
		}
		begun := over || live != nil && live.phase > waiting
		j.slot = f.slot && slots > 0 && !begun
		if begun && f.slot && live != nil && live.phase != pausing {
			free = append(free, y.took)
		}
		if !begun {
			for _, need := range f.needs {
				before := &list[need.Child]
				before.after = append(before.after, n)
				j.needs++
			}
		}
		waits = waits || j.needs > 0 || j.slot
	}
	ends := make([]float64, len(list))
	if !waits {
		for n := range list {
			ends[n] = list[n].took
		}
		return ends
	}
	for len(free) < slots && len(free) < len(list) {
		free = append(free, 0)
	}
	heap.Init(&free)
	for n := range list {
		if list[n].needs == 0 {
			queue = append(queue, &list[n])
		}
	}
	heap.Init(&queue)
	for len(queue) > 0 {
		j := heap.Pop(&queue).(*job)
		end := j.ready + j.took
		if j.slot {
			begin := max(j.ready, free[0])
			end = begin + j.took
			free[0] = end
			heap.Fix(&free, 0)
		}
		ends[j.number] = end
		for _, n := range j.after {
			y := &list[n]
			y.ready = max(y.ready, end)
			if y.needs--; y.needs == 0 {
				heap.Push(&queue, y)
			}
		}
	}
	return ends
}

// job is a child of a block.
type job struct {
	number int
	took   float64
	ready  float64 // when its needs have ended
	needs  int     // that have not
	slot   bool    // it waits for one
	after  []int   // who needs it
}

// jobs is a heap of those that are ready, in the order in which they have their turns.
type jobs []*job

func (q jobs) Len() int      { return len(q) }
func (q jobs) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q jobs) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].ready, q[j].ready), cmp.Compare(q[i].number, q[j].number)) < 0
}
func (q *jobs) Push(x any) { *q = append(*q, x.(*job)) }

func (q *jobs) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// instants is a heap of when slots are free.
type instants []float64

func (q instants) Len() int           { return len(q) }
func (q instants) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q instants) Less(i, j int) bool { return q[i] < q[j] }
func (q *instants) Push(x any)        { *q = append(*q, x.(float64)) }

func (q *instants) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// made says when those of the children of a generator end that have not. Those that have not begun are alike, and of very many
// it gives the ends of the last ones. count is how many there are in all.
func (r *Run) made(x *span, s *spot, i *instance, n *plan.Join, slots int) (ends []float64, count int) {
	each := r.below(s)[s.number[n.Gen.Do.Index]]
	count, known := r.count(each, n.Gen, i)
	if known = known || i != nil && !n.Lazy && i.passed > 0; !known { // they all begin at once
		x.blind = true
	}
	var free instants
	for _, y := range r.live(i, n.Gen.Do) {
		if y.phase <= waiting {
			continue
		}
		y := r.of(y.spot, y)
		x.add(y)
		ends = append(ends, y.took)
		free = append(free, y.took)
	}
	rest := count - len(ends)
	if i != nil {
		rest -= i.done
	}
	if rest <= 0 {
		return ends, count
	}
	fresh := r.of(each, nil)
	x.times(fresh, rest)
	many := max(0, rest-maxJobs)
	rest -= many
	if slots == 0 {
		for range rest {
			ends = append(ends, fresh.took)
		}
		return ends, count
	}
	slices.Sort(free)
	free = free[:min(slots, len(free))]
	for len(free) < min(slots, count) {
		free = append(free, 0)
	}
	for n := range free { // all slots are full as long as there are many
		free[n] += fresh.took * float64(many) / float64(len(free))
	}
	heap.Init(&free)
	for range rest {
		free[0] += fresh.took
		ends = append(ends, free[0])
		heap.Fix(&free, 0)
	}
	return ends, count
}

// maxJobs is how many children that are alike get a turn each.
const maxJobs = 2_000
