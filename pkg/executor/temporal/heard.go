package temporal

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxSaid is how much of the output of an attempt travels with its end: what is last. All of it is in the store, if there is one.
const maxSaid = 16 << 10

// heard keeps the last of what a step says, in order. Its functions are safe for use by several goroutines.
type heard struct {
	mu   sync.Mutex
	list []said
	size int // of its texts
	// counted are all bytes that were said or skipped: whether anything is new.
	counted int64
	// lost are the bytes of streams in front of list that are not in it, or were skipped: by stream, in order of first loss.
	lost []said
	// broken: some of it was no UTF-8, which cannot travel.
	broken bool
	log    string // where all of it is kept, if it is
}

// whole says whether all that was said, to the byte, is what travels.
func (h *heard) whole() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	skipped := func(s said) bool { return s.Skipped > 0 }
	return !h.broken && !slices.ContainsFunc(h.lost, skipped) && !slices.ContainsFunc(h.list, skipped)
}

func (h *heard) say(stream, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.list); n > 0 && h.list[n-1].Stream == stream && h.list[n-1].Text != "" {
		h.list[n-1].Text += text
	} else {
		h.list = append(h.list, said{Stream: stream, Text: text})
	}
	h.size += len(text)
	h.counted += int64(len(text))
	h.broken = h.broken || !utf8.ValidString(text)
	h.cut(maxSaid)
}

// cut loses what is first, until no more than that is left.
func (h *heard) cut(most int) {
	for h.size > most {
		h.drop(h.size - most)
	}
}

// maxPart is how much more is lost so that what is left begins with a line, and not within one.
const maxPart = 1 << 10

// drop loses the first text, or as much of it as there is too much.
func (h *heard) drop(excess int) {
	first := &h.list[0]
	n := min(len(first.Text), excess)
	for n < len(first.Text) && !utf8.RuneStart(first.Text[n]) {
		n++
	}
	if n > 0 && first.Text[n-1] != '\n' {
		near := first.Text[n:min(n+maxPart, len(first.Text))]
		n += strings.IndexByte(near, '\n') + 1
	}
	h.lose(first.Stream, first.Skipped+int64(n))
	first.Skipped = 0
	first.Text = first.Text[n:]
	h.size -= n
	if first.Text == "" {
		h.list = h.list[1:]
	}
}

func (h *heard) lose(stream string, n int64) {
	for i := range h.lost {
		if h.lost[i].Stream == stream {
			h.lost[i].Skipped += n
			return
		}
	}
	h.lost = append(h.lost, said{Stream: stream, Skipped: n})
}

func (h *heard) skip(stream string, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, said{Stream: stream, Skipped: bytes})
	h.counted += bytes
}

// said is what was kept, with what was lost in front of it.
func (h *heard) said() []said {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := append(h.lost[:len(h.lost):len(h.lost)], h.list...)
	if h.log != "" {
		for i := range all {
			all[i].Bytes = int64(len(all[i].Text))
		}
	}
	return all
}
