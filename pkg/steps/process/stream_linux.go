package process

import (
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// stream passes on one output of a tree.
type stream struct {
	to     io.Writer
	poller *poller
	fd     int // the end of the pipe that is read
	watch  uint64

	mu     sync.Mutex  // held while something is read and passed on
	full   bool        // it comes faster than it is read
	over   atomic.Bool // all ends for writing are closed, and all was passed on
	closed bool
}

const (
	// piece is how much is read at once, and what a pipe holds unless somebody has asked for more.
	piece = 64 << 10
	// large is what a fast output gets instead. Each piece costs two goroutines' turns.
	large = 256 << 10
	// pipeSize is for a fast output, so that writer and reader need not take turns: 1 MiB is what everybody may have.
	pipeSize = 1 << 20
	// turn is how much a fast output may pass on before another has its turn.
	turn = 4 << 20
)

// buffers are for what is being read. There are few, so that many outputs at once take no more memory than few.
type buffers chan *[large]byte

func newBuffers() buffers {
	b := make(buffers, 2*runtime.GOMAXPROCS(0))
	for range cap(b) {
		b <- nil
	}
	return b
}

// take waits for a buffer. It must be given back.
func (b buffers) take() *[large]byte {
	if buf := <-b; buf != nil {
		return buf
	}
	return new([large]byte)
}

// newStream makes the pipe, begins to pass on, and returns the end for the child.
func newStream(p *poller, to io.Writer) (s *stream, end int, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	s = &stream{to: to, poller: p, fd: ends[0]}
	s.mu.Lock() // nothing is ready before the child has the other end, but who can know
	defer s.mu.Unlock()
	if s.watch, err = p.watch(s.fd, s.ready); err != nil {
		_, _ = unix.Close(ends[0]), unix.Close(ends[1])
		return nil, -1, err
	}
	return s, ends[1], nil
}

// ready is called by the poller.
func (s *stream) ready(events uint32) {
	if events&unix.EPOLLIN == 0 { // all ends for writing are closed, and nothing is left
		s.over.Store(true)
		return
	}
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && s.some() {
			if to, ok := s.to.(pauser); ok {
				to.Pause()
			}
			s.poller.again(s.watch, s.fd)
		}
	}()
}

// some passes on what is there, up to a turn, and says whether more may come.
func (s *stream) some() bool {
	b := s.poller.buffers.take()
	defer func() { s.poller.buffers <- b }()
	buf := b[:piece]
	for left := turn; left > 0; {
		if s.full {
			buf = b[:]
		}
		n, err := s.read(buf)
		switch {
		case err == unix.EAGAIN:
			return true
		case n <= 0:
			return false
		}
		_, _ = s.to.Write(buf[:n])
		left -= n
		if n < len(buf) && !s.full {
			return true
		}
		if !s.full { // from now on one reads until there is nothing
			if unix.SetNonblock(s.fd, true) != nil {
				return true
			}
			_, _ = unix.FcntlInt(uintptr(s.fd), unix.F_SETPIPE_SZ, pipeSize)
			s.full = true
		}
	}
	return true
}

// pauser is a taker that wants to know that nothing more has come for now.
type pauser interface{ Pause() }

func (s *stream) read(b []byte) (n int, err error) {
	for {
		if n, err = unix.Read(s.fd, b); err != unix.EINTR {
			return n, err
		}
	}
}

// finish passes on what is left when the tree has gone, and closes. Somebody who does not belong to the tree may hold
// the pipe, and write to it: the time is bounded, and how much is read. Only waiting counts: a slow taker loses nothing.
func (s *stream) finish() {
	s.mu.Lock() // what is being passed on is
	defer s.mu.Unlock()
	s.closed = true
	s.poller.forget(s.watch)
	defer unix.Close(s.fd)
	if s.over.Load() {
		return
	}
	patience := drain
	for left := rest; left > 0; {
		begin := time.Now()
		ready := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, max(0, int(patience.Milliseconds())))
		patience -= time.Since(begin)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || ready[0].Revents&unix.POLLIN == 0 {
			return
		}
		b := s.poller.buffers.take()
		if n, _ = s.read(b[:min(large, left)]); n > 0 {
			_, _ = s.to.Write(b[:n])
		}
		s.poller.buffers <- b
		if n <= 0 {
			return
		}
		left -= n
	}
}
