package durations

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Store keeps what past runs have shown, beside their folders:
//
//	STATE/durations/FILE/RUN     FILE is a hash of the absolute path of the workflow, RUN the id of a good run (file.go)
//
// A run writes a file of its own, whole or not at all, and removes those of all but the last ten: so runs that end at once do not
// hinder each other. It is no more than the journals tell, and is made of them again when the folder of the workflow is not
// there, or a file in it cannot be read. Whatever goes wrong, less is known.
type Store struct {
	State string
	// Compile gives the plan of a run, to read its journal with; nil: journals are not read.
	Compile func(*journal.Run) (*plan.Plan, error)
}

const folderName = "durations"

func (s Store) folder(file string) string {
	sum := sha256.Sum256([]byte(file))
	return filepath.Join(s.State, folderName, hex.EncodeToString(sum[:8]))
}

// Past is what is known of the past runs of a workflow, by the absolute path of its file.
func (s Store) Past(file string) *Past {
	folder := s.folder(file)
	ids, err := idsIn(folder)
	if err != nil {
		return s.again(file, folder, "")
	}
	p := &Past{}
	for _, id := range ids {
		if len(p.runs) == last {
			break
		}
		b, err := os.ReadFile(filepath.Join(folder, id))
		if err != nil {
			continue
		}
		g, err := decode(b)
		if err == nil && g.ID != id {
			err = errDamaged
		}
		if err != nil {
			g = s.mended(file, folder, id)
		}
		if g != nil {
			p.runs = append(p.runs, g)
		}
	}
	return p
}

// idsIn are the runs of a folder, the newest first.
func idsIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range slices.Backward(entries) { // they are sorted
		if e.Type().IsRegular() && !strings.Contains(e.Name(), ".") {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// What is read to know of a workflow of which nothing is kept: the ends of so many runs, and so many events.
const (
	maxRuns   = 100
	maxEvents = 100_000
)

// again makes the files of a workflow of the journals that there are, but for that of a run.
func (s Store) again(file, folder, but string) *Past {
	p := &Past{}
	if s.Compile == nil {
		return p
	}
	ids, err := journal.IDs(s.State)
	if err != nil {
		return p
	}
	room := maxEvents
	for _, id := range ids[:min(len(ids), maxRuns)] {
		if id == but {
			continue
		}
		r := journal.Look(s.State, id)
		if !isGood(r, file) {
			continue
		}
		if g := s.read(r, &room); g != nil {
			p.runs = append(p.runs, g)
		}
		if room == 0 || len(p.runs) == last {
			break
		}
	}
	if os.MkdirAll(folder, 0o700) == nil { // so that it is not done again
		for _, g := range p.runs {
			_ = write(folder, g.ID, g.file)
		}
	}
	return p
}

// mended makes a file that cannot be read again.
func (s Store) mended(file, folder, id string) *good {
	if s.Compile == nil {
		return nil // who has it will
	}
	_ = os.Remove(filepath.Join(folder, id))
	r := journal.Look(s.State, id)
	room := maxEvents
	if !isGood(r, file) {
		return nil
	}
	g := s.read(r, &room)
	if g != nil {
		_ = write(folder, id, g.file)
	}
	return g
}

// isGood says whether a run is one of the workflow, from whose times others can learn. One that was resumed has steps that a crash
// made longer, and a further take of one has kept what it did not do itself.
func isGood(r *journal.Run, file string) bool {
	return r.State == journal.Ended && r.Status == event.Succeeded && !r.Resumed() && r.Header.Number() == 1 &&
		len(r.Header.Files) > 0 && r.Header.Files[0].Path == file
}

// read is what the journal of a run tells; nil if it cannot be read, or has more events than there is room for.
func (s Store) read(r *journal.Run, room *int) *good {
	p, err := s.Compile(r)
	if err != nil {
		return nil
	}
	in, err := journal.Open(r.Folder)
	if err != nil {
		return nil
	}
	defer in.Close()
	f := Follow(p, nil, nil)
	for !f.ended {
		e, err := in.Next()
		if err != nil || *room == 0 {
			return nil
		}
		*room--
		f.Observe(e)
	}
	g, err := decode(f.encode(Good{ID: r.ID, Took: r.Took}))
	if err != nil {
		return nil
	}
	return g
}

// Keep keeps what a run of a workflow has shown, which has succeeded.
func (s Store) Keep(file string, r *Run, run Good) error {
	folder := s.folder(file)
	ids, err := idsIn(folder)
	if errors.Is(err, fs.ErrNotExist) {
		s.again(file, folder, run.ID)
		if err = os.MkdirAll(folder, 0o700); err == nil {
			ids, err = idsIn(folder)
		}
	}
	if err != nil {
		return err
	}
	if err := write(folder, run.ID, r.encode(run)); err != nil {
		return err
	}
	ids = append(ids, run.ID)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids[:max(0, len(ids)-last)] {
		_ = os.Remove(filepath.Join(folder, id)) // another run may do so, too
	}
	return nil
}

// write makes a file, whole or not at all.
func write(folder, id string, b []byte) error {
	f, err := os.CreateTemp(folder, id+".new*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, id))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Prune removes what is known of runs that are not kept any more, and what a crash has left.
func (s Store) Prune() error {
	top := filepath.Join(s.State, folderName)
	folders, err := os.ReadDir(top)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, folder := range folders {
		path := filepath.Join(top, folder.Name())
		entries, problem := os.ReadDir(path)
		err = errors.Join(err, problem)
		for _, e := range entries {
			id, _, unfinished := strings.Cut(e.Name(), ".")
			gone := false
			if unfinished {
				info, problem := e.Info()
				gone = problem == nil && time.Since(info.ModTime()) > time.Hour
			} else {
				_, problem := os.Lstat(journal.Of(s.State, id))
				gone = errors.Is(problem, fs.ErrNotExist)
			}
			if gone {
				if problem := os.Remove(filepath.Join(path, e.Name())); !errors.Is(problem, fs.ErrNotExist) {
					err = errors.Join(err, problem)
				}
			}
		}
		_ = os.Remove(path) // if nothing is left in it
	}
	return err
}
