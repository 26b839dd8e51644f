package tree

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// system is what this process knows about itself.
type system struct {
	maker maker
	// owned is set when every child of this process that is not a leader is a stray: see Own.
	owned bool
	list  int // the kernel's list of the strays, open: it is looked at when each step ends
	// sooner is the readiness of a leader to be killed when memory is out, as the kernel reads it; nil: ours.
	sooner []byte
}

// self is found out once. Children are a property of the process, so what is known of them is one of it, too.
var self struct {
	once   sync.Once
	system system
	last   atomic.Int64 // number of the newest Root
	init   atomic.Bool  // see ProvideInit
	// strays is held while strays are listed, signalled and collected: a number that was listed stays theirs.
	strays sync.Mutex
}

// Supervise makes this process one that orphans come to, and says that its run is alive. The engine inherits that.
func Supervise() error {
	var m maker
	if unix.Prlimit(0, rlimitLocks, nil, &m.hard) == nil {
		m.set(hash(os.Getpid()))
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// Own says that this program forks by this package alone and has the supervisor as its parent (0: none). It becomes a
// subreaper. It must be called before the first Root is made, if at all: a program with children of its own must not.
func Own(supervisor int) {
	self.once.Do(func() {
		s := system{maker: newMaker(supervisor)}
		var err error
		if s.list, err = openChildren(); err == nil { // a kernel with lists of children
			s.owned = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
		}
		if s.owned { // others may fork here if not, and their children must not get our marks
			top := supervisor
			if top == 0 {
				top = os.Getpid()
			}
			if unix.Prlimit(0, rlimitLocks, nil, &s.maker.hard) == nil && s.maker.set(hash(top)) {
				s.maker.limit = hash(top)
			}
		}
		if s.owned {
			s.sooner = sooner()
		}
		self.system = s
	})
}

// sooner is 500 thousandths more than we have: when memory is out, a step is the first to go, not what watches over it.
func sooner() []byte {
	b, err := read(proc(os.Getpid(), "oom_score_adj"))
	if err != nil {
		return nil
	}
	return strconv.AppendInt(nil, int64(min(1000, signed(b)+500)), 10)
}

func know() *system {
	self.once.Do(func() { self.system = system{maker: newMaker(0)} })
	return &self.system
}

// Owned says whether orphans of the steps come to this process.
func Owned() bool { return know().owned }

// Supervised says whether a supervisor has started this process.
func Supervised() bool { return !strings.Contains(know().maker.text, ":0:0:") }

// openChildren opens the list of the children of the first thread, which orphans come to.
func openChildren() (int, error) {
	pid := strconv.Itoa(os.Getpid())
	return unix.Open("/proc/"+pid+"/task/"+pid+"/children", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// strays are the children of the first thread, dead ones that are not collected included. Only an empty list is exact:
// when some end meanwhile, the kernel may skip others.
func strays() (pids []int, err error) {
	var b [4096]byte
	var part []byte // of a number, at the end of what was read
	for at := 0; ; {
		n, err := unix.Pread(self.system.list, b[:], int64(at))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return pids, err
		case n == 0:
			return append(pids, parse(part)...), nil
		}
		at += n
		part = append(part, b[:n]...)
		end := bytes.LastIndexByte(part, ' ') + 1
		pids = append(pids, parse(part[:end])...)
		part = part[:copy(part, part[end:])]
	}
}

// Root is one leader and everything that descends from it.
type Root struct {
	n      int
	leader int          // 0 before Fork
	told   map[int]bool // strays that Tell has signalled; nil: it was not called
}

// NewRoot is a root without processes.
func NewRoot() *Root { return &Root{n: int(self.last.Add(1)) & (1<<limitBits - 1)} }

// Env adds the mark to the environment of the leader, which may change env.
func (r *Root) Env(env []string) []string {
	mark := know().maker.text + strconv.Itoa(r.n)
	for i, v := range env {
		if outer, ok := strings.CutPrefix(v, Variable+"="); ok {
			if outer != "" {
				mark = outer + " " + mark
			}
			env[i] = Variable + "=" + mark
			return env
		}
	}
	return append(env, Variable+"="+mark)
}

// Fork calls f, which forks the leader into a session, or at least a process group, of its own and returns its number.
// It must not run on the process's first thread, nor twice at a time.
func (r *Root) Fork(f func() (int, error)) (err error) {
	know().maker.limited(r.n, func() { r.leader, err = f() })
	if s := know(); err == nil && s.sooner != nil {
		_ = write(proc(r.leader, "oom_score_adj"), s.sooner)
	}
	return err
}

// All of what follows is for a leader that has not been collected.

// Tell sends the signal, and CONT so that a stopped process sees it, to the leader's group and to each stray; when it
// is called again, only to strays that have appeared since. What has another group and a parent is left to that: a
// flowrun in a step tells its own steps.
func (r *Root) Tell(sig unix.Signal) {
	if r.told == nil {
		r.told = make(map[int]bool)
		_ = unix.Kill(-r.leader, sig)
		_ = unix.Kill(-r.leader, unix.SIGCONT)
	}
	r.each(func(pid int) {
		if r.told[pid] {
			return
		}
		orphan := func(s stat) bool { return s.group != r.leader && r.has(pid)(s) && !r.holds(s.parent) }
		within(pid, orphan, func(fd int, s stat) {
			if !r.told[pid] { // the first that is visited is pid itself
				r.told[pid] = true
				_ = unix.PidfdSendSignal(fd, sig, nil, 0)
				_ = unix.PidfdSendSignal(fd, unix.SIGCONT, nil, 0)
			}
		}, nil)
	})
}

// holds says whether a process is of the root.
func (r *Root) holds(pid int) bool {
	if pid == r.leader {
		return true
	}
	s, ok := readStat(pid)
	return ok && pid != os.Getpid() && r.has(pid)(s)
}

// Kill kills what it finds of the root, the leader too. Others may have been made meanwhile: call it until Left says
// that there are none.
func (r *Root) Kill() {
	endChild(r.leader)
	_ = unix.Kill(-r.leader, unix.SIGKILL)
	r.each(func(pid int) {
		if know().owned {
			endChild(pid)
			return
		}
		within(pid, r.has(pid), send(unix.SIGSTOP), send(unix.SIGKILL))
	})
}

// has checks that pid, of which a pidfd has been opened, is marked.
func (r *Root) has(pid int) func(stat) bool {
	return func(s stat) bool {
		return s.session == r.leader || s.group == r.leader || know().maker.number(pid) == r.n
	}
}

// Left are the processes of the root that are there when the leader has ended, without those below them. One that has
// just died counts, too: it may have made another a moment ago.
func (r *Root) Left() (left []int) {
	dead := r.each(func(pid int) { left = append(left, pid) })
	return append(left, dead...)
}

// clean is how many lists must be without a stray of ours before it is believed: see strays.
const clean = 3

// each calls f with what lives of the root outside the descent of a leader that is alive, and returns the strays that
// were dead and have been collected.
func (r *Root) each(f func(pid int)) (dead []int) {
	if !know().owned {
		for _, pid := range numbers("/proc") {
			if pid == r.leader || !own(pid) {
				continue
			}
			if s, ok := readStat(pid); ok && !s.dead() && r.has(pid)(s) {
				f(pid)
			}
		}
		return nil
	}
	self.strays.Lock()
	defer self.strays.Unlock()
	for range clean {
		pids, err := strays()
		if err == nil && len(pids) == 0 {
			return dead // the usual case, and exact
		}
		found := false
		for _, pid := range pids {
			s, ok := readStat(pid)
			mine := ok && r.has(pid)(s)
			switch {
			case ok && s.dead():
				collect(pid)
				if mine {
					dead = append(dead, pid)
				}
			case mine:
				found = true
				f(pid)
			}
		}
		if found || len(dead) > 0 {
			return dead
		}
	}
	return dead
}

// Collect collects strays of any root that have ended, for long steps that leave many. It does nothing in a program
// that does not own its children.
func Collect() {
	if !know().owned {
		return
	}
	self.strays.Lock()
	defer self.strays.Unlock()
	pids, _ := strays()
	for _, pid := range pids {
		if s, ok := readStat(pid); ok && s.dead() {
			collect(pid)
		}
	}
}

// own says whether a process is of our user.
func own(pid int) bool {
	var s unix.Stat_t
	return unix.Stat("/proc/"+strconv.Itoa(pid), &s) == nil && int(s.Uid) == os.Geteuid()
}

// EndAll kills every child of this process and what is below, and collects them, until the kernel says that there is
// none. It is for a process that has no other children. It returns how many it killed, and how many are left when
// the kernel does not let go of one, as of a process that waits for a dead disk.
func EndAll(patience time.Duration) (killed, left int) {
	begin := time.Now()
	seen := make(map[int]bool)
	for pause := time.Duration(0); ; {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil)
			if err == unix.ECHILD {
				return len(seen), 0
			}
			if pid <= 0 && err != unix.EINTR {
				break
			}
		}
		pids := children(os.Getpid())
		for _, pid := range pids { // first of all: some live for less time than a look at them takes
			_ = unix.Kill(pid, unix.SIGSTOP)
		}
		for _, pid := range pids {
			if s, ok := readStat(pid); ok && !s.dead() {
				seen[pid] = true
				endChild(pid)
				pause = 0
			}
		}
		if time.Since(begin) > patience {
			return len(seen), len(pids)
		}
		time.Sleep(pause)
		pause = min(2*pause+50*time.Microsecond, 10*time.Millisecond)
	}
}

// Sweep ends what runs that are dead, supervisor and engine, have left: processes of our user with their mark. It
// returns how many. What belongs to a run that this process itself descends from is not touched: inherited is the
// limit that it was started with.
func Sweep(inherited uint64) (killed int) {
	w := sweeper{space: namespace(), dead: map[string]bool{}, deadLimit: map[uint64]bool{runOf(inherited): false}}
	for _, mark := range marks(os.Getpid()) {
		w.dead[run(mark)] = false
	}
	// What forks and ends all the time is seldom seen, and may have gone on before it is hit.
	any, begin := false, time.Now()
	for clean := 0; clean < patient; clean++ {
		found, n := w.once()
		killed += n
		if found {
			any, clean = true, 0
		} else if !any {
			break // the usual case
		}
		w.closed = time.Since(begin) > newcomers
	}
	return killed
}

// newcomers is for how long a sweep goes after runs that it had not heard of. Where runs are killed all the time it would not come
// to an end: who sweeps next has the others.
const newcomers = time.Second

// patient is how many looks must find nothing when there was something.
const patient = 50

// Inherited is the marking limit that this process has.
func Inherited() uint64 { return limitOf(os.Getpid()) }

// sweeper knows which runs are dead, by both of their marks. None is asked about twice.
type sweeper struct {
	space     string
	dead      map[string]bool
	deadLimit map[uint64]bool
	closed    bool // to runs that it has not heard of
}

// once looks at each process a moment after it was listed.
func (w *sweeper) once() (found bool, killed int) {
	// Few at a time: at the end of the list are the newest, and some of these live for less time than it takes.
	each("/proc", make([]byte, 288), func(pid int) {
		if !own(pid) || !w.left(pid) {
			return
		}
		found = true
		within(pid, func(s stat) bool { return !s.dead() && w.left(pid) }, send(unix.SIGSTOP), func(fd int, s stat) {
			killed++
			send(unix.SIGKILL)(fd, s)
		})
	})
	return found, killed
}

// left says whether a process is of a run that is dead. That is asked after its mark was seen: a run lives longer
// than what it starts.
func (w *sweeper) left(pid int) bool {
	if limit := limitOf(pid); runOf(limit) != 0 && numberOf(limit) != 0 {
		dead, known := w.deadLimit[runOf(limit)]
		if !known {
			dead = !w.closed && !anyHas(runOf(limit))
			w.deadLimit[runOf(limit)] = dead
		}
		if dead {
			return true
		}
	}
	for _, mark := range marks(pid) {
		f := strings.Split(mark, ":")
		if len(f) != 6 || f[0] != w.space {
			continue
		}
		dead, known := w.dead[run(mark)]
		if !known {
			dead = !w.closed && !alive(f[1], f[2]) && !alive(f[3], f[4])
			w.dead[run(mark)] = dead
		}
		if dead {
			return true
		}
	}
	return false
}

// anyHas says whether a run is alive: somebody has its limit with N 0. While an engine forks it has that of the step
// instead, and when its supervisor is dead, or there was none, nobody else has the other. So it is known as the process
// that the limit is made of, or seen when it is looked at again. Where a look fails, nobody is dead.
func anyHas(limit uint64) bool {
	for range looks {
		pids := numbers("/proc")
		if len(pids) == 0 {
			return true
		}
		for _, pid := range pids {
			l, known := knownLimit(pid)
			if !known {
				return true
			}
			if runOf(l) != limit {
				continue
			}
			s, ok := readStat(pid)
			if !ok && unix.Kill(pid, 0) == nil || ok && !s.bare() && (l == limit || hash(pid) == limit) {
				return true
			}
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// looks is how often a run must seem dead before it is.
const looks = 5

// run is the part of a mark that names the run.
func run(mark string) string { return mark[:strings.LastIndexByte(mark, ':')+1] }
