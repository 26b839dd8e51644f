package process

import (
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// leader is the first process of a step, and what descends from it.
type leader struct {
	root *tree.Root
	pid  int
	fd   int // pidfd; -1: the kernel has none (before 5.4)
	// forget ends the watch of fd, and closes it; nil: there is none.
	forget func()
	// terminal is what it has of it; nil: nothing.
	terminal *terminal
	// report is what the first process of its namespace says, which is then the leader; nil: it has none.
	report *os.File
}

// fork starts the leader with these files. It dies with this program, whatever ends that.
func fork(spec Spec, files []uintptr) (*leader, error) {
	l := &leader{root: tree.NewRoot(), fd: -1}
	attr := &syscall.ProcAttr{
		Dir:   spec.Dir,
		Env:   l.root.Env(spec.Env),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: &l.fd},
	}
	if spec.Mode == Terminal { // which one session has
		attr.Sys = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	}
	var err error
	if spec.Mode == Isolated {
		err = l.isolate(spec, attr)
	} else {
		err = l.exec(spec.Path, spec.Args, attr, spec.terminal)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// exec starts the leader, and gives it the terminal, if there is one to give, before anything else can run on this
// thread: it is at work already.
func (l *leader) exec(path string, args []string, attr *syscall.ProcAttr, t *terminal) error {
	return thread.do(func() error {
		return l.root.Fork(func() (pid int, err error) {
			if l.pid, err = syscall.ForkExec(path, args, attr); err == nil && t != nil {
				t.begin(l)
			}
			return l.pid, numbered(err, attr.Files)
		})
	})
}

// numbered names the error of a fork by what it means. The child moves its files above the highest of them; where that
// has the last number there can be, the kernel says that a descriptor is bad, and not that there are too many.
func numbered(err error, files []uintptr) error {
	if err == syscall.EBADF && int(slices.Max(files))+len(files) >= descriptors() {
		return syscall.EMFILE
	}
	return err
}

// await tells p when the leader has ended, and leaves it uncollected. The poller watches it: a blocking wait would cost
// a thread for each live process.
func (l *leader) await(p *Process) {
	if l.terminal != nil {
		go func() {
			defer close(p.ended)
			l.terminal.watch()
		}()
		return
	}
	if l.fd >= 0 {
		poller := p.wires.poller
		n, err := poller.watch(l.fd, func(uint32) { close(p.ended) })
		l.forget = func() {
			if err == nil {
				poller.forget(n)
			}
			_ = unix.Close(l.fd)
		}
		if err == nil {
			return
		}
	}
	go func() {
		defer close(p.ended)
		for unix.Waitid(unix.P_PID, l.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		}
	}()
}

func (l *leader) tell(name string) {
	l.terminal.ending()
	l.root.Tell(unix.SignalNum("SIG" + name))
}

func (l *leader) number() int { return l.pid }

func (l *leader) kill() {
	l.terminal.ending()
	l.root.Kill()
}

func (l *leader) left() []int { return l.root.Left() }

// collect takes the status of a leader that has ended: from now on its number may be another's.
func (l *leader) collect() Exit {
	l.terminal.back()
	if l.forget != nil {
		l.forget()
	}
	for {
		var status syscall.WaitStatus
		switch _, err := syscall.Wait4(l.pid, &status, 0, nil); err {
		case nil:
			return exitOf(l.programs(status))
		case syscall.EINTR:
		default:
			panic("process: a leader that is ours cannot be waited for: " + err.Error())
		}
	}
}

// InForce says which means of ending all of a step this process has.
func InForce() []Means {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return []Means{
		{"session", true, "a step is a session and a process group of its own"},
		{"pidfd", err == nil, "signals reach processes, not numbers"},
		{"subreaper", tree.Owned(), "what a step leaves comes to flowrun"},
		{"supervisor", tree.Supervised(), "ends what is left when flowrun is killed"},
		{"isolate", isolates(), "a namespace of process numbers for a step that asks for it"},
	}
}
