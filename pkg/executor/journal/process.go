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
	// Supervisor is the process that ends what a dead one has left, and when that started. 0: there is none.
	Supervisor      int    `json:"supervisor,omitempty"`
	SupervisorStart uint64 `json:"supervisor_start,omitempty"`
}

// Self is this process, and its supervisor; 0: it has none.
func Self(supervisor int) Process {
	p := Process{PID: os.Getpid(), Boot: boot(), Supervisor: supervisor}
	p.Start = startOf(p.PID)
	if supervisor != 0 {
		p.SupervisorStart = startOf(supervisor)
	}
	return p
}

// Tidying says that the process is dead and its supervisor still ends what it has left.
func (p Process) Tidying() bool {
	return p.Supervisor != 0 && p.Boot == boot() && p.SupervisorStart != 0 && startOf(p.Supervisor) == p.SupervisorStart
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
	if is.Start == 0 || is.Boot != boot() || is.Start != startOf(is.PID) {
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
