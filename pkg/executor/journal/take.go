package journal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
)

// A run that failed, or whose file was changed, may go on in a further take, which has a journal of its own in the place of the
// one before. What belongs to an earlier take stands in earlier/N/, under the names that it had; logs are of all takes.
//
// The moment at which the new take takes the place of the old one is the rename of its journal. Before that a process may have
// died while it moved the rest: so what belongs to the take of the journal is looked for in earlier/N/ first, N being the number of
// that very take.

// Number is that of the take, from 1.
func (h *Header) Number() int { return max(1, h.Take) }

// placed is the path of what belongs to a take that is, or may have been, the last one.
func placed(folder string, take int, name string) string {
	path := earlier(folder, take, name)
	if _, err := os.Lstat(path); err == nil {
		return path
	}
	return filepath.Join(folder, name)
}

// earlier is the path of what belongs to an earlier take.
func earlier(folder string, take int, name string) string {
	return filepath.Join(folder, earlierName, strconv.Itoa(take), name)
}

// OpenTake opens the journal of a take that is not the last one.
func OpenTake(folder string, take int) (*Reader, error) {
	return openJournal(folder, earlier(folder, take, journalName))
}

// EarlierSources are the files that a take before the last one has kept, of which h is the header. The error is a *Problem.
func EarlierSources(folder string, h Header) ([]Source, error) { return sourcesOf(folder, h) }

// Retake begins the next take of the run that Continue has taken over, of which was is the last header. Of h it fills in what Create
// does, and the number. If the error is not nil, the run is as it was.
func (w *Writer) Retake(keep Keep, was, h Header, in Inputs) error {
	h.Version, h.Process, h.Command = Version, w.process, keep.Command
	h.Take = was.Number() + 1
	old := w.file // until it is closed others see by its lock that the run is taken
	w.room = room{}
	err := w.setAside(was.Number())
	if err == nil {
		err = w.sources(keep.Sources, &h)
	}
	if err == nil {
		err = w.inputs(in)
	}
	if err == nil {
		err = w.takeOver(h)
	}
	if err != nil {
		w.file = old
		return errors.Join(err, w.putBack(was.Number()))
	}
	w.start, w.resumed = h.Start, true
	_ = old.Close()
	return nil
}

// Count has the attempts of steps counted on from those of earlier takes, by their paths.
func (w *Writer) Count(attempts map[string]int) { maps.Copy(w.attempts, attempts) }

// setAside moves what belongs to the last take to where it is looked for first, and copies its journal.
func (w *Writer) setAside(take int) error {
	folder := earlier(w.folder, take, "")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return unwritten(folder, err)
	}
	for _, name := range []string{resultName, processName, workflowName, inputsName, filesName} {
		from, to := filepath.Join(w.folder, name), filepath.Join(folder, name)
		if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unwritten(to, err)
		}
	}
	if err := w.copyJournal(filepath.Join(folder, journalName)); err != nil {
		return err
	}
	return w.settle(folder, filepath.Dir(folder), w.folder)
}

// putBack undoes what setAside did for a take that did not come to be.
func (w *Writer) putBack(take int) error {
	folder := earlier(w.folder, take, "")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unread(folder, err)
	}
	for _, e := range entries {
		if e.Name() == journalName {
			continue
		}
		to := filepath.Join(w.folder, e.Name())
		err := os.RemoveAll(to)
		if err == nil {
			err = os.Rename(filepath.Join(folder, e.Name()), to)
		}
		if err != nil {
			return unwritten(to, err)
		}
	}
	if err := os.RemoveAll(folder); err != nil {
		return unwritten(folder, err)
	}
	return w.settle(w.folder)
}

// copyJournal gives the journal, which nobody writes on any more, a second name; a file system without such gets a copy.
func (w *Writer) copyJournal(to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritten(to, err)
	}
	if os.Link(w.path(), to) == nil {
		return nil
	}
	from, err := os.Open(w.path())
	if err != nil {
		return unread(w.path(), err)
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return unwritten(to, err)
	}
	_, err = io.Copy(f, from)
	if err == nil && w.durability == PowerLoss {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return unwritten(to, err)
	}
	return nil
}

// takeOver puts a journal of its own in the place of the last take's. Its lock is held from before anybody can see it.
func (w *Writer) takeOver(h Header) error {
	path := w.path() + ".new"
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unwritten(path, err)
	}
	if err := w.beginAt(path, h); err != nil {
		return err
	}
	if err := os.Rename(path, w.path()); err != nil {
		_ = w.file.Close()
		return unwritten(w.path(), err)
	}
	return w.settle(w.folder)
}
