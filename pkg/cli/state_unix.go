//go:build unix

package cli

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// private says why a folder is not for this user alone to write.
func private(dir string, info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() && os.Geteuid() != 0 {
		return &unsafeError{dir, "it is another user's"}
	}
	if info.Mode().Perm()&0o022 != 0 {
		return &unsafeError{dir, "others may write to it"}
	}
	return nil
}

// access says why a folder cannot be written.
func access(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// giveTo gives the file to the owner of another one, as far as this user may: root may.
func giveTo(file *os.File, as fs.FileInfo) {
	if s, ok := as.Sys().(*syscall.Stat_t); ok {
		_ = file.Chown(int(s.Uid), int(s.Gid))
	}
}
