package process

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// isolate starts the leader as the first process of a namespace: see package tree. The program that the step names is
// its child. When the leader ends, the kernel kills whatever else is there and only then tells of its end; and it dies
// with this program, so nothing is left even if nobody is there to look for it.
func (l *leader) isolate(spec Spec, attr *syscall.ProcAttr) error {
	if !tree.HasInit() {
		return &IsolationError{
			Doing: "this program does not import github.com/flowrun/flowrun/pkg/steps/process/supervisor, which it takes", Err: errors.ErrUnsupported,
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	attr.Files = append(attr.Files[:tree.InitReport:tree.InitReport], w.Fd())
	args := []string{tree.InitName}
	if spec.Path != "" {
		args = append(append(args, spec.Path), spec.Args...)
	}
	err = unix.EPERM
	for _, user := range []bool{false, true} {
		if err == unix.EPERM && (user || os.Geteuid() == 0) {
			attr.Sys = namespaces(&l.fd, user)
			if user {
				reveal := revealed()
				err = l.exec("/proc/self/exe", args, attr, nil)
				reveal()
				continue
			}
			err = l.exec("/proc/self/exe", args, attr, nil)
		}
	}
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		if NoRoom(err) {
			return err
		}
		return &IsolationError{Doing: "the system does not give a namespace of process numbers", Err: err}
	}
	l.report = r
	if err = l.begun(); err != nil {
		if l.fd >= 0 {
			_ = unix.Close(l.fd)
		}
		l.kill()
		l.collect()
	}
	return err
}

// namespaces is how the first process of a namespace is started: one of mounts, too, for its /proc; and who is not root
// gets one of users, in which he is himself and may make the others.
func namespaces(fd *int, user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: fd, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	if user {
		uid, gid := os.Geteuid(), os.Getegid()
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN} // to mount /proc; the program does not get it
	}
	return attr
}

// begun waits until the program has been started.
func (l *leader) begun() error {
	var b [8]byte
	if _, err := io.ReadFull(l.report, b[:]); err != nil {
		return &IsolationError{Doing: "the first process of the namespace has died", Err: err}
	}
	stage, errno := tree.InitStage(binary.NativeEndian.Uint32(b[:])), syscall.Errno(binary.NativeEndian.Uint32(b[4:]))
	switch {
	case errno == 0:
		return nil
	case stage == tree.MountProc:
		return &IsolationError{Doing: "the system does not let the namespace have a /proc of its own", Err: errno}
	default:
		return errno
	}
}

// programs is the status of the program that the step names; that of the leader when it has not told, as it was killed.
func (l *leader) programs(status syscall.WaitStatus) syscall.WaitStatus {
	if l.report == nil {
		return status
	}
	defer l.report.Close()
	var b [4]byte
	if _, err := io.ReadFull(l.report, b[:]); err != nil {
		return status
	}
	return syscall.WaitStatus(binary.NativeEndian.Uint32(b[:]))
}

// isolates finds out whether a step can be isolated here, by doing it.
func isolates() bool {
	p, err := Start(Spec{Mode: Isolated, Env: os.Environ(), Stdout: io.Discard, Stderr: io.Discard})
	if err != nil {
		return false
	}
	exit := p.Wait(Ending{})
	return exit.Code == 0 && exit.Signal == ""
}
