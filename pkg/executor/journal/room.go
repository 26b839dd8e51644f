package journal

import (
	"bytes"
	"errors"
	"os"
	"syscall"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// room is what the file system has set aside for a journal, so that one on a full disk can still say how the run ended. Some
// file systems cannot do so; the journal then ends where there is no more space.
type room struct {
	size int64  // of the file
	sum  uint32 // of its last line
	end  int64  // so far space is set aside
	none bool   // it cannot be
	full bool   // the disk is full: what was set aside is used up
}

const (
	// reserve is set aside for last words: enough for the ends of a hundred steps.
	reserve = 64 << 10
	// ending is the part of it for the end of the run alone.
	ending = 8 << 10
)

// append writes whole lines, in space that was set aside before. An error of grow leaves the file as it was.
func (w *Writer) append(lines []byte) error {
	r := &w.room
	if err := w.grow(len(lines)); err != nil {
		return err
	}
	n, err := w.file.Write(lines)
	if err != nil {
		if n > 0 && w.file.Truncate(r.size) != nil {
			r.none = true // nothing may come behind half a line
		}
		return err
	}
	r.size += int64(len(lines))
	r.sum = w.sum
	if gone(w.file) {
		return errGone
	}
	return nil
}

// errGone: what is written into a file that has no name any more is lost, though no call fails.
var errGone = errors.New("it has been removed")

// grow sets space aside for so many bytes and, unless the disk is full, for last words behind them.
func (w *Writer) grow(n int) error {
	r := &w.room
	need := r.size + int64(n) + reserve
	if w.durability == Nothing || r.none || r.full || need <= r.end {
		return nil
	}
	err := allocate(w.file, r.end, need-r.end+reserve)
	switch {
	case err == nil:
		r.end = need + reserve
	case errors.Is(err, errors.ErrUnsupported):
		r.none = true
		return nil
	}
	return err
}

// lose: the journal cannot go on for err. If that is for want of space, what is set aside is for the lines that were to be
// written, and for what still comes, but for output, as far as it goes; the end of the run has its place in any case.
func (w *Writer) lose(err error) {
	r := &w.room
	r.full = r.end > 0 && !r.none && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT))
	if !r.full {
		return
	}
	lines := w.buf
	for len(lines) > 0 && !r.takes(len(lines)+ending, false) {
		lines = lines[:bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1]
	}
	w.sum = r.sum
	if len(lines) > 0 {
		w.sum, _ = said(lines[bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1 : len(lines)-1])
	}
	text, problem := event.Marshal(reason(err).Error())
	if problem != nil {
		panic("journal: a text that is no JSON: " + problem.Error())
	}
	b := appendNote(lines, w.at, NoteLost, text)
	b, w.sum = seal(b, len(lines), w.sum)
	if w.append(b) != nil {
		r.full = false
	}
}

// takes says whether there is room for so many bytes of last words.
func (r *room) takes(n int, last bool) bool {
	left := r.end - r.size
	if !last {
		left -= ending
	}
	return int64(n) <= left
}

// free gives back what was set aside.
func (r *room) free(f *os.File) {
	if r.end > r.size {
		_ = f.Truncate(r.size)
	}
}

// brief is an error that fits into last words.
func brief(e *event.Error) *event.Error {
	return &event.Error{Type: e.Type, Message: e.Message[:min(len(e.Message), ending/8)], Step: e.Step[:min(len(e.Step), ending/8)]}
}
