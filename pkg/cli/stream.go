package cli

import (
	"io"
	"sync"
)

// stream is standard output or standard error for several goroutines: the run's text and what a signal has to say. It
// remembers that something could not be written, so that those who write need not look.
type stream struct {
	mu  sync.Mutex
	w   io.Writer
	err error // the first
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.w.Write(b)
	if s.err == nil {
		s.err = err
	}
	return n, err
}

// lost is why something could not be written; nil if all was, or if its reader has gone, who wants no more.
func (s *stream) lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if readerGone(s.err) {
		return nil
	}
	return s.err
}
