package journal

import (
	"bufio"
	"bytes"
)

// LogsIn names logs in a folder that need not be there.
func LogsIn(folder string) *logs {
	l := logsIn(folder)
	return &l
}

// Seal ends a line as a Writer does.
func Seal(line []byte, before uint32) ([]byte, uint32) { return seal(line, 0, before) }

// ReadAll gives the number of events of a journal, and why there are no more.
func ReadAll(b []byte) (n int, err error) {
	r := &Reader{in: bufio.NewReader(bytes.NewReader(b))}
	if err := r.header(); err != nil {
		return 0, err
	}
	for {
		if _, err := r.Next(); err != nil {
			return n, err
		}
		n++
	}
}

// Lose has the next write find that there is no more space.
func Lose(w *Writer, err error) {
	w.err = unwritten(w.path(), err)
	w.lose(err)
	w.buf = w.buf[:0]
}

// Room is how large a journal may become when there is no more space; 0: nothing is set aside.
func Room(w *Writer) int64 {
	if w.room.none {
		return 0
	}
	return w.room.end
}
