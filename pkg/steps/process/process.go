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
	"errors"
	"io"
	"strconv"
	"syscall"
	"time"
)

// drain is how long a pipe is waited for when the tree has gone, and rest bounds what is then read: a pipe holds no more
// unless root made it larger.
const (
	drain = 2 * time.Second
	rest  = 1 << 20
)

// obey is how long killed processes are waited for. The kernel does not let go of one that waits for a dead disk.
const obey = 10 * time.Second

// Mode is what a leader has to itself.
type Mode uint8

// The modes.
const (
	Apart    Mode = iota // a session and a process group, and no terminal
	Terminal             // a process group, and the terminal of this program while it runs; see terminal.go
	Isolated             // a session, and a namespace of process numbers; Linux, see isolate_linux.go
)

// Spec is what to start.
type Spec struct {
	Mode Mode
	Path string   // the program's file
	Args []string // its arguments, its own name first
	Env  []string // NAME=value, complete and each name once; Start may change it
	Dir  string
	// Stdin is what it reads; empty is an empty file.
	Stdin string
	// Stdout and Stderr get what it writes, as it comes, each from one goroutine at a time. They must not fail; one that
	// blocks holds the process up, which is wanted. One with a method Pause may be told when nothing more has come.
	// With Mode Terminal neither they nor Stdin are used.
	Stdout, Stderr io.Writer
	// terminal is what a leader gets with Mode Terminal.
	terminal *terminal
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
	wires  *wires
	ended  chan struct{} // closed when the leader has ended; it is not collected yet
}

// Ending is how a tree is made to end before it does by itself.
type Ending struct {
	// Stop, when it is closed, asks the tree to end: Signal (a name as TERM) goes to the group and to orphans once,
	// and what is there after the Grace is killed.
	Stop   <-chan struct{}
	Signal string
	Grace  time.Duration
	// Kill, when it is closed, ends the tree at once.
	Kill <-chan struct{}
}

// Start starts the leader. The error is that of the operating system.
func Start(spec Spec) (*Process, error) {
	var err error
	if spec.Mode == Terminal {
		if spec.terminal, err = openTerminal(); err != nil {
			return nil, err
		}
	}
	w, err := wire(spec)
	if err != nil {
		spec.terminal.close()
		return nil, err
	}
	l, err := fork(spec, w.child)
	w.started()
	if err != nil {
		w.drop()
		spec.terminal.close()
		return nil, err
	}
	p := &Process{leader: l, wires: w, ended: make(chan struct{})}
	w.begin()
	p.leader.await(p)
	return p, nil
}

// NoRoom says whether an error of Start is one that passes when other processes end: too many processes or descriptors,
// or too little memory.
func NoRoom(err error) bool {
	for _, e := range [...]error{syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Wait returns when nothing of the tree is alive any more and its output has been passed on.
func (p *Process) Wait(e Ending) Exit {
	var grace, late <-chan time.Time
	stop, kill := e.Stop, e.Kill
	// The signals are sent from here alone, so that none can be sent to a number that is no longer ours: up to
	// its collection the leader, dead or alive, holds its number and that of its group and session.
	for alive := true; alive; {
		select {
		case <-p.ended:
			alive = false
		case <-stop:
			done := p.wires.turn()
			p.leader.tell(e.Signal)
			done()
			stop = nil
			if late == nil {
				grace = time.After(e.Grace)
			}
		case <-grace:
			p.leader.kill()
			grace, kill, late = nil, nil, time.After(obey)
		case <-kill:
			p.leader.kill()
			grace, kill, late = nil, nil, time.After(obey)
		case <-late: // nothing can be done about it, nor must its number be given away
			left := append(p.leader.left(), p.leader.number())
			p.wires.finish()
			return Exit{Code: -1, Signal: "KILL", Left: left}
		}
	}
	if grace != nil { // the others have the grace too, as a program under a shell that has gone first
		p.others(e.Signal, grace, kill)
	}
	done := p.wires.turn()
	left := p.end()
	exit := p.leader.collect()
	done()
	exit.Left = left
	p.wires.finish()
	return exit
}

// others waits until nothing but a dead leader is left, and tells whom that leaves behind. It gives up at either end.
func (p *Process) others(signal string, timeout <-chan time.Time, kill <-chan struct{}) {
	for pause := time.Millisecond; p.tellOthers(signal); pause = min(2*pause, 20*time.Millisecond) {
		select {
		case <-timeout:
			return
		case <-kill:
			return
		case <-time.After(pause):
		}
	}
}

// tellOthers tells what the leader has left, if there is something.
func (p *Process) tellOthers(signal string) bool {
	defer p.wires.turn()()
	if len(p.leader.left()) == 0 {
		return false
	}
	p.leader.tell(signal)
	return true
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
