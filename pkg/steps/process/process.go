// Package process runs one tree of operating-system processes: it starts a leader, passes on its output, and
// ends with nothing of the tree left.
//
//	Start ──► leader in a session and process group of its own
//	           │ ends by itself                │ Stop: the signal to the group, once
//	           │                               ▼
//	           │                   the whole group has the grace, also when its leader has gone
//	           ▼                               ▼
//	         SIGKILL to what is left of the group
//	           ▼
//	         the pipes are drained, for a bounded time: somebody who left the group may hold them
//
// What leaves the group by a session of its own is not followed.
package process

import (
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// drain is how long a pipe is waited for when the group has gone, and how long a killed group is waited for.
const drain = 2 * time.Second

// Spec is what to start.
type Spec struct {
	Path string   // the program's file
	Args []string // its arguments, its own name first
	Env  []string // NAME=value, complete
	Dir  string
	// Stdin is what it reads; empty is an empty file.
	Stdin string
	// Stdout and Stderr get what it writes, as it comes, from one goroutine each. They must not fail; one that
	// blocks holds the process up, which is wanted.
	Stdout, Stderr io.Writer
}

// Exit is how the leader ended: with a code, or by a signal, whose name (as TERM) is then set.
type Exit struct {
	Code   int
	Signal string
}

// String is the exit in words: exit status 3, killed by SIGTERM.
func (e Exit) String() string {
	if e.Signal != "" {
		return "killed by SIG" + e.Signal
	}
	return "exit status " + strconv.Itoa(e.Code)
}

// Process is one started tree. Wait must be called, once: it is Wait that stops and reaps it.
type Process struct {
	leader *os.Process
	ended  chan struct{} // closed when the leader has ended; it is not reaped yet
	stop   chan request
	kill   chan struct{}
	killed sync.Once
	stdin  *os.File      // nil: none
	wrote  chan struct{} // closed when nothing more is written to it
	pipes  []*pipe
}

type request struct {
	signal string
	grace  time.Duration
}

// Start starts the leader. The error is that of the operating system.
func Start(spec Spec) (*Process, error) {
	p := &Process{
		ended: make(chan struct{}),
		stop:  make(chan request, 1),
		kill:  make(chan struct{}),
		wrote: make(chan struct{}),
	}
	files, err := p.open(spec)
	if err == nil {
		p.leader, err = os.StartProcess(spec.Path, spec.Args, &os.ProcAttr{
			Dir:   spec.Dir,
			Env:   append([]string{}, spec.Env...), // never nil, which would mean our own
			Files: files,
			Sys:   attributes(),
		})
	}
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	for _, pipe := range p.pipes {
		go pipe.copy()
	}
	if p.stdin == nil {
		close(p.wrote)
	} else {
		go func() {
			defer close(p.wrote)
			_, _ = io.WriteString(p.stdin, spec.Stdin) // a program need not read all of it
			_ = p.stdin.Close()
		}()
	}
	go func() {
		defer close(p.ended)
		await(p.leader)
	}()
	return p, nil
}

// open makes the child's three files and our ends of them.
func (p *Process) open(spec Spec) (files []*os.File, err error) {
	if spec.Stdin == "" {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	} else {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.stdin = w
		files = append(files, r)
	}
	for _, to := range []io.Writer{spec.Stdout, spec.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return files, err
		}
		p.pipes = append(p.pipes, &pipe{from: r, to: to, done: make(chan struct{})})
		files = append(files, w)
	}
	return files, nil
}

// close closes our ends.
func (p *Process) close() {
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	for _, pipe := range p.pipes {
		_ = pipe.from.Close()
	}
}

// Stop asks the tree to end: the signal (a name as TERM) goes to the group once, and what is there after the
// grace is killed. Only the first call counts. It does not wait.
func (p *Process) Stop(signal string, grace time.Duration) {
	select {
	case p.stop <- request{signal, grace}:
	default:
	}
}

// Kill ends the tree at once. It does not wait.
func (p *Process) Kill() { p.killed.Do(func() { close(p.kill) }) }

// Wait returns when nothing of the tree is alive any more and its output has been passed on.
func (p *Process) Wait() Exit {
	var (
		grace <-chan time.Time
		kill  = p.kill
		stop  = p.stop
	)
	// The signals are sent from here alone, so that none can be sent to a number that is no longer ours: up to
	// the reaping the leader, dead or alive, holds the number of its group.
	for alive := true; alive; {
		select {
		case <-p.ended:
			alive = false
		case r := <-stop:
			signalGroup(p.leader, r.signal)
			timer := time.NewTimer(r.grace)
			defer timer.Stop()
			grace, stop = timer.C, nil
		case <-grace:
			killGroup(p.leader)
			grace, kill = nil, nil
		case <-kill:
			killGroup(p.leader)
			grace, kill = nil, nil
		}
	}
	if grace == nil {
		killGroup(p.leader)
	}
	exit := reap(p.leader)
	if grace != nil { // the others have the grace too, as a program under a shell that has gone first
		if !gone(p.leader.Pid, grace, kill) {
			killGroup(p.leader)
		}
	}
	gone(p.leader.Pid, time.After(drain), nil)
	for _, pipe := range p.pipes {
		pipe.finish()
	}
	for _, pipe := range p.pipes {
		<-pipe.done
	}
	p.close()
	<-p.wrote
	return exit
}

// gone waits until a reaped leader's group is empty, and says whether it is; it gives up at either signal.
func gone(group int, timeout <-chan time.Time, kill <-chan struct{}) bool {
	for pause := time.Millisecond; alive(group); pause = min(2*pause, 20*time.Millisecond) {
		select {
		case <-timeout:
			return false
		case <-kill:
			return false
		case <-time.After(pause):
		}
	}
	return true
}
