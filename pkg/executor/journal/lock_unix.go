//go:build unix

package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the lock of a writer: at once, but for who asks in this moment. It ends with the process, whatever ends that.
func lock(f *os.File) error { return flock(f, unix.LOCK_EX) }

// locked says whether a writer has the lock. Who asks has it for a moment, together with others who ask.
func locked(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		return false, flock(f, unix.LOCK_UN)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
