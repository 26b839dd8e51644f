package journal

import "golang.org/x/sys/unix"

func boot() string {
	id, _ := unix.Sysctl("kern.bootsessionuuid")
	return id
}

// startOf is when a process started, in microseconds since 1970; 0: there is none.
func startOf(pid int) uint64 {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	at := info.Proc.P_starttime
	return uint64(at.Sec)*1_000_000 + uint64(at.Usec)
}
