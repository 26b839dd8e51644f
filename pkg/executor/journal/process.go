package journal

import (
	"errors"
	"os"
	"syscall"
)

// Process names a process for ever: its number may be given again, but not with the same start in the same boot.
type Process struct {
	PID   int    `json:"pid"`
	Boot  string `json:"boot"`  // of the system; "": not known
	Start uint64 `json:"start"` // in the system's own units; 0: not known
}

// self is this process.
func self() Process {
	pid := os.Getpid()
	return Process{PID: pid, Boot: boot(), Start: startOf(pid)}
}

// ErrOther says that a process cannot be told from another one that has its number, or is out of reach.
var ErrOther = errors.New("its process is not to be found here: it may run on another machine or in another container")

// Signal sends a signal to the process that has begun the run, if it is alive. The run must be Live.
func (r *Run) Signal(sig os.Signal) error {
	is := r.Header.Process
	p, err := os.FindProcess(is.PID) // on Linux it stays the same process from here on
	if err != nil {
		return ErrOther
	}
	defer func() { _ = p.Release() }()
	if now := (Process{is.PID, boot(), startOf(is.PID)}); now != is || now.Start == 0 {
		return ErrOther
	}
	if alive, err := r.Alive(); err != nil || !alive {
		return os.ErrProcessDone
	}
	if err := p.Signal(sig); errors.Is(err, syscall.EPERM) {
		return errors.New("it is another user's")
	} else if err != nil {
		return err
	}
	return nil
}
