package process

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// fds is how many descriptors a step has that has pipes: these, its pidfd, and the logs that they are passed on to.
const fds = 5

// reserve is how many of n descriptors are left for all that is no step, and for what a step opens for a moment.
func reserve(n int) int { return min(64, n/2) }

// piped is how many steps at once have pipes; the others write into files themselves, and have one descriptor.
func piped() int { return min(1024, descriptors()/16) }

// Room is how many steps there are descriptors for, at once; 0: nobody knows.
func Room() int {
	n := descriptors()
	if n == 0 {
		return 0
	}
	return max(1, piped()+n-reserve(n)-fds*piped())
}

func descriptors() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// several is how many steps at once may leave this program no room for a thread of its own, so that it is worth while to
// have threads in reserve, and threads how many.
const (
	several = 4
	threads = 10
)

// prepare makes threads while there is room for them; the runtime keeps them. Where it gets none when it needs one, as
// when the steps have all the processes that a user may have (ulimit -u), it can only abort.
func prepare() {
	var made, over sync.WaitGroup
	made.Add(threads)
	over.Add(1)
	for range threads {
		go func() {
			runtime.LockOSThread() // so that it is a thread that waits
			defer runtime.UnlockOSThread()
			made.Done()
			over.Wait()
		}()
	}
	made.Wait()
	over.Done()
}
