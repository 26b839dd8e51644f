package supervisor

import (
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// first is the life of the first process of a namespace: see package tree. It does not return. The kernel spares such a
// process every signal for which it has no handler, so the program that a step names cannot be it.
func first(argv []string) {
	syscall.CloseOnExec(tree.InitReport)
	stage, err := tree.MountProc, mountProc()
	i := &initial{}
	if err == nil && len(argv) > 0 {
		i.listen()
		stage, err = tree.StartProgram, i.start(argv[0], argv[1:])
	}
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EINVAL
	}
	// When nobody reads that, the engine was dead before the kernel knew that this process is to die with it.
	heard := report(uint32(stage), uint32(errno))
	if heard && err == nil && len(argv) > 0 {
		i.wait()
	}
	os.Exit(0)
}

// report says something to the engine and whether that is there.
func report(numbers ...uint32) bool {
	var b []byte
	for _, n := range numbers {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	_, err := unix.Write(tree.InitReport, b)
	return err == nil
}

// mountProc makes /proc that of the namespace, which its programs need to find themselves and their children there. What
// is mounted here is seen nowhere else.
func mountProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	// The right to do that was for this process alone. (A kernel without such rights did not give it.)
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	return nil
}

// initial is what the first process knows.
type initial struct {
	program int // it leads a session and a group
	signals chan os.Signal
	mu      sync.Mutex
	ended   bool         // the program has
	sig     unix.Signal  // that was passed on last; 0: none
	told    map[int]bool // orphans that have had it
}

// listen takes all signals that somebody may send to a step.
func (i *initial) listen() {
	i.signals = make(chan os.Signal, 64)
	for sig := unix.Signal(1); sig < 32; sig++ {
		switch sig {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGCONT, unix.SIGPIPE, unix.SIGURG, unix.SIGPROF,
			unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE:
			continue
		}
		if !signal.Ignored(sig) { // nor would the program get it
			signal.Notify(i.signals, sig)
		}
	}
}

func (i *initial) start(path string, args []string) (err error) {
	i.program, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	return err
}

// wait waits for the program's end. What that leaves behind has the time to obey a signal that has come; without one it
// is ended at once, with this process.
func (i *initial) wait() {
	go func() {
		for sig := range i.signals {
			i.pass(sig.(unix.Signal))
		}
	}()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch err {
		case nil:
		case unix.EINTR:
			continue
		default: // there is nobody
			return
		}
		if pid == i.program {
			report(uint32(status))
		}
		if i.over(pid) {
			return
		}
	}
}

// pass passes a signal on, as it is passed on to a step that has no namespace.
func (i *initial) pass(sig unix.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sig, i.told = sig, map[int]bool{}
	if !i.ended {
		_ = unix.Kill(-i.program, sig)
		_ = unix.Kill(-i.program, unix.SIGCONT)
	}
	i.tell()
}

// over notes the end of a child and says whether that was all.
func (i *initial) over(pid int) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.told, pid)
	i.ended = i.ended || pid == i.program
	if i.sig != 0 {
		i.tell() // it may have left some
	}
	return i.ended && i.sig == 0
}

// tell signals orphans that are not in the program's group and have not had the signal.
func (i *initial) tell() {
	for _, pid := range tree.Children() {
		group, err := unix.Getpgid(pid)
		if err != nil || group == i.program || i.told[pid] {
			continue
		}
		i.told[pid] = true
		_ = unix.Kill(pid, i.sig)
		_ = unix.Kill(pid, unix.SIGCONT)
	}
}
