package process

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

const getModes, setModes = unix.TCGETS, unix.TCSETS

// ours says whether a process group is this program's, which may be two processes: package supervisor.
func ours(group int) bool {
	if group == unix.Getpgrp() {
		return true
	}
	above, err := unix.Getpgid(os.Getppid())
	return tree.Supervised() && err == nil && group == above
}

// Supervised says that a process is above this one, which stops and ends with it.
func Supervised() bool { return tree.Supervised() }

// unattended calls f, which changes the terminal, while SIGTTOU does not come, with which the terminal stops who does
// that and is not in the foreground. Ignoring the signal would do it, too, but steps that begin now would inherit it.
func unattended(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, before unix.Sigset_t
	n := uint(unix.SIGTTOU) - 1
	bits := uint(unsafe.Sizeof(block.Val[0])) * 8
	block.Val[n/bits] |= 1 << (n % bits)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &before); err != nil {
		return err
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	return f()
}

// siginfo is what waitid tells of a child; package unix does not name it.
type siginfo struct {
	signo, errno, code int32
	_                  [0]uintptr // the rest is aligned like a pointer
	pid, uid, status   int32
}

// changed waits until the leader has ended or has been stopped, and says by which signal.
func (l *leader) changed() (sig unix.Signal, stopped bool) {
	const cldStopped = 5
	for {
		var info unix.Siginfo
		switch err := unix.Waitid(unix.P_PID, l.pid, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT, nil); err {
		case nil:
		case unix.EINTR:
			continue
		default:
			return 0, false
		}
		child := (*siginfo)(unsafe.Pointer(&info))
		if child.code != cldStopped {
			return 0, false
		}
		// It is told no second time. That it has ended meanwhile must not be taken here.
		_ = unix.Waitid(unix.P_PID, l.pid, nil, unix.WSTOPPED|unix.WNOHANG, nil)
		return unix.Signal(child.status), true
	}
}
