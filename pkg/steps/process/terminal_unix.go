//go:build unix

package process

import (
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal of this program while a step has it.
//
// The terminal sends what is typed, Ctrl-C, Ctrl-Z and changes of its size to one process group, the foreground, and
// stops others that read. It is the step's: Ctrl-C does not reach this program, and no other process of a run is in
// sight of it. This program takes the place that a shell has for its jobs:
//
//	the step begins      foreground: ours ─► the step's
//	Ctrl-Z               the step's ─► ours; this program stops with its whole job, and the user's shell takes over
//	fg                   ours ─► the step's, and it goes on
//	bg                   it goes on without; when it reads, it stops, and so do we
//	it has ended         the step's ─► ours, with the modes that the terminal had before
type terminal struct {
	tty    *os.File
	files  []*os.File // what a step gets as its standard streams
	modes  *unix.Termios
	mu     sync.Mutex
	leader *leader
	home   int  // the group that had the foreground before; 0: the leader has never had it
	over   bool // the leader is being stopped or killed by us
}

// openTerminal finds the terminal. A standard stream that leads elsewhere, into a file or a pipe, is replaced by it:
// they are flowrun's, and `flowrun run --format json >result` has nothing to do with what a step shows to a person.
func openTerminal() (*terminal, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, ErrNoTerminal
	}
	t := &terminal{tty: tty}
	if t.modes, err = unix.IoctlGetTermios(t.fd(), getModes); err != nil {
		t.close()
		return nil, ErrNoTerminal
	}
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if _, err := foreground(int(f.Fd())); err != nil { // not a terminal, or not ours
			f = tty
		}
		t.files = append(t.files, f)
	}
	return t, nil
}

func (t *terminal) fd() int { return int(t.tty.Fd()) }

func (t *terminal) close() {
	if t != nil {
		_ = t.tty.Close()
	}
}

// foreground is the group that a terminal sends signals to.
func foreground(tty int) (int, error) { return unix.IoctlGetInt(tty, unix.TIOCGPGRP) }

// begin makes the terminal that of a new leader.
func (t *terminal) begin(l *leader) {
	l.terminal, t.leader = t, l
	t.lend()
}

// lend gives the terminal to the leader if it is ours to give, and lets it go on if it has stopped for want of it.
func (t *terminal) lend() (lent bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pid := t.leader.number()
	now, err := foreground(t.fd())
	switch {
	case err != nil:
	case now == pid:
		lent = true
	case ours(now):
		t.home = now
		lent = unattended(func() error { return unix.IoctlSetPointerInt(t.fd(), unix.TIOCSPGRP, pid) }) == nil
	}
	_ = unix.Kill(-pid, unix.SIGCONT)
	return lent
}

// ending says that a leader that stops from now on has not been stopped by its user. It may be called on nil.
func (t *terminal) ending() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

// back takes the terminal from a leader that has ended, with all that it has started. It may be called on nil.
func (t *terminal) back() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.take() {
		_ = unattended(func() error { return unix.IoctlSetTermios(t.fd(), setModes, t.modes) })
	}
	t.close()
}

// take makes the group from which the terminal was lent the foreground, if the step's is it, or one that is no more: a
// shell in the step may have lent it to a program of its own.
func (t *terminal) take() bool {
	now, err := foreground(t.fd())
	if err != nil || t.home == 0 || now != t.leader.number() && unix.Kill(-now, 0) != unix.ESRCH {
		return false
	}
	return unattended(func() error { return unix.IoctlSetPointerInt(t.fd(), unix.TIOCSPGRP, t.home) }) == nil
}

// watch waits for the leader's end and leaves it uncollected. When it stops, so does this program.
func (t *terminal) watch() {
	for {
		sig, stopped := t.leader.changed()
		if !stopped {
			return
		}
		t.mu.Lock()
		over := t.over
		t.mu.Unlock()
		if over {
			continue
		}
		if wants := sig == unix.SIGTTIN || sig == unix.SIGTTOU; wants && t.lend() {
			continue
		}
		t.suspend()
		t.lend()
	}
}

// suspend stops the job of this program, as Ctrl-Z would have done if the step had not had the terminal, and returns
// when it goes on. The kernel knows whether there is a shell that would let it go on: without one nothing stops.
func (t *terminal) suspend() {
	t.mu.Lock()
	t.take()
	t.mu.Unlock()
	on := make(chan os.Signal, 1)
	signal.Notify(on, unix.SIGCONT)
	defer signal.Stop(on)
	_ = unix.Kill(0, unix.SIGTSTP)
	select {
	case <-on:
	case <-time.After(100 * time.Millisecond): // it comes at once, or nothing has stopped
	}
}
