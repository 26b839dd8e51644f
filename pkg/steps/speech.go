package steps

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// speech says an output in whole lines. What comes faster than anybody reads is not said: then it is the begin that is,
// and, when there is a pause, the end, with how much is missing between them.
type speech struct {
	name string
	says
	line []byte // the begin of a line whose end is not there yet; at most maxLine

	budget  int       // how much may be said now
	at      time.Time // when that was so
	skipped int64     // how much is not said, up to now; 0: all is said
	tail    []byte    // the last that was skipped
}

const (
	// maxLine is the longest piece that waits for its newline.
	maxLine = 32 << 10
	// burst is how much is said at once, and rate how much in a second after that; maxTail what is
	// said of the end.
	burst   = 1 << 20
	rate    = 256 << 10
	maxTail = 16 << 10
)

func (s *speech) write(b []byte) {
	if s.whole {
		s.take(b)
		return
	}
	now := time.Now()
	if !s.at.IsZero() {
		s.budget = min(burst, s.budget+int(now.Sub(s.at).Seconds()*rate))
	}
	s.at = now
	switch {
	case s.skipped > 0 && s.budget < burst/4:
		s.skip(b)
		return
	case s.skipped > 0:
		s.resume()
	}
	if fits := min(len(b), s.budget); fits < len(b) {
		if end := bytes.LastIndexByte(b[:fits], '\n') + 1; end > 0 {
			fits = end
		}
		s.take(b[:fits])
		s.budget -= fits
		s.skip(b[fits:])
		return
	}
	s.take(b)
	s.budget -= len(b)
}

// skip keeps the last of what is not said.
func (s *speech) skip(b []byte) {
	s.skipped += int64(len(b))
	if len(b) >= maxTail {
		s.tail = append(s.tail[:0], b[len(b)-maxTail:]...)
		return
	}
	if old := maxTail - len(b); len(s.tail) > old {
		s.tail = s.tail[:copy(s.tail, s.tail[len(s.tail)-old:])]
	}
	s.tail = append(s.tail, b...)
}

// resume says the last lines of what was skipped, and how much of it is not said.
func (s *speech) resume() {
	tail := s.tail
	if s.skipped > int64(len(tail)) { // not from the middle of a line
		tail = tail[bytes.IndexByte(tail, '\n')+1:]
		for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
			tail = tail[1:]
		}
	}
	missing := s.skipped - int64(len(tail))
	s.skipped = 0
	if missing > 0 {
		s.flush()
		s.says.skip(s.name, missing)
	}
	s.take(tail)
	s.budget -= len(tail)
	s.tail = s.tail[:0]
}

// take says what is complete, and holds back the begin of a line.
func (s *speech) take(b []byte) {
	for len(b) > 0 {
		n := min(len(b), maxLine)
		s.piece(b[:n])
		b = b[n:]
	}
}

func (s *speech) piece(b []byte) {
	if end := bytes.LastIndexByte(b, '\n') + 1; end > 0 {
		s.line = append(s.line, b[:end]...)
		s.flush()
		b = b[end:]
	}
	s.line = append(s.line, b...)
	if len(s.line) >= maxLine {
		end := wholeRunes(s.line)
		s.say(s.line[:end])
		s.line = s.line[:copy(s.line, s.line[end:])]
	}
}

// end says what is left.
func (s *speech) end() {
	if s.skipped > 0 {
		s.resume()
	}
	s.flush()
}

func (s *speech) flush() {
	s.say(s.line)
	s.line = s.line[:0]
}

func (s *speech) say(b []byte) {
	if len(b) > 0 {
		s.says.say(s.name, string(b))
	}
}

// wholeRunes is the length of b without a rune at its end that is not complete.
func wholeRunes(b []byte) int {
	for back := 1; back <= min(utf8.UTFMax-1, len(b)); back++ {
		if i := len(b) - back; utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				break
			}
			return i
		}
	}
	return len(b)
}
