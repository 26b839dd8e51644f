//go:build !linux

package process

import (
	"io"
	"os"
)

// wires are the three files of a leader, and our ends of them.
type wires struct {
	child []*os.File
	ends  []*os.File // of child: those that are closed here when it has them
	pipes []*pipe
	stdin *os.File // our end; nil: none
	text  string   // what is written to it
	wrote chan struct{}
}

// wire makes the wires. After an error nothing has to be closed.
func wire(spec Spec) (w *wires, err error) {
	w = &wires{wrote: make(chan struct{})}
	defer func() {
		if err != nil {
			w.started()
			w.drop()
		}
	}()
	if spec.terminal != nil {
		w.child = append(w.child, spec.terminal.files...)
		return w, nil
	}
	if spec.Stdin == "" {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		w.pass(null)
	} else {
		r, end, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		w.pass(r)
		w.stdin, w.text = end, spec.Stdin
	}
	for _, to := range []io.Writer{spec.Stdout, spec.Stderr} {
		r, end, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		w.pass(end)
		w.pipes = append(w.pipes, &pipe{from: r, to: to, done: make(chan struct{})})
	}
	return w, nil
}

// pass makes f the next file of the child.
func (w *wires) pass(f *os.File) { w.child, w.ends = append(w.child, f), append(w.ends, f) }

// started closes the child's ends, which it has now.
func (w *wires) started() {
	for _, f := range w.ends {
		_ = f.Close()
	}
	w.child, w.ends = nil, nil
}

// drop closes ours when nothing was started.
func (w *wires) drop() {
	if w.stdin != nil {
		_ = w.stdin.Close()
	}
	for _, p := range w.pipes {
		_ = p.from.Close()
	}
}

// begin writes what there is to read, and begins to read.
func (w *wires) begin() {
	for _, p := range w.pipes {
		go p.copy()
	}
	if w.stdin == nil {
		close(w.wrote)
		return
	}
	go func() {
		defer close(w.wrote)
		_, _ = io.WriteString(w.stdin, w.text) // a program need not read all of it
		_ = w.stdin.Close()
	}()
}

// turn has nothing to wait for.
func (w *wires) turn() (done func()) { return func() {} }

// finish passes on what is left when the tree has gone, and closes.
func (w *wires) finish() {
	for _, p := range w.pipes {
		p.finish()
	}
	for _, p := range w.pipes {
		<-p.done
	}
	w.drop()
	<-w.wrote
}
