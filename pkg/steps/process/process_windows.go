package process

import (
	"os"
	"syscall"
)

// There are no process groups here to signal: Stop and Kill end the leader.

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func await(leader *os.Process) {
	h, err := syscall.OpenProcess(syscall.SYNCHRONIZE, false, uint32(leader.Pid))
	if err != nil {
		return
	}
	defer syscall.CloseHandle(h)
	_, _ = syscall.WaitForSingleObject(h, syscall.INFINITE)
}

func signalGroup(leader *os.Process, _ string) { _ = leader.Kill() }

func killGroup(leader *os.Process) { _ = leader.Kill() }

func reap(leader *os.Process) Exit {
	state, err := leader.Wait()
	if err != nil {
		panic("process: a leader that is ours cannot be waited for: " + err.Error())
	}
	return Exit{Code: state.ExitCode()}
}

func alive(int) bool { return false }

// Signal says whether a name, as TERM, is that of a signal.
func Signal(name string) bool { return name == "TERM" || name == "INT" || name == "KILL" }
