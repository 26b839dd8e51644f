package temporal

import (
	"slices"
)

// teller makes the signs of life of an attempt, which carry what it has said by now: that is what the end would tell if it came now, so
// who reads each of them misses nothing that he would see at the end.
type teller struct {
	job   job
	heard *heard
	told  int64  // heard.counted, when tail was made
	tail  []byte // soFar, packed
}

// maxPacked is how much of that a sign of life carries. The server keeps those of all that a run has with workers, window at most, in
// the state of its workflow, and ends a workflow of which that gets larger than 8 MB.
const maxPacked = 8 << 10

// sign are the details of a sign of life from the worker of that name.
func (t *teller) sign(name string) []any {
	if n, text := t.heard.news(); n > t.told && text {
		t.told, t.tail = n, t.pack()
	}
	if t.tail == nil {
		return []any{name}
	}
	return []any{name, t.tail}
}

// pack packs as much of the end as there is room for.
func (t *teller) pack() []byte {
	for most := maxSaid; most >= maxSaid/16; most -= most / 4 {
		b, err := packed(soFar{Step: t.job.Step, Attempt: t.job.Attempt, Said: t.heard.last(most)})
		if err == nil && len(b) <= maxPacked {
			return b
		}
	}
	return nil
}

// news counts what was said, and says whether all of that is text: where else a piece of it stands in its stream is not known to who has
// it as text.
func (h *heard) news() (counted int64, text bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counted, !h.broken
}

// last is the end of what was said, with what is missing in front of it, as said is.
func (h *heard) last(most int) []said {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := &heard{list: slices.Clone(h.list), lost: slices.Clone(h.lost), size: h.size}
	all.cut(most)
	return all.said()
}
