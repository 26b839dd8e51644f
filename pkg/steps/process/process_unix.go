//go:build unix

package process

import (
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func exitOf(status syscall.WaitStatus) Exit {
	if !status.Signaled() {
		return Exit{Code: status.ExitStatus()}
	}
	name := unix.SignalName(status.Signal())
	if name == "" { // a real-time one
		name = strconv.Itoa(int(status.Signal()))
	}
	return Exit{Code: -1, Signal: strings.TrimPrefix(name, "SIG")}
}

// Signal says whether a name, as TERM, is that of a signal.
func Signal(name string) bool { return unix.SignalNum("SIG"+name) != 0 }

// detached is what a process has to itself that is no part of this program.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
