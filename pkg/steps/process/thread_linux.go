package process

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// thread forks every leader of this program. It is a variable because children belong to a process and to the thread
// that forked them: they are told of the death of that thread, not of the program's. It lives while one of them does.
var thread forker

type forker struct {
	turn   sync.Mutex // held from the making of a step's files to the fork: what waits for its turn has none
	mu     sync.Mutex
	live   int         // leaders whose step has not ended
	work   chan func() // nil: there is no thread
	poller *poller     // while there is one
}

// tidy is how often strays that have ended are collected while steps run, and how long an idle thread stays.
const tidy = 250 * time.Millisecond

// hold makes the thread and its poller, which stay until release, and says how many steps live, this one with them.
func (f *forker) hold() (_ *poller, live int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.work == nil {
		p, err := newPoller()
		if err != nil {
			return nil, 0, err
		}
		f.poller, f.work = p, make(chan func())
		go f.run(f.work)
	}
	f.live++
	return f.poller, f.live, nil
}

// do calls fork on a thread that stays. In a program that owns its children that is any but the first: nobody there
// ends a thread. In another one it is a thread of our own, which costs two turns of the scheduler. The thread is held.
func (f *forker) do(fork func() error) (err error) {
	if tree.Owned() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if unix.Gettid() != unix.Getpid() {
			return fork()
		}
	}
	f.mu.Lock()
	work := f.work
	f.mu.Unlock()
	done := make(chan struct{})
	work <- func() {
		defer close(done)
		err = fork()
	}
	<-done
	return err
}

// release says that nothing of a step is left.
func (f *forker) release() {
	f.mu.Lock()
	f.live--
	f.mu.Unlock()
}

func (f *forker) run(work <-chan func()) {
	runtime.LockOSThread() // and never unlocked, so that the thread ends with this
	if unix.Gettid() == unix.Getpid() {
		// The first thread gets the strays, and could not be told from them.
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.run(work)
		}()
		<-done
		runtime.UnlockOSThread()
		return
	}
	tick := time.NewTicker(tidy)
	defer tick.Stop()
	for {
		select {
		case fork := <-work:
			fork()
		case <-tick.C:
			tree.Collect()
			f.mu.Lock()
			if f.live == 0 {
				f.poller.close()
				f.work, f.poller = nil, nil
				f.mu.Unlock()
				return
			}
			f.mu.Unlock()
		}
	}
}
