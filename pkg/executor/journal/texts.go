package journal

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Texts finds in the logs of a run what its events do not say. It is told the events in their order.
type Texts struct {
	folder string
	taken  map[string]int64 // of a log, by its path
}

// NewTexts is for the run in a folder.
func NewTexts(folder string) *Texts { return &Texts{folder: folder, taken: map[string]int64{}} }

// Take gives what the log has for an event of output with a log: what was skipped, then its text. It must be closed.
func (t *Texts) Take(e event.Event) (io.ReadCloser, error) {
	path, from := t.Pass(e)
	return open(path, from, e.Skipped+e.Bytes)
}

// Pass leaves out an event of output. It says where in which log that is.
func (t *Texts) Pass(e event.Event) (path string, from int64) {
	path = e.Log + "." + e.Stream
	from = t.taken[path]
	t.taken[path] = from + e.Skipped + e.Bytes
	return path, from
}

// Text is e with its text.
func (t *Texts) Text(e event.Event) (event.Event, error) {
	if e.Type != event.StepOutput || e.Log == "" {
		return e, nil
	}
	path, from := t.Pass(e)
	in, err := open(path, from+e.Skipped, e.Bytes)
	if err != nil {
		return e, err
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		return e, unread(path, err)
	}
	e.Text = strings.ToValidUTF8(string(b), "\uFFFD")
	return e, nil
}

// Tail is what a log has behind the last event that told of it.
type Tail struct {
	Attempt int
	Stream  string
	io.ReadCloser
}

// Rest opens what the logs of a step have behind the last event: the process may have died before it could tell. All must be
// closed.
func (t *Texts) Rest(step string) (tails []Tail, err error) {
	folder := filepath.Join(t.folder, logsName, fileName(step))
	entries, err := os.ReadDir(folder)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unread(folder, err)
	}
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int { return Attempt(a.Name()) - Attempt(b.Name()) })
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		_, stream, _ := strings.Cut(e.Name(), ".")
		info, err := e.Info()
		if err != nil {
			return tails, unread(path, err)
		}
		if info.Size() <= t.taken[path] {
			continue
		}
		in, err := open(path, t.taken[path], info.Size()-t.taken[path])
		if err != nil {
			return tails, err
		}
		tails = append(tails, Tail{Attempt: Attempt(e.Name()), Stream: stream, ReadCloser: in})
	}
	return tails, nil
}

// Attempt is the number of an attempt among all of its step in the run, by its log; 0: it has none.
func Attempt(log string) int {
	number, _, _ := strings.Cut(filepath.Base(log), ".")
	n, _ := strconv.Atoi(number)
	return n
}

// open opens a part of a file.
func open(path string, from, size int64) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unread(path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, from, size), f}, nil
}
