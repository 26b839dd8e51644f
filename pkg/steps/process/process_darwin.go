package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// zombie is SZOMB of sys/proc.h.
const zombie = 5

// await waits for the leader's end and leaves it unreaped: until then its number, and that of its group, is
// given to nobody else. There is no waitid here that would do so without asking again and again.
func await(leader *os.Process) {
	for pause := time.Millisecond; ; pause = min(2*pause, 8*time.Millisecond) {
		info, err := unix.SysctlKinfoProc("kern.proc.pid", leader.Pid)
		if err != nil || info.Proc.P_stat == zombie {
			return
		}
		time.Sleep(pause)
	}
}

func alive(group int) bool { return unix.Kill(-group, 0) != unix.ESRCH }
