package process

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// halted and zombie are SSTOP and SZOMB of sys/proc.h.
const halted, zombie = 4, 5

// leader is the first process of a step, and its group. What leaves the group is not followed: there is nothing that
// orphans come back to.
type leader struct {
	process *os.Process
	told    bool
	// terminal is what it has of it; nil: nothing.
	terminal *terminal
}

func fork(spec Spec, files []*os.File) (*leader, error) {
	attr := &syscall.SysProcAttr{Setsid: true}
	switch spec.Mode {
	case Terminal: // which one session has
		attr = &syscall.SysProcAttr{Setpgid: true}
	case Isolated:
		return nil, errNoIsolation
	}
	p, err := os.StartProcess(spec.Path, spec.Args, &os.ProcAttr{
		Dir: spec.Dir, Env: append([]string{}, spec.Env...), Files: files, Sys: attr,
	})
	if err != nil {
		return nil, err
	}
	l := &leader{process: p}
	if spec.terminal != nil {
		spec.terminal.begin(l)
	}
	return l, nil
}

// await tells p when the leader has ended, and leaves it uncollected: until then its number, and that of its group, is
// given to nobody else. There is no waitid here that would do so without asking again and again.
func (l *leader) await(p *Process) {
	go func() {
		defer close(p.ended)
		if l.terminal != nil {
			l.terminal.watch()
			return
		}
		l.change(false)
	}()
}

// change waits until the leader has ended or, when that is asked for, is stopped, and says whether it is that.
func (l *leader) change(stops bool) (stopped bool) {
	for pause := time.Millisecond; ; pause = min(2*pause, 8*time.Millisecond) {
		info, err := unix.SysctlKinfoProc("kern.proc.pid", l.process.Pid)
		switch {
		case err != nil || info.Proc.P_stat == zombie:
			return false
		case stops && info.Proc.P_stat == halted:
			return true
		}
		time.Sleep(pause)
	}
}

// tell sends the signal, and CONT so that a stopped process sees it.
func (l *leader) tell(name string) {
	l.terminal.ending()
	if l.told {
		return
	}
	l.told = true
	_ = unix.Kill(-l.process.Pid, unix.SignalNum("SIG"+name))
	_ = unix.Kill(-l.process.Pid, unix.SIGCONT)
}

func (l *leader) number() int { return l.process.Pid }

func (l *leader) kill() {
	l.terminal.ending()
	_ = unix.Kill(-l.process.Pid, unix.SIGKILL)
}

func (l *leader) left() (left []int) {
	all, err := unix.SysctlKinfoProcSlice("kern.proc.pgrp", l.process.Pid)
	if err != nil {
		return nil
	}
	for _, p := range all {
		if pid := int(p.Proc.P_pid); pid != l.process.Pid && p.Proc.P_stat != zombie {
			left = append(left, pid)
		}
	}
	return left
}

func (l *leader) collect() Exit {
	l.terminal.back()
	state, err := l.process.Wait()
	if err != nil {
		panic("process: a leader that is ours cannot be waited for: " + err.Error())
	}
	return exitOf(state.Sys().(syscall.WaitStatus))
}

// InForce says which means of ending all of a step this process has.
func InForce() []Means {
	return []Means{{"session", true, "a step is a session and a process group of its own"}}
}
