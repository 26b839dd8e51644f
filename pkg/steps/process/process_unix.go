//go:build unix

package process

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes make the leader the leader of a session and thereby of a group, whose number is its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// signalGroup sends the signal, and CONT so that a stopped process sees it.
func signalGroup(leader *os.Process, name string) {
	_ = unix.Kill(-leader.Pid, unix.SignalNum("SIG"+name))
	_ = unix.Kill(-leader.Pid, unix.SIGCONT)
}

func killGroup(leader *os.Process) { _ = unix.Kill(-leader.Pid, unix.SIGKILL) }

// reap collects a leader that has ended.
func reap(leader *os.Process) Exit {
	state, err := leader.Wait()
	if err != nil {
		panic("process: a leader that is ours cannot be waited for: " + err.Error())
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		name := unix.SignalName(status.Signal())
		if name == "" { // a real-time one
			name = strconv.Itoa(int(status.Signal()))
		}
		return Exit{Code: -1, Signal: strings.TrimPrefix(name, "SIG")}
	}
	return Exit{Code: status.ExitStatus()}
}

// Signal says whether a name, as TERM, is that of a signal.
func Signal(name string) bool { return unix.SignalNum("SIG"+name) != 0 }
