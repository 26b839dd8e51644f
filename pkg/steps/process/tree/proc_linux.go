package tree

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// stat is what /proc/PID/stat says of a process.
type stat struct {
	state                  byte
	parent, group, session int
	flags                  uint64 // PF_* of the kernel
	start                  uint64 // in ticks since the system's start: with the number it names one process for ever
	// environ is where its environment begins in its memory; 0 in the middle of an exec, and when we may not know.
	environ uint64
}

// bare says whether there is no program in it that could have an environment: it is on its way out, or the kernel's own.
func (s stat) bare() bool {
	const exiting, kernelThread = 0x4, 0x200000
	return s.dead() || s.flags&(exiting|kernelThread) != 0
}

// dead says whether only the entry is left, for whoever has to collect it.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

func proc(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// read reads a file of /proc. Package os would try to have the runtime's poller watch it: six calls more than these.
func read(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for n := 0; (err == unix.EMFILE || err == unix.ENFILE) && n < 1000; n++ {
		time.Sleep(time.Millisecond) // a process that cannot be looked at now must not be taken for one that is gone
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return b, nil
		default:
			if b = b[:len(b)+n]; len(b) == cap(b) {
				b = append(b, 0)[:len(b)]
			}
		}
	}
}

// write writes a file of /proc.
func write(path string, b []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, b)
	return err
}

// signed is a number at the begin of a file of /proc, which may be negative.
func signed(b []byte) int {
	n, _ := strconv.Atoi(string(bytes.TrimSpace(b)))
	return n
}

func readStat(pid int) (s stat, ok bool) {
	b, err := read(proc(pid, "stat"))
	if err != nil {
		return s, false
	}
	// pid (name) state parent group session ...; the name may hold anything, also a parenthesis
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 20 {
		return s, false
	}
	s.state = f[0][0]
	s.parent, s.group, s.session = number(f[1]), number(f[2]), number(f[3])
	s.flags, _ = strconv.ParseUint(string(f[6]), 10, 64)
	s.start, _ = strconv.ParseUint(string(f[19]), 10, 64)
	if len(f) > 47 {
		s.environ, _ = strconv.ParseUint(string(f[47]), 10, 64)
	}
	return s, true
}

// number is a number as the kernel writes it.
func number(b []byte) int {
	n, _ := strconv.Atoi(string(b))
	return n
}

// Children are those of this process, dead ones that are not collected included.
func Children() []int { return children(os.Getpid()) }

// children are those of all threads of a process, dead ones that are not collected included.
func children(pid int) (all []int) {
	text := strconv.Itoa(pid)
	for _, thread := range numbers("/proc/" + text + "/task") {
		b, _ := read("/proc/" + text + "/task/" + strconv.Itoa(thread) + "/children")
		all = append(all, parse(b)...)
	}
	return all
}

// parse reads numbers with blanks between them.
func parse(b []byte) (all []int) {
	for f := range bytes.FieldsSeq(b) {
		all = append(all, number(f))
	}
	return all
}

// numbers are the entries of a folder of /proc that are numbers.
func numbers(dir string) (all []int) {
	each(dir, make([]byte, 4096), func(n int) { all = append(all, n) })
	return all
}

// each calls f with the entries of a folder of /proc that are numbers, as many at a time as buf has room for.
func each(dir string, buf []byte, f func(n int)) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if number, err := strconv.Atoi(name); err == nil {
				f(number)
			}
		}
	}
}

// visit is called with a pidfd of a process, and what it was a moment ago.
type visit func(fd int, s stat)

// below visits what is below pid: before on the way down, after on the way up; either may be nil. The caller knows
// that pid is his, and alive says whether it still is.
func below(pid int, alive func() bool, before, after visit) {
	for _, c := range children(pid) {
		within(c, func(s stat) bool { return s.parent == pid && alive() }, before, after)
	}
}

// within visits pid and what is below it when check, which is asked after the pidfd was opened, says so: should the
// number have been given to another process in between, then that which the pidfd means is dead, and no signal
// reaches any.
func within(pid int, check func(stat) bool, before, after visit) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // gone, or no descriptor left: what is below comes up when those above it have ended
	}
	defer unix.Close(fd)
	s, ok := readStat(pid)
	if !ok || !check(s) {
		return
	}
	if before != nil {
		before(fd, s)
	}
	below(pid, func() bool { return running(fd) }, before, after)
	if after != nil {
		after(fd, s)
	}
}

// running says whether the process of a pidfd has not ended.
func running(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 0
}

func send(sig unix.Signal) visit {
	return func(fd int, _ stat) { _ = unix.PidfdSendSignal(fd, sig, nil, 0) }
}

// endChild kills a child that is not collected meanwhile, and what is below it. All are stopped first, those above
// first, so that none makes others while its children are looked for.
func endChild(pid int) {
	_ = unix.Kill(pid, unix.SIGSTOP)
	below(pid, func() bool { return true }, send(unix.SIGSTOP), send(unix.SIGKILL))
	_ = unix.Kill(pid, unix.SIGKILL)
}

// collect takes the status of a child if it has ended.
func collect(pid int) { _, _ = unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil) }
