package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// beyond is the part of the file that is locked: none that anybody reads, for a lock forbids that here.
const beyond = 1 << 30

// lock takes the lock of a writer: at once, but for who asks in this moment. It ends with the process, whatever ends that.
func lock(f *os.File) error { return lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK) }

// tryLock is lock for a file that another writer may have: false when one has it.
func tryLock(f *os.File) (bool, error) {
	return tried(lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY))
}

// locked says whether a writer has the lock. Who asks has it for a moment, together with others who ask.
func locked(f *os.File) (bool, error) {
	free, err := tried(lockFile(f, windows.LOCKFILE_FAIL_IMMEDIATELY))
	if free {
		err = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: beyond})
	}
	return !free && err == nil, err
}

// tried tells a lock that another one has from an error.
func tried(err error) (bool, error) {
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func lockFile(f *os.File, how uint32) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: beyond})
}

// gone: a file that is open cannot be removed here.
func gone(*os.File) bool { return false }
