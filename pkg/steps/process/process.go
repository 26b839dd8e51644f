// Package process runs one tree of operating-system processes: it starts a leader, passes on its output, and
// ends with nothing of the tree left.
//
//	Start ──► leader in a session and process group of its own
//	           │ ends by itself                │ Stop: the signal to the group, and to orphans, once
//	           │                               ▼
//	           │                   the whole tree has the grace, also when its leader has gone
//	           ▼                               ▼
//	         SIGKILL to what is left, until nothing is
//	           ▼
//	         the leader is collected; the pipes are drained, for a bounded time
//
// Who belongs to a tree, package tree knows on Linux. How sure that is depends on the program around: in one that owns
// all of its children, as the flowrun command does (package supervisor), nothing escapes. In another, whose children
// must not be touched, a process can that has left the session of its leader and has cleared its environment.
// docs/processes.md has the whole list.
//
// This is the only package that may start processes: another could collect what is ours, or be taken for it.
package process

import (
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// drain is how long a pipe is waited for when the tree has gone.
const drain = 2 * time.Second

// obey is how long killed processes are waited for. The kernel does not let go of one that waits for a dead disk.
const obey = 10 * time.Second

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
	// Left are processes that could not be killed; nearly always none.
	Left []int
}

// String is the exit in words: exit status 3, killed by SIGTERM.
func (e Exit) String() string {
	if e.Signal != "" {
		return "killed by SIG" + e.Signal
	}
	return "exit status " + strconv.Itoa(e.Code)
}

// Means is one way to end all of a step, and whether this process has it.
type Means struct {
	Name    string
	InForce bool
	What    string
}

// Process is one started tree. Wait must be called, once: it is Wait that stops and collects it.
type Process struct {
	leader *leader
	ended  chan struct{} // closed when the leader has ended; it is not collected yet
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
		p.leader, err = fork(spec, files)
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
		p.leader.await()
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

// Stop asks the tree to end: the signal (a name as TERM) goes to the group and to orphans once, and what is there after the
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
		signal      string
		grace, late <-chan time.Time
		kill        = p.kill
		stop        = p.stop
	)
	// The signals are sent from here alone, so that none can be sent to a number that is no longer ours: up to
	// its collection the leader, dead or alive, holds its number and that of its group and session.
	for alive := true; alive; {
		select {
		case <-p.ended:
			alive = false
		case r := <-stop:
			signal = r.signal
			p.leader.tell(signal)
			timer := time.NewTimer(r.grace)
			defer timer.Stop()
			stop = nil
			if late == nil {
				grace = timer.C
			}
		case <-grace:
			p.leader.kill()
			grace, kill, late = nil, nil, time.After(obey)
		case <-kill:
			p.leader.kill()
			grace, kill, late = nil, nil, time.After(obey)
		case <-late: // nothing can be done about it, nor must its number be given away
			left := append(p.leader.left(), p.leader.number())
			p.drain()
			return Exit{Code: -1, Signal: "KILL", Left: left}
		}
	}
	if grace != nil { // the others have the grace too, as a program under a shell that has gone first
		p.others(signal, grace, kill)
	}
	left := p.end()
	exit := p.leader.collect()
	exit.Left = left
	p.drain()
	return exit
}

// drain passes on what is left in the pipes, and closes them.
func (p *Process) drain() {
	for _, pipe := range p.pipes {
		pipe.finish()
	}
	for _, pipe := range p.pipes {
		<-pipe.done
	}
	p.close()
	<-p.wrote
}

// others waits until nothing but a dead leader is left, and tells whom that leaves behind. It gives up at either end.
func (p *Process) others(signal string, timeout <-chan time.Time, kill <-chan struct{}) {
	for pause := time.Millisecond; len(p.leader.left()) > 0; pause = min(2*pause, 20*time.Millisecond) {
		p.leader.tell(signal)
		select {
		case <-timeout:
			return
		case <-kill:
			return
		case <-time.After(pause):
		}
	}
}

// end kills what the dead leader has left, and says what does not obey.
func (p *Process) end() (left []int) {
	begin := time.Now()
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		left = p.leader.left()
		if len(left) == 0 || time.Since(begin) > obey {
			return left
		}
		p.leader.kill()
		time.Sleep(pause)
	}
}
