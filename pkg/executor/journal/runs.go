package journal

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// State is what is known of a run that left a folder.
type State uint8

// The states.
const (
	Unknown  State = iota // there is no journal, or none that can be read: Run.Problem
	Live                  // it is going on
	Crashed               // its process is gone, and it did not end
	Ended                 // Run.Status
	Detached              // it takes place beyond this machine, and nobody here follows it: it may be going on
)

// Run is a run that left a folder, as the two ends of its journal show it.
type Run struct {
	ID      string
	Folder  string
	Header  Header // the zero Header when Unknown
	State   State
	Status  event.Status  // Ended
	Lost    string        // Ended: why the journal does not have all that happened; "": it has
	Took    time.Duration // up to its end, or to the last event
	Problem error
}

// Word is how the run ended, or running, crashed, detached, unknown.
func (r *Run) Word() string {
	switch r.State {
	case Live:
		return "running"
	case Crashed:
		return "crashed"
	case Detached:
		return "detached"
	case Ended:
		return r.Status.String()
	default:
		return "unknown"
	}
}

// Begun is when the run began by the clock that it had; of one that is Unknown, when its folder was last changed.
func (r *Run) Begun() time.Time {
	if r.State != Unknown {
		return r.Header.Start
	}
	info, err := os.Stat(r.Folder)
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}

// IDs are the runs below the state's folder, the newest first as far as clocks were right: ids sort by the clock at their
// begin. A folder that is not there has none, and what has neither the name nor the journal of a run is none: it is
// somebody's, below a folder that is not for runs alone.
func IDs(state string) ([]string, error) {
	path := filepath.Dir(Of(state, "any"))
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unread(path, err)
	}
	var ids []string
	for _, e := range slices.Backward(entries) { // they are sorted
		if e.IsDir() && (IsID(e.Name()) || exists(filepath.Join(path, e.Name(), journalName))) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// idForm is that of the ids that flowrun makes: a run that dies at its begin leaves no more than a name.
var idForm = regexp.MustCompile(`^[0-9A-Z]{26}$`)

// IsID says whether a text has the form of an id that flowrun makes.
func IsID(text string) bool { return idForm.MatchString(text) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Look is the run of that id.
func Look(state, id string) *Run {
	r := &Run{ID: id, Folder: Of(state, id)}
	if err := r.look(); err != nil {
		r.State, r.Problem = Unknown, err
	}
	return r
}

// Again is the run as it is now.
func (r *Run) Again() *Run { return Look(filepath.Dir(filepath.Dir(r.Folder)), r.ID) }

func (r *Run) look() error {
	path := filepath.Join(r.Folder, journalName)
	f, err := os.Open(path)
	if err != nil {
		return unread(path, err)
	}
	defer f.Close()
	// The lock first: a run that ends in this moment has then written its end, or is taken to be alive.
	alive, err := locked(f)
	if err != nil {
		return unread(path, err)
	}
	in, err := Open(r.Folder)
	if err != nil {
		return err
	}
	defer in.Close()
	r.Header = in.Header
	if p, ok := successor(r.Folder, r.Header.Number()); ok {
		r.Header.Process = p
	}
	last, err := lastLine(f)
	if err != nil {
		return unread(path, err)
	}
	var e kept // or a note, which has a time, too
	if last != nil {
		if err := json.Unmarshal(last, &e); err != nil {
			return unread(path, err)
		}
	}
	r.Took = max(0, time.Duration(e.Journal.At))
	switch {
	case e.Type == event.RunEnd && e.Status.Ended():
		r.State, r.Status, r.Lost = Ended, e.Status, e.Journal.Lost
	case alive:
		r.State, r.Took = Live, max(0, time.Since(r.Header.Start)) // the clock may have been set
	case r.Header.Command.Engine != nil:
		r.State = Detached
	default:
		r.State = Crashed
	}
	return nil
}

// Alive says whether the process of the run is there, which has the lock. The error is a *Problem.
func (r *Run) Alive() (bool, error) {
	path := filepath.Join(r.Folder, journalName)
	f, err := os.Open(path)
	if err != nil {
		return false, unread(path, err)
	}
	defer f.Close()
	alive, err := locked(f)
	if err != nil {
		return false, unread(path, err)
	}
	return alive, nil
}

// lastLine is the last line of a journal that fits the one before, without its newline; nil if that is the header. A torn
// tail is left out; other damage before it is not seen.
func lastLine(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	for size := min(int64(16<<10), info.Size()); ; size = min(4*size, info.Size()) {
		b := make([]byte, size)
		if _, err := f.ReadAt(b, info.Size()-size); err != nil && err != io.EOF {
			return nil, err
		}
		for end := bytes.LastIndexByte(b, '\n'); end > 0; {
			begin := bytes.LastIndexByte(b[:end], '\n')
			if begin < 0 {
				break
			}
			line := b[begin+1 : end]
			before, ok := said(b[:begin])
			if sum, whole := said(line); ok && whole && sum == counted(line, before) {
				return line, nil
			}
			end = begin
		}
		if size == info.Size() {
			return nil, nil
		}
	}
}

// Sources are the workflow files that the run has kept, the first is the workflow's own. The error is a *Problem: one is
// not there or not as it was.
func (r *Run) Sources() ([]Source, error) {
	return sourcesOf(r.Folder, r.Header)
}

func sourcesOf(folder string, h Header) ([]Source, error) {
	var list []Source
	for _, f := range h.Files {
		path := placed(folder, h.Number(), filepath.FromSlash(f.Kept))
		if !filepath.IsLocal(filepath.FromSlash(f.Kept)) {
			return nil, unread(path, errors.New("it is not in the folder of the run"))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, unread(path, err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != f.Sum {
			return nil, unread(path, errors.New("it is not as the run has kept it"))
		}
		list = append(list, Source{Name: f.Name, Path: f.Path, Text: text})
	}
	return list, nil
}

// Result is the result document. The error is a *Problem; fs.ErrNotExist when the run has not ended.
func (r *Run) Result() ([]byte, error) {
	path := placed(r.Folder, r.Header.Number(), resultName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unread(path, err)
	}
	return b, nil
}

// Here says whether the run was begun in a folder, or is of a workflow in it, under whatever name.
func (r *Run) Here(folder string) bool {
	return r.State != Unknown &&
		(same(r.Header.Command.Folder, folder) || len(r.Header.Files) > 0 && same(filepath.Dir(r.Header.Files[0].Path), folder))
}

// same says that two paths lead to one folder: links do.
func same(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// Remove removes the folder of a run that is not going on. A run that is just being begun has no journal yet, and one
// without is removed only when nothing was done to it for a while.
func (r *Run) Remove() error {
	if r.State == Unknown {
		if info, err := os.Stat(r.Folder); err != nil || time.Since(info.ModTime()) < time.Hour {
			return cmp.Or(err, ErrBusy)
		}
	} else if alive, err := r.Alive(); err != nil || alive {
		return cmp.Or(err, ErrBusy)
	}
	return os.RemoveAll(r.Folder)
}

// ErrBusy says that a run is going on, or may be.
var ErrBusy = errors.New("the run is going on")
