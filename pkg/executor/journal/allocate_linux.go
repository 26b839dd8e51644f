package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate sets n bytes aside behind from, which the file may grow into; its size stays.
func allocate(f *os.File, from, n int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, from, n)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
