package supervisor

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// patience is how long processes are waited for that do not go when they are killed.
const patience = 10 * time.Second

func init() {
	if os.Getpid() == 1 && os.Args[0] == tree.InitName {
		first(os.Args[1:])
	}
	tree.ProvideInit()
	if !needed(os.Args) {
		return
	}
	if os.Getenv(tree.SupervisorVariable) == strconv.Itoa(os.Getppid()) {
		_ = os.Unsetenv(tree.SupervisorVariable)
		rename("flowrun-engine") // the kernel calls it exe
		tree.Own(os.Getppid())
		return
	}
	if s, err := start(); err == nil {
		s.supervise()
	}
	tree.Own(0) // no second process is to be had: one does what one can
}

// needed says whether a command line may start steps, or wants to know how. Where the word stands is not worth a
// parser: a supervisor without need costs some milliseconds and nothing else.
func needed(args []string) bool {
	words := []string{"run", "resume", "worker", "--verbose", "-v"} // version --verbose
	return len(args) > 1 && slices.ContainsFunc(args[1:], func(a string) bool { return slices.Contains(words, a) })
}

// rename sets the name of this process, up to 15 bytes. It runs on the first thread, as every init.
func rename(name string) {
	b := append([]byte(name), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
}

// supervisor is what the first process knows.
type supervisor struct {
	engine  int
	fd      int           // its pidfd
	lent    bool          // the terminal is the engine's
	modes   *unix.Termios // that the terminal had; nil: there is none
	typed   atomic.Bool   // we have had a SIGTSTP, as all of our job
	signals chan os.Signal
	swept   chan int // how many were left of earlier runs
}

// start starts the engine: the same program with the same arguments.
func start() (*supervisor, error) {
	s := &supervisor{fd: -1, signals: make(chan os.Signal, 16), swept: make(chan int, 1)}
	s.modes = modes()
	inherited := tree.Inherited()
	if err := tree.Supervise(); err != nil {
		return nil, err
	}
	// The engine is not in the group that a terminal signals, and gets all signals from here: each once.
	pass := []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGTSTP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH}
	if !signal.Ignored(unix.SIGHUP) { // nohup
		pass = append(pass, unix.SIGHUP)
	}
	signal.Notify(s.signals, pass...)
	var err error
	s.engine, err = syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), tree.SupervisorVariable+"="+strconv.Itoa(os.Getpid())),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM, PidFD: &s.fd},
	})
	if err == nil && s.fd < 0 {
		_ = unix.Kill(s.engine, unix.SIGKILL)
		_, _ = unix.Wait4(s.engine, nil, 0, nil)
		err = unix.ENOSYS
	}
	if err != nil {
		signal.Reset(pass...)
		return nil, err
	}
	// Its environment may hold secrets, and has to do with no step.
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	go func() { s.swept <- tree.Sweep(inherited) }()
	return s, nil
}

// supervise waits for the engine, ends what it has left, and ends as it did.
func (s *supervisor) supervise() {
	signal.Ignore(unix.SIGTTOU) // so that the terminal can be taken back; the engine must not inherit it
	go func() {
		for sig := range s.signals {
			if sig == unix.SIGTSTP {
				s.typed.Store(true)
			}
			s.send(sig.(unix.Signal))
		}
	}()
	status := s.wait()
	s.takeTerminal()
	ended, left := tree.EndAll(patience)
	s.reclaimTerminal()
	if n := <-s.swept; n > 0 {
		fmt.Fprintf(os.Stderr, "flowrun: an earlier run was killed; %s that it had left %s ended\n", processes(n), were(n))
	}
	if left > 0 {
		fmt.Fprintf(os.Stderr, "flowrun: %s cannot be killed\n", processes(left))
	}
	if !status.Signaled() {
		code := status.ExitStatus()
		switch {
		case code == 2 && ended > 0: // so does the runtime end it; else 2 says that nothing was started
			showCursor()
			fmt.Fprintf(os.Stderr, "flowrun: crashed; %s that ran %s ended\n", processes(ended), were(ended))
			code = 3
		case code == 0 && left > 0:
			code = 3
		}
		os.Exit(code)
	}
	sig := status.Signal()
	switch sig {
	case unix.SIGINT, unix.SIGTERM, unix.SIGHUP: // so that a shell that runs it in a loop stops, too
		signal.Reset(sig)
		if unix.Kill(os.Getpid(), sig) == nil {
			time.Sleep(100 * time.Millisecond) // it comes, but perhaps to another thread; not to PID 1
		}
	case unix.SIGKILL:
		showCursor()
		fmt.Fprintf(os.Stderr, "flowrun: killed by SIGKILL, out of memory?; %s that ran %s ended\n", processes(ended), were(ended))
	default:
		showCursor()
		fmt.Fprintf(os.Stderr, "flowrun: died by %s; %s that ran %s ended\n", unix.SignalName(sig), processes(ended), were(ended))
	}
	os.Exit(128 + int(sig))
}

// wait waits for the engine's end, and collects what else comes here, as it does to the first process of a container.
func (s *supervisor) wait() unix.WaitStatus {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED|unix.WALL, nil)
		switch {
		case err != nil && err != unix.EINTR:
			panic("supervisor: an engine that is ours cannot be waited for: " + err.Error())
		case pid != s.engine:
		case status.Stopped():
			s.stopped(status.StopSignal())
		default:
			return status
		}
	}
}

// send signals the engine, if it is there.
func (s *supervisor) send(sig unix.Signal) { _ = unix.PidfdSendSignal(s.fd, sig, nil, 0) }

// stopped is called when the terminal has stopped the engine: with Ctrl-Z, or since it reads and is not in the
// foreground. Then it gets the foreground from us if we have it; else the shell has to see that its job has stopped.
func (s *supervisor) stopped(sig unix.Signal) {
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		if s.lendTerminal() {
			s.send(unix.SIGCONT)
			return
		}
	case unix.SIGTSTP:
	default:
		return // somebody else did, and will let it go on
	}
	again := s.takeTerminal()
	showCursor()
	s.rest()
	if again {
		s.lendTerminal()
	}
	s.send(unix.SIGCONT)
}

// rest stops us until the shell lets our job go on. A Ctrl-Z that we have had has stopped what else is in the job. One
// that only a step had, which has the terminal, has not: a script that has started us must stop, too, or the shell does
// not see it. That is done by one signal to all, for the shell may let the job go on as soon as it has seen it stop.
// There is no shell above the leader of a session.
func (s *supervisor) rest() {
	whom := 0
	if s.typed.Swap(false) {
		whom = os.Getpid()
	}
	if session, err := unix.Getsid(0); err != nil || session != unix.Getpgrp() {
		_ = unix.Kill(whom, unix.SIGSTOP)
	}
}

// reclaimTerminal takes the terminal from a step that had it when the engine was killed: when all has ended, its
// foreground is a group that is no more. The modes are put back, too.
func (s *supervisor) reclaimTerminal() {
	terminal(func(tty int) {
		now, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
		if err != nil || unix.Kill(-now, 0) != unix.ESRCH || unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, unix.Getpgrp()) != nil {
			return
		}
		if s.modes != nil {
			_ = unix.IoctlSetTermios(tty, unix.TCSETS, s.modes)
		}
	})
}

// showCursor shows the cursor again, which the engine hides while it draws a run as a tree (package tty): it has been stopped,
// or has died.
func showCursor() {
	if term := os.Getenv("TERM"); term == "" || term == "dumb" {
		return
	}
	for _, fd := range []int{1, 2} {
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			_, _ = unix.Write(fd, []byte("\x1b[?25h"))
			return
		}
	}
}

// modes are those of the terminal.
func modes() (t *unix.Termios) {
	terminal(func(tty int) { t, _ = unix.IoctlGetTermios(tty, unix.TCGETS) })
	return t
}

// terminal calls f with the terminal, if there is one.
func terminal(f func(tty int)) {
	if tty, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		defer unix.Close(tty)
		f(tty)
	}
}

// lendTerminal makes the engine the foreground instead of us, and says whether it is it.
func (s *supervisor) lendTerminal() bool {
	s.lent = s.lent || foreground(unix.Getpgrp(), s.engine)
	return s.lent
}

// takeTerminal makes us the foreground instead of the engine, and says whether it was it.
func (s *supervisor) takeTerminal() bool {
	was := s.lent
	s.lent = false
	if was {
		foreground(s.engine, unix.Getpgrp())
	}
	return was
}

// foreground gives the terminal from one group to another.
func foreground(from, to int) (given bool) {
	terminal(func(tty int) {
		now, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
		given = err == nil && now == from && unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, to) == nil
	})
	return given
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return strconv.Itoa(n) + " processes"
}

func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
