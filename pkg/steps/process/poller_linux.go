package process

import (
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// poller watches the leaders and the outputs of all steps. A goroutine for each of these would be five for a step that
// sleeps; so there is one for all, and one more for an output only while there is something to read in it.
type poller struct {
	file *os.File // an epoll, in which the runtime's own poller watches
	fd   int
	null int // what a step without stdin reads; opened once
	done chan struct{}
	// prepared: there are threads in reserve. It belongs to whose turn it is to start a leader.
	prepared bool
	piped    int // how many steps at once may have pipes
	buffers
	ending chan struct{} // holds as many as may end at once

	mu   sync.Mutex
	last uint64
	on   map[uint64]func(events uint32) // what is watched, by the number that the kernel hands back
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true) // or the runtime does not watch it
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	p := &poller{
		file: os.NewFile(uintptr(fd), "epoll"), fd: fd, null: null, piped: piped(),
		done: make(chan struct{}), buffers: newBuffers(), ending: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), on: make(map[uint64]func(uint32)),
	}
	go p.run()
	return p, nil
}

// close ends the poller; nothing may be watched any more.
func (p *poller) close() {
	_ = p.file.SetReadDeadline(time.Now())
	<-p.done
	_ = p.file.Close()
	_ = unix.Close(p.null)
}

// watch calls f with what has happened to fd, once, from the goroutine of the poller, which it must not hold up.
// The number is for again and forget.
func (p *poller) watch(fd int, f func(events uint32)) (uint64, error) {
	p.mu.Lock()
	p.last++
	n := p.last
	p.on[n] = f
	p.mu.Unlock()
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, event(n))
	if err != nil {
		p.mu.Lock()
		delete(p.on, n)
		p.mu.Unlock()
	}
	return n, err
}

// again watches fd for one more time.
func (p *poller) again(n uint64, fd int) {
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, event(n)); err != nil {
		panic("process: what is watched cannot be watched again: " + err.Error())
	}
}

// forget ends the watch of what is then closed. What is on its way may still come once.
func (p *poller) forget(n uint64) {
	p.mu.Lock()
	delete(p.on, n)
	p.mu.Unlock()
}

func event(n uint64) *unix.EpollEvent {
	return &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(uint32(n)), Pad: int32(uint32(n >> 32))}
}

func (p *poller) run() {
	defer close(p.done)
	conn, err := p.file.SyscallConn()
	if err != nil {
		panic("process: " + err.Error())
	}
	var events [64]unix.EpollEvent
	_ = conn.Read(func(uintptr) bool { // until the deadline that close sets
		for {
			n, err := unix.EpollWait(p.fd, events[:], 0)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return false
			}
			for _, e := range events[:n] {
				p.mu.Lock()
				f := p.on[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]
				p.mu.Unlock()
				if f != nil {
					f(e.Events)
				}
			}
		}
	})
}
