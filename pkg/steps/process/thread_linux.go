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
	mu   sync.Mutex
	live int         // leaders that are not collected
	work chan func() // nil: there is no thread
}

// tidy is how often strays that have ended are collected while steps run, and how long an idle thread stays.
const tidy = 250 * time.Millisecond

// do calls fork on the thread. Each success must be followed by release.
func (f *forker) do(fork func() error) (err error) {
	f.mu.Lock()
	f.live++
	if f.work == nil {
		f.work = make(chan func())
		go f.run(f.work)
	}
	work := f.work
	f.mu.Unlock()
	done := make(chan struct{})
	work <- func() {
		defer close(done)
		err = fork()
	}
	<-done
	if err != nil {
		f.release()
	}
	return err
}

// release says that a leader has been collected.
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
			idle := f.live == 0
			if idle {
				f.work = nil
			}
			f.mu.Unlock()
			if idle {
				return
			}
		}
	}
}
