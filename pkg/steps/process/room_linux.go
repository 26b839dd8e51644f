package process

import "golang.org/x/sys/unix"

// reserve is how many descriptors are left for all that is no step, and fds how many a step has that has pipes.
const (
	reserve = 64
	fds     = 3
)

// piped is how many steps at once have pipes; the others write into files themselves, and have one descriptor.
func piped() int { return min(1024, descriptors()/16) }

// Room is how many steps there are descriptors for, at once; 0: nobody knows.
func Room() int {
	n := descriptors()
	if n == 0 {
		return 0
	}
	return max(1, piped()+n-reserve-fds*piped())
}

func descriptors() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}
