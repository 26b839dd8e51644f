package process

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// wires are the three files of a leader, and our ends of them.
type wires struct {
	poller  *poller
	child   []uintptr
	ends    []int      // of child: pipes, which are closed here when it has them
	files   []*os.File // of child: logs, which are closed then, too
	streams []*stream
	filled  []filer
	stdin   *os.File // our end; nil: none
	text    string   // what has still to be written to it
	wrote   chan struct{}
}

// filer is a taker that has a file which a process can write to itself. That takes no descriptor while it runs, so it is
// for when there are many. A pipe is better: to open /dev/stderr again, as tee /dev/stderr does, empties a file.
type filer interface {
	// File is opened for appending; nil: there is none.
	File() *os.File
	// Filled says that nobody writes to the file any more.
	Filled()
}

// wire makes the wires. After an error nothing has to be closed.
func wire(spec Spec) (_ *wires, err error) {
	thread.turn.Lock()
	w := &wires{wrote: make(chan struct{})}
	live := 0
	if w.poller, live, err = thread.hold(); err != nil {
		thread.turn.Unlock()
		return nil, err
	}
	defer func() {
		if err != nil {
			w.started()
			w.drop()
		}
	}()
	if !w.poller.prepared && live >= several {
		w.poller.prepared = true
		prepare()
	}
	if spec.terminal != nil {
		for _, f := range spec.terminal.files {
			w.child = append(w.child, f.Fd())
		}
		return w, nil
	}
	if spec.Stdin == "" {
		w.child = append(w.child, uintptr(w.poller.null))
	} else {
		var ends [2]int
		if err = unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		_ = unix.SetNonblock(ends[1], true) // so that the runtime waits, and no thread
		w.pass(ends[0])
		w.stdin, w.text = os.NewFile(uintptr(ends[1]), "stdin"), spec.Stdin
	}
	for _, to := range []io.Writer{spec.Stdout, spec.Stderr} {
		if f, ok := to.(filer); ok && live > w.poller.piped {
			if file := f.File(); file != nil {
				w.child = append(w.child, file.Fd())
				w.files, w.filled = append(w.files, file), append(w.filled, f)
				continue
			}
		}
		o, end, err := newStream(w.poller, to)
		if err != nil {
			return nil, err
		}
		w.pass(end)
		w.streams = append(w.streams, o)
	}
	return w, nil
}

// pass makes the end of a pipe the next file of the child.
func (w *wires) pass(end int) {
	w.child, w.ends = append(w.child, uintptr(end)), append(w.ends, end)
}

// started closes the child's ends, which it has now, and lets the next one start.
func (w *wires) started() {
	thread.turn.Unlock()
	for _, f := range w.files {
		_ = f.Close()
	}
	for _, fd := range w.ends {
		_ = unix.Close(fd)
	}
	w.child, w.ends, w.files = nil, nil, nil
}

// drop closes ours when nothing was started.
func (w *wires) drop() {
	if w.stdin != nil {
		_ = w.stdin.Close()
	}
	for _, o := range w.streams {
		o.finish()
	}
	thread.release()
}

// begin writes what there is to read.
func (w *wires) begin() {
	if w.stdin == nil {
		close(w.wrote)
		return
	}
	go func() {
		defer close(w.wrote)
		_, _ = io.WriteString(w.stdin, w.text) // a program need not read all of it
		_ = w.stdin.Close()
		w.text = ""
	}()
}

// turn waits until few enough are being told to end, or looked for what they have left. Thousands at once would make a
// thread for each.
func (w *wires) turn() (done func()) {
	w.poller.ending <- struct{}{}
	return func() { <-w.poller.ending }
}

// finish passes on what is left when the tree has gone, and closes.
func (w *wires) finish() {
	for _, o := range w.streams {
		o.finish()
	}
	for _, f := range w.filled {
		f.Filled()
	}
	if w.stdin != nil {
		_ = w.stdin.Close()
	}
	<-w.wrote
	thread.release()
}
