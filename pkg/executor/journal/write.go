package journal

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Keep is what a run keeps, and how well. The zero Keep keeps nothing.
type Keep struct {
	Folder  string // of the run; it must not be there. "": nothing is kept
	Command Command
	Sources []Source // the first is the workflow's own file
	// Supervisor is the number of the process that ends what this one leaves; 0: there is none.
	Supervisor int
	Durability
}

// Durability is what the journal of a run survives.
type Durability uint8

// The durabilities.
const (
	Crash     Durability = iota // the end of the process, in whatever way
	PowerLoss                   // also that of the machine: what has begun is on the disk. The ends of logs may be missing
	Nothing                     // a run that cannot be kept goes on
)

// Inputs is what inputs.json says: values that were given or are defaults.
type Inputs struct {
	Values map[string]any `json:"inputs"`
	// Hidden are the names of inputs that are secret, or hold a secret; Secrets those of the declared ones.
	Hidden  []string `json:"secret_inputs"`
	Secrets []string `json:"secrets"`
}

// Writer writes the folder of a run. It is for one goroutine.
type Writer struct {
	logs
	durability Durability
	process    Process // this one
	file       *os.File
	start      time.Time
	buf        []byte // lines that are not written
	more       []byte // of the event that is added
	sum        uint32 // of the last line
	resumed    bool
	at         time.Duration // of the last note
	room       room
	err        error                   // the first; nothing is written after it but last words
	told       bool                    // by Commit
	unsynced   atomic.Pointer[Problem] // why something is not on the disk
}

// full is how much waits to be written before anybody asks for it.
const full = 256 << 10

// Create makes the folder of a run that begins, with all that is known of it. h need not have its Version, Process, Command
// and Files.
func Create(keep Keep, h Header, in Inputs) (*Writer, error) {
	runs := filepath.Dir(keep.Folder)
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return nil, unwritten(keep.Folder, err)
	}
	if err := os.Mkdir(keep.Folder, 0o700); err != nil { // one that is there is another's
		return nil, unwritten(keep.Folder, err)
	}
	h.Version, h.Process, h.Command = Version, Self(keep.Supervisor), keep.Command
	w := &Writer{logs: logsIn(keep.Folder), durability: keep.Durability, process: h.Process, start: h.Start}
	err := w.sources(keep.Sources, &h)
	if err == nil {
		err = w.inputs(in)
	}
	if err == nil {
		err = w.begin(h)
	}
	if err == nil {
		err = w.settle(keep.Folder, runs, filepath.Dir(runs))
	}
	if err != nil {
		_ = os.RemoveAll(keep.Folder) // nothing has begun
		return nil, err
	}
	return w, nil
}

// sources keeps the files that take part, and enters them in h.
func (w *Writer) sources(list []Source, h *Header) error {
	h.Files = make([]File, 0, len(list))
	for i, s := range list {
		sum := sha256.Sum256(s.Text)
		f := File{Name: s.Name, Path: s.Path, Kept: keptName(i, s.Path), Sum: hex.EncodeToString(sum[:])}
		h.Files = append(h.Files, f)
		path := filepath.Join(w.folder, filepath.FromSlash(f.Kept))
		if i == 1 {
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				return unwritten(path, err)
			}
		}
		if err := w.put(path, s.Text); err != nil {
			return err
		}
	}
	if len(list) > 1 {
		return w.settle(filepath.Join(w.folder, filesName))
	}
	return nil
}

// put makes a file.
func (w *Writer) put(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unwritten(path, err)
	}
	_, err = f.Write(text)
	if err == nil && w.durability == PowerLoss {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return unwritten(path, err)
	}
	return nil
}

// settle sees that the names in folders survive what they shall.
func (w *Writer) settle(folders ...string) error {
	if w.durability != PowerLoss || runtime.GOOS == "windows" { // which has nothing like it
		return nil
	}
	for _, path := range folders {
		f, err := os.Open(path)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return unwritten(path, err)
		}
	}
	return nil
}

func (w *Writer) inputs(in Inputs) error {
	b, err := event.Marshal(in)
	if err != nil {
		return err
	}
	return w.put(filepath.Join(w.folder, inputsName), append(b, '\n'))
}

// keptName is where the ith file is kept, with slashes: by its number, and by a name that people know.
func keptName(i int, path string) string {
	if i == 0 {
		return workflowName
	}
	name := filepath.Base(path)
	if len(name) > longest {
		name = name[len(name)-longest:]
	}
	return filesName + "/" + strconv.Itoa(i) + "-" + name
}

// begin makes the journal with its header. Who looks meanwhile may find it empty: the run has not begun.
func (w *Writer) begin(h Header) error { return w.beginAt(w.path(), h) }

func (w *Writer) beginAt(path string, h Header) error {
	b, err := event.Marshal(h)
	if err != nil {
		return err
	}
	b, w.sum = seal(b, 0, 0)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return unwritten(path, err)
	}
	w.file = f
	if err = lock(f); err != nil {
		err = fmt.Errorf("its file system has no locks, by which others know that the run is alive (%w); --state-dir names a folder elsewhere", err)
	} else {
		err = w.append(b)
	}
	if err == nil && w.durability == PowerLoss {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Close()
		return unwritten(path, err)
	}
	return nil
}

// Folder is the run's.
func (w *Writer) Folder() string { return w.folder }

func (w *Writer) path() string { return filepath.Join(w.folder, journalName) }

// Observe takes the next event. It is written by the next Commit, or before.
func (w *Writer) Observe(e event.Event) {
	if w.err != nil && (!w.room.full || e.Type == event.StepOutput) {
		return
	}
	if w.err != nil && e.Type == event.RunEnd && e.Err != nil {
		e.Err = brief(e.Err)
	}
	w.logs.taken = w.resumed // what was before is gone through, but for what nobody was told
	o := event.NewObject(w.more[:0])
	o.Int("at", int64(e.Time.Sub(w.start)))
	o.Int("step", int64(e.Where.Step))
	o.Int("parent", int64(e.Parent))
	o.Int("order", e.Order)
	o.Int("node", int64(e.Node))
	if e.Log != "" {
		o.Text("log", w.short(e.Log))
	}
	switch {
	case e.Type == event.StepOutput && e.Log != "":
		e.Text = ""
		o.Int("bytes", e.Bytes)
	case e.Type == event.StepEnd:
		if !e.Started.IsZero() {
			o.Int("started", int64(e.Started.Sub(w.start)))
		}
		o.Int("took", int64(e.Duration))
		o.Int("queued", int64(e.Queued))
		if e.Kept {
			o.Int("kept", 1)
		}
	case e.Type == event.RunEnd && w.err != nil:
		o.Text("lost", reason(errors.Unwrap(w.err)).Error())
	}
	var err error
	w.more, err = o.End()
	from := len(w.buf)
	if err == nil {
		w.buf, err = e.AppendJSON(w.buf)
	}
	if err != nil {
		panic("journal: an event that is no JSON: " + err.Error())
	}
	w.buf = append(w.buf[:len(w.buf)-1], `,"journal":`...)
	w.buf = append(append(w.buf, w.more...), '}')
	w.add(from, e.Type == event.RunEnd)
}

// Note takes a line that is no event, of that time since the run began; value is JSON. It is written as those of Observe.
func (w *Writer) Note(at time.Duration, note string, value []byte) {
	if w.err != nil {
		return
	}
	w.at = at
	w.logs.taken = w.resumed && note != NoteResumed // what was before was gone through
	from := len(w.buf)
	w.buf = appendNote(w.buf, at, note, value)
	w.add(from, false)
}

func appendNote(b []byte, at time.Duration, note string, value []byte) []byte {
	b = strconv.AppendInt(append(b, `{"journal":{"at":`...), int64(at), 10)
	b = append(append(b, `},"note":"`...), note...)
	return append(append(append(b, `","value":`...), value...), '}')
}

// add ends the line that begins there in the buffer.
func (w *Writer) add(from int, last bool) {
	before := w.sum
	w.buf, w.sum = seal(w.buf, from, before)
	if w.err != nil && !w.room.takes(len(w.buf), last) {
		w.buf, w.sum = w.buf[:from], before
	}
	if len(w.buf) >= full {
		w.write()
	}
}

// short is a path of Log below the folder of logs, with slashes.
func (w *Writer) short(log string) string {
	return filepath.ToSlash(strings.TrimPrefix(log, filepath.Join(w.folder, logsName)+string(filepath.Separator)))
}

// Commit writes what was observed, so that it survives the process. The error is a *Problem, once: nothing more is then
// written. Without durability there is none.
func (w *Writer) Commit() error {
	w.write()
	if w.err == nil || w.told || w.durability == Nothing {
		return nil
	}
	w.told = true
	return w.err
}

// write writes all at once: a torn tail is all that a death in between can leave.
func (w *Writer) write() {
	if p := w.unsynced.Load(); p != nil && w.err == nil {
		w.err = p
	}
	if len(w.buf) > 0 && (w.err == nil || w.room.full) {
		if err := w.append(w.buf); err != nil {
			if w.err == nil {
				w.err = unwritten(w.path(), err)
				w.lose(err)
			} else {
				w.sum = w.room.sum // of what is there
			}
		}
	}
	w.buf = w.buf[:0]
}

// Syncs says whether the durability wants that Sync is called.
func (w *Writer) Syncs() bool { return w.durability == PowerLoss }

// Sync brings what was committed to the disk. It may be called from another goroutine than everything else, but not beside End; its error
// is that of the next Commit, or of End. It is not tried again: after an error nobody knows what the system has dropped.
func (w *Writer) Sync() {
	if w.unsynced.Load() != nil {
		return
	}
	if err := w.file.Sync(); err != nil {
		w.unsynced.Store(&Problem{File: w.path(), Err: reason(err)})
	}
}

// settled writes what was observed, and sees that it survives what it shall. The error is the first of all.
func (w *Writer) settled() error {
	w.write()
	if w.Syncs() {
		w.Sync()
		w.write()
	}
	return w.err
}

// Soon enters steps that begin next, at that time since the run began. What there is to know of them is their place and their attempt.
func (w *Writer) Soon(at time.Duration, begins []event.Event) {
	list := make([]soon, len(begins))
	for i, e := range begins {
		list[i] = soon{e.Path, e.Attempt, e.Parent, e.Order}
	}
	b, err := event.Marshal(list)
	if err != nil {
		panic("journal: a path that is no JSON: " + err.Error())
	}
	w.Note(at, NoteSoon, b)
}

// End keeps the result document, which is what write writes, if the journal is whole, and lets go of the folder. The error
// is the first of all, a *Problem.
func (w *Writer) End(write func(io.Writer) error) error {
	err := w.settled()
	w.room.free(w.file)
	if err == nil {
		w.err = w.result(write)
	}
	if err := w.file.Close(); err != nil && w.err == nil {
		w.err = unwritten(w.path(), err)
	}
	return w.err
}

// result makes result.json, whole or not at all.
func (w *Writer) result(write func(io.Writer) error) error {
	path := filepath.Join(w.folder, resultName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // a process may have died at it
	if err != nil {
		return unwritten(path, err)
	}
	out := bufio.NewWriter(f)
	err = errors.Join(write(out), out.Flush())
	if err == nil && w.durability == PowerLoss {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return unwritten(path, err)
	}
	return w.settle(w.folder)
}

// unwritten makes a Problem of what the operating system says about a file.
func unwritten(path string, err error) error { return &Problem{File: path, Err: reason(err)} }

func unread(path string, err error) error { return &Problem{File: path, Err: reason(err), read: true} }

// reason is what the operating system says, without the path.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
