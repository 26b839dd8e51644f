package tree

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Variable is the environment variable that holds the marks of a process, one for each flowrun above it, separated
// by spaces. It is for attribution only and no secret.
const Variable = "FLOWRUN_PROCESS"

// A mark in the environment is NAMESPACE:SUPERVISOR:START:ENGINE:START:N. It tells everybody who shares the
// namespace of process numbers whether the run that made it is alive; there is no file that could be lost.
//
// A mark in the limit is 1<<62 | hash of the run<<28 | N. The supervisor and the engine have it with N 0, which says
// that the run is alive.
const (
	limitBit  = 1 << 62
	limitBits = 28
	// rlimitLocks bounded file locks up to Linux 2.4; since then the kernel keeps it and does not look at it.
	rlimitLocks = 10
)

// maker is the part of a mark that is the same in all of one process.
type maker struct {
	text  string      // up to and with the last colon
	limit uint64      // without N; 0: it is not used
	hard  unix.Rlimit // as set last; the forking thread alone does, once there is one
}

// newMaker is that of this process; supervisor is 0 when there is none.
func newMaker(supervisor int) maker {
	return maker{text: namespace() + ":" + who(supervisor) + ":" + who(os.Getpid()) + ":"}
}

// hash is the marking limit of a run, by the process that stands above it.
func hash(top int) uint64 {
	h := uint32(2166136261) // FNV-1a
	for _, c := range []byte(namespace() + ":" + who(top)) {
		h = (h ^ uint32(c)) * 16777619
	}
	return limitBit | uint64(h)<<limitBits
}

// runOf and numberOf take the mark in a limit apart; 0 is none.
func runOf(limit uint64) uint64 {
	if run := limit >> limitBits << limitBits; run&limitBit != 0 && limit < limitBit<<1 {
		return run
	}
	return 0
}

func numberOf(limit uint64) int { return int(limit & (1<<limitBits - 1)) }

// set gives this process, and what it forks from now on, the limit.
func (m *maker) set(value uint64) bool {
	m.hard.Cur = value
	return unix.Prlimit(0, rlimitLocks, &m.hard, nil) == nil
}

// namespace is the number of our namespace of process numbers.
func namespace() string {
	link, _ := os.Readlink("/proc/self/ns/pid") // pid:[4026531836]
	return strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]")
}

// who names a process for ever.
func who(pid int) string {
	if s, ok := readStat(pid); pid > 0 && ok {
		return strconv.Itoa(pid) + ":" + strconv.FormatUint(s.start, 10)
	}
	return "0:0"
}

// alive says whether the process that who named is there, or may be: one that cannot be looked at is not dead for that.
func alive(pid, start string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil || n <= 0 {
		return false
	}
	s, ok := readStat(n)
	if !ok {
		return unix.Kill(n, 0) != unix.ESRCH
	}
	return !s.bare() && strconv.FormatUint(s.start, 10) == start
}

// limitOf is the value of the marking limit; 0 when it is not set, or not known.
func limitOf(pid int) uint64 {
	n, _ := knownLimit(pid)
	return n
}

// knownLimit is the value of the marking limit, and whether that is known: it is of a process that is gone, or another's.
func knownLimit(pid int) (limit uint64, known bool) {
	b, err := read(proc(pid, "limits"))
	_, rest, ok := bytes.Cut(b, []byte("Max file locks"))
	if !ok {
		return 0, err == nil || err == unix.ENOENT || err == unix.ESRCH || err == unix.EACCES || err == unix.EPERM
	}
	soft, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	n, _ := strconv.ParseUint(string(soft), 10, 64) // "unlimited" is none
	return n, true
}

// patience bounds how long somebody else's exec is waited for.
const patience = time.Second

// marks are the marks in the environment of a process. It is empty when we may not read it.
func marks(pid int) []string {
	b, err := read(proc(pid, "environ"))
	// In the middle of an exec the old environment is gone and the new one not there yet: it reads as empty. On a busy
	// machine that takes as long as the others let it.
	var before uint64
	for begin := time.Now(); err == nil && len(b) == 0 && time.Since(begin) < patience; {
		s, ok := readStat(pid)
		if !ok || s.bare() {
			return nil
		}
		if s.environ == 0 {
			time.Sleep(100 * time.Microsecond)
		} else if s.environ == before {
			return nil // this one was there all the while, and it is empty
		}
		before = s.environ
		b, err = read(proc(pid, "environ"))
	}
	if err != nil {
		return nil
	}
	for v := range bytes.SplitSeq(b, []byte{0}) {
		if value, ok := bytes.CutPrefix(v, []byte(Variable+"=")); ok {
			return strings.Fields(string(value))
		}
	}
	return nil
}

// number is which process of this maker the mark of pid means; 0: none.
func (m *maker) number(pid int) int {
	if m.limit != 0 {
		if l := limitOf(pid); runOf(l) == m.limit {
			return numberOf(l)
		}
	}
	for _, mark := range marks(pid) {
		if n, ok := strings.CutPrefix(mark, m.text); ok {
			n, _ := strconv.Atoi(n)
			return n
		}
	}
	return 0
}

// limited calls f while this process has the limit of number n, which what f forks gets.
func (m *maker) limited(n int, f func()) {
	if m.limit != 0 && m.set(m.limit|uint64(n)) {
		defer m.set(m.limit)
	}
	f()
}
