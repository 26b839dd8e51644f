package runs

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Logs says what of the output of a run is shown.
type Logs struct {
	Step    string // only it, and what is in it; "": all
	Attempt int    // only that attempt of each step; 0: all
	Follow  bool   // a run that is going on is followed to its end
	Raw     bool   // the bytes as they are, without the names of steps
	Color   bool
}

// poll is how often a run that is going on is looked at.
const poll = 50 * time.Millisecond

// ErrNoStep says that the run has not begun a step of that path.
var ErrNoStep = errors.New("no such step has begun")

// Write shows them on w, those of earlier takes first. The paths are those of the steps that have begun. The error is ErrNoStep or a *journal.Problem: when
// logs were removed, it comes after all others were shown.
func (l Logs) Write(w io.Writer, r *journal.Run) (paths []string, err error) {
	in, err := journal.Open(r.Folder)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	f := &follower{Logs: l, out: w, lines: plain.NewLines(w, l.Color), texts: journal.NewTexts(r.Folder), known: map[string]bool{}}
	for take := 1; take < r.Header.Number(); take++ {
		if err := f.earlier(r.Folder, take); err != nil {
			return f.paths, err
		}
	}
	crashed := r.State == journal.Crashed
	for live := r.State == journal.Live; ; {
		if err := f.events(in); err != nil {
			return f.paths, err
		}
		if f.ended || !live || !l.Follow {
			break
		}
		if live, err = r.Alive(); err != nil {
			return f.paths, err
		}
		if crashed = !live; live {
			time.Sleep(poll)
		}
	}
	if crashed && !f.ended {
		if err := f.rest(); err != nil {
			return f.paths, err
		}
	}
	for _, path := range f.shown {
		f.lines.End(path)
	}
	if l.Step != "" && !f.known[l.Step] {
		return f.paths, ErrNoStep
	}
	return f.paths, f.lost
}

// follower shows the output of a run as its events come.
type follower struct {
	Logs
	out    io.Writer
	lines  *plain.Lines
	texts  *journal.Texts
	wanted []bool          // steps by number
	paths  []string        // of the steps that began, each once
	shown  []string        // those of them that are wanted
	known  map[string]bool // paths
	ended  bool
	lost   error // a log that is not there
}

// earlier takes the events of a take that is not the last one. Their steps have numbers of their own.
func (f *follower) earlier(folder string, take int) error {
	in, err := journal.OpenTake(folder, take)
	if err != nil {
		return err
	}
	defer in.Close()
	err = f.events(in)
	f.wanted, f.ended = nil, false
	return err
}

// events takes those that are there.
func (f *follower) events(in *journal.Reader) error {
	for {
		e, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f.take(e)
		}
		if err != nil {
			return err
		}
	}
}

func (f *follower) take(e event.Event) error {
	switch e.Type {
	case event.StepStart:
		f.begun(e)
	case event.StepOutput:
		return f.output(e)
	case event.StepRetry, event.StepEnd:
		f.lines.End(e.Path)
	case event.RunEnd:
		f.ended = true
	}
	return nil
}

func (f *follower) begun(e event.Event) {
	for int(e.Where.Step) >= len(f.wanted) {
		f.wanted = append(f.wanted, false)
	}
	f.wanted[e.Where.Step] = f.Step == "" || e.Path == f.Step || e.Parent >= 0 && f.wanted[e.Parent]
	if f.known[e.Path] {
		return
	}
	f.known[e.Path] = true
	f.paths = append(f.paths, e.Path)
	if f.wanted[e.Where.Step] {
		f.shown = append(f.shown, e.Path)
	}
}

func (f *follower) output(e event.Event) error {
	attempt := e.Attempt
	if e.Log != "" {
		attempt = journal.Attempt(e.Log)
	}
	if int(e.Where.Step) >= len(f.wanted) || !f.wanted[e.Where.Step] || f.Attempt > 0 && f.Attempt != attempt {
		f.texts.Pass(e)
		return nil
	}
	if e.Log == "" {
		if f.Raw {
			_, err := io.WriteString(f.out, e.Text)
			return err
		}
		f.lines.Echo(e.Text)
		return nil
	}
	in, err := f.texts.Take(e)
	return f.copy(e.Path, e.Stream, in, err)
}

// copy shows a piece of a log, which in opened or err did not.
func (f *follower) copy(path, stream string, in io.ReadCloser, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		f.lost = err
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	to := f.out
	if !f.Raw {
		to = f.lines.Stream(path, stream)
	}
	_, err = io.Copy(to, in)
	return err
}

// rest shows what steps of a crashed run have printed after what its journal has of them.
func (f *follower) rest() error {
	for _, path := range f.shown {
		tails, err := f.texts.Rest(path)
		for _, t := range tails {
			if err == nil && (f.Attempt == 0 || f.Attempt == t.Attempt) {
				err = f.copy(path, t.Stream, t, nil)
			}
			_ = t.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
