//go:build unix

package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the lock of a writer: at once, but for who asks in this moment. It ends with the process, whatever ends that.
func lock(f *os.File) error { return flock(f, unix.LOCK_EX) }

// tryLock is lock for a file that another writer may have: false when one has it.
func tryLock(f *os.File) (bool, error) { return tried(flock(f, unix.LOCK_EX|unix.LOCK_NB)) }

// locked says whether a writer has the lock. Who asks has it for a moment, together with others who ask.
func locked(f *os.File) (bool, error) {
	free, err := tried(flock(f, unix.LOCK_SH|unix.LOCK_NB))
	if free {
		err = flock(f, unix.LOCK_UN)
	}
	return !free && err == nil, err
}

// tried tells a lock that another one has from an error.
func tried(err error) (bool, error) {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// gone says whether a file has been removed.
func gone(f *os.File) bool {
	var s unix.Stat_t
	return unix.Fstat(int(f.Fd()), &s) == nil && s.Nlink == 0
}
