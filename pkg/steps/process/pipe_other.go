//go:build !linux

package process

import (
	"io"
	"os"
	"sync/atomic"
	"time"
)

// pipe passes on one output of the tree.
type pipe struct {
	from *os.File
	to   io.Writer
	done chan struct{} // closed when all has been passed on
	last atomic.Bool   // the group has gone: what comes now was in the pipe, or is somebody else's
}

func (p *pipe) copy() {
	defer close(p.done)
	buf := make([]byte, 32<<10)
	for !p.last.Load() {
		n, err := p.from.Read(buf)
		_, _ = p.to.Write(buf[:n])
		if err != nil && !os.IsTimeout(err) {
			return
		}
	}
	// Only time in Read counts: a slow taker loses nothing.
	patience := drain
	for left := rest; left > 0 && patience > 0; {
		start := time.Now()
		_ = p.from.SetReadDeadline(start.Add(patience))
		n, err := p.from.Read(buf)
		patience -= time.Since(start)
		left -= n
		_, _ = p.to.Write(buf[:n])
		if err != nil && !os.IsTimeout(err) {
			return
		}
	}
}

// finish says that the group has gone: the end of the pipe is near.
func (p *pipe) finish() {
	p.last.Store(true)
	// This wakes a Read that waits; copy sets its own deadline then.
	if p.from.SetReadDeadline(time.Now()) != nil {
		time.AfterFunc(drain, func() { _ = p.from.Close() }) // a system without deadlines
	}
}
