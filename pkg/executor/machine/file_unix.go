//go:build unix

package machine

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Folder is where the permits of the machine are: it is the same for all users, and in all environments. TMPDIR and
// XDG_RUNTIME_DIR differ from user to user, and between a session and cron.
func Folder() string { return "/tmp" }

// mode lets other users say in the file that they have the permit.
const mode = 0o666

// open opens a file of the room, and makes it if it is not there. A file of another user is not opened in order to be made, which
// Linux forbids in such a folder.
func open(path string) (f *os.File, err error) {
	for range 10 {
		f, err = os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrPermission) {
			f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) // enough for a lock
		}
		switch {
		case err == nil:
			return plain(f)
		case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EMLINK), errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
			return nil, &os.PathError{Op: "open", Path: path, Err: errKind}
		case errors.Is(err, fs.ErrPermission):
			time.Sleep(time.Millisecond) // it is being made
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, mode)
		switch {
		case err == nil:
			_ = f.Chmod(mode) // whatever the umask
			return f, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, err
		}
	}
	return nil, err
}

// plain refuses what is no plain file, and one that has a second name elsewhere.
func plain(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil {
		s, ok := info.Sys().(*syscall.Stat_t)
		if info.Mode().IsRegular() && ok && s.Nlink <= 1 {
			return f, nil
		}
		err = &os.PathError{Op: "open", Path: f.Name(), Err: errKind}
	}
	f.Close()
	return nil, err
}

// lock takes the lock of a file, for oneself or together with others, if it is to be had at once.
func lock(f *os.File, alone bool) (bool, error) {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	err := flock(f, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
