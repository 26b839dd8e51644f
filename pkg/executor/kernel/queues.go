package kernel

import (
	"slices"
	"time"
)

// fifo is a queue of messages in blocks, so that a long one is neither copied nor kept.
type fifo struct {
	first, last *block
	spare       *block // one that was emptied
}

type block struct {
	items      [128]message
	head, tail int
	next       *block
}

func (q *fifo) push(m message) {
	if q.last == nil || q.last.tail == len(q.last.items) {
		b := q.spare
		if b == nil {
			b = new(block)
		}
		q.spare = nil
		if q.last == nil {
			q.first = b
		} else {
			q.last.next = b
		}
		q.last = b
	}
	q.last.items[q.last.tail] = m
	q.last.tail++
}

func (q *fifo) pop() (message, bool) {
	b := q.first
	if b == nil {
		return message{}, false
	}
	m := b.items[b.head]
	b.items[b.head] = message{}
	b.head++
	if b.head == b.tail {
		q.first = b.next
		if q.first == nil {
			q.last = nil
		}
		b.head, b.tail, b.next = 0, 0, nil
		q.spare = b
	}
	return m, true
}

// decisions gives out the deepest first, and of equal depth the one that was asked for first.
type decisions struct {
	levels []level // by depth
	top    int     // no level from here on has any
}

type level struct {
	acts []id
	head int
}

func (q *decisions) push(a id, depth int32) {
	for len(q.levels) <= int(depth) {
		q.levels = append(q.levels, level{})
	}
	q.levels[depth].acts = append(q.levels[depth].acts, a)
	q.top = max(q.top, int(depth)+1)
}

func (q *decisions) pop() (id, bool) {
	for ; q.top > 0; q.top-- {
		l := &q.levels[q.top-1]
		if l.head < len(l.acts) {
			l.head++
			return l.acts[l.head-1], true
		}
		l.acts, l.head = l.acts[:0], 0
	}
	return 0, false
}

// timers is a heap by due time, then by age. An activation has at most one, and knows its position.
type timers struct {
	Heap []timer
	Seq  int64
	out  []id
}

type timer struct {
	Due  time.Duration
	Seq  int64
	base *base
	Act  id
}

func (t *timers) len() int { return len(t.Heap) }

func (t *timers) next() (time.Duration, bool) {
	if len(t.Heap) == 0 {
		return 0, false
	}
	return t.Heap[0].Due, true
}

func (t *timers) before(i, j int) bool {
	a, b := &t.Heap[i], &t.Heap[j]
	return a.Due < b.Due || a.Due == b.Due && a.Seq < b.Seq
}

func (t *timers) swap(i, j int) {
	t.Heap[i], t.Heap[j] = t.Heap[j], t.Heap[i]
	t.Heap[i].base.Timer, t.Heap[j].base.Timer = int32(i+1), int32(j+1)
}

// start arms the timer of b, d from now. A time beyond what a Duration can hold is as good as never.
func (t *timers) start(k *Kernel, b *base, d time.Duration) {
	due := k.now + d
	if due < k.now {
		due = 1<<63 - 1
	}
	t.Seq++
	t.Heap = append(t.Heap, timer{Due: due, Seq: t.Seq, base: b, Act: b.Self})
	b.Timer = int32(len(t.Heap))
	t.up(len(t.Heap) - 1)
}

func (t *timers) stop(b *base) {
	if b.Timer == 0 {
		return
	}
	t.remove(int(b.Timer - 1))
}

func (t *timers) remove(i int) {
	n := len(t.Heap) - 1
	t.Heap[i].base.Timer = 0
	if i != n {
		t.Heap[i] = t.Heap[n]
		t.Heap[i].base.Timer = int32(i + 1)
	}
	t.Heap[n] = timer{}
	t.Heap = t.Heap[:n]
	if i < n {
		t.down(i)
		t.up(i)
	}
}

// due takes out the timers of this instant, oldest first.
func (t *timers) due(now time.Duration) []id {
	t.out = t.out[:0]
	for len(t.Heap) > 0 && t.Heap[0].Due <= now {
		t.out = append(t.out, t.Heap[0].Act)
		t.remove(0)
	}
	return slices.Clip(t.out)
}

func (t *timers) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !t.before(i, p) {
			return
		}
		t.swap(i, p)
		i = p
	}
}

func (t *timers) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(t.Heap) {
			return
		}
		if c+1 < len(t.Heap) && t.before(c+1, c) {
			c++
		}
		if !t.before(c, i) {
			return
		}
		t.swap(i, c)
		i = c
	}
}
