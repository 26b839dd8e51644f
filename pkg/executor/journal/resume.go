package journal

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Continue takes the folder of a run over that is not going on. Its journal is to be read to the end. If the run did not end, it may
// then be written on, which Writer.Go begins; or another take begins, by Writer.Retake. keep says how well; its Command and Sources are
// those of the folder. The error is a *Problem: of ErrBusy when another process has the run.
func Continue(keep Keep) (*Writer, *Reader, error) {
	w := &Writer{logs: logsIn(keep.Folder), durability: keep.Durability, process: Self(keep.Supervisor)}
	f, err := os.OpenFile(w.path(), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, nil, unwritten(w.path(), err)
	}
	w.file = f
	err = w.own()
	var r *Reader
	if err == nil {
		r, err = Open(keep.Folder)
	}
	if err == nil {
		err = w.putBack(r.Header.Number())
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	w.start, r.whole = r.Header.Start, true
	return w, r, nil
}

// own takes the lock. Who only looks has it for a moment.
func (w *Writer) own() error {
	for {
		mine, err := tryLock(w.file)
		if err != nil {
			return unwritten(w.path(), err)
		}
		if mine && w.current() {
			return nil
		}
		if mine { // another process has begun a take meanwhile
			return unread(w.path(), ErrBusy)
		}
		others, err := locked(w.file)
		if err != nil {
			return unwritten(w.path(), err)
		}
		if others {
			return unread(w.path(), ErrBusy)
		}
	}
}

// current says whether the file is still the journal of the run.
func (w *Writer) current() bool {
	is, err := os.Stat(w.path())
	if err != nil {
		return false
	}
	mine, err := w.file.Stat()
	return err == nil && os.SameFile(is, mine)
}

// Resumed is what the note of that name says.
type Resumed struct {
	Time    time.Time `json:"time"`
	Process Process   `json:"process"`
	Flowrun string    `json:"flowrun"` // the version of the program
}

// Go goes on behind the last line that r has read, at that time since the run began: a torn tail is cut off. flowrun is the
// version of the program.
func (w *Writer) Go(r *Reader, at time.Duration, flowrun string) error {
	is := Resumed{Time: time.Now(), Process: w.process, Flowrun: flowrun}
	if err := w.file.Truncate(r.good); err != nil {
		return unwritten(w.path(), err)
	}
	if err := w.replace(processName, is.Process); err != nil {
		return err
	}
	b, err := event.Marshal(is)
	if err != nil {
		return err
	}
	w.sum = r.sum
	w.resumed = true
	w.room = room{size: r.good, sum: r.sum, end: r.good}
	w.Note(at, NoteResumed, b)
	return w.settled()
}

// Close lets go of a folder in which nothing was written.
func (w *Writer) Close() { _ = w.file.Close() }

// replace makes a file of the folder anew, whole or not at all.
func (w *Writer) replace(name string, is any) error {
	b, err := event.Marshal(is)
	if err != nil {
		return err
	}
	path := filepath.Join(w.folder, name)
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritten(path, err)
	}
	if err := w.put(path+".new", append(b, '\n')); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return unwritten(path, err)
	}
	return w.settle(w.folder)
}

// successor is the process that has taken the run over last; false: none has.
func successor(folder string, take int) (p Process, ok bool) {
	b, err := os.ReadFile(placed(folder, take, processName))
	return p, err == nil && json.Unmarshal(b, &p) == nil
}
