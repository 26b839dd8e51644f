package process

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

const getModes, setModes = unix.TIOCGETA, unix.TIOCSETA

// ours says whether a process group is this program's.
func ours(group int) bool { return group == unix.Getpgrp() }

// Supervised says that a process is above this one, which stops and ends with it.
func Supervised() bool { return false }

// unattended calls f, which changes the terminal, with SIGTTOU ignored, with which the terminal stops who does that and
// is not in the foreground. It stays ignored: a signal mask, which could be put back, is not to be had here.
func unattended(f func() error) error {
	signal.Ignore(unix.SIGTTOU)
	return f()
}

// changed waits until the leader has ended or has been stopped. By which signal is not known here: if it was for want of
// the terminal, it gets that when this program has it.
func (l *leader) changed() (sig unix.Signal, stopped bool) {
	if !l.change(true) {
		return 0, false
	}
	if now, err := foreground(l.terminal.fd()); err == nil && ours(now) {
		return unix.SIGTTIN, true
	}
	return unix.SIGTSTP, true
}
