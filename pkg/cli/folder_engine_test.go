package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// folderEngine is an engine whose server is a folder, TEMPORAL_ADDRESS, that its workers and clients share. A worker carries out
// whole runs, as the local engine does:
//
//	QUEUE/RUN.json     the run's Spec, until a worker takes it
//	RUN/spec.json      the same, for ever
//	RUN/stop, kill     it was told so: the cause
//	runs/RUN/          the run's folder, as the worker's flowrun leaves it
//	broken, mute       who follows is refused; who starts a run gets no answer
type folderEngine struct{}

const glanceAt = 5 * time.Millisecond

func (folderEngine) server(l cli.Link) (string, error) {
	for _, v := range l.Env {
		if dir, ok := strings.CutPrefix(v, "TEMPORAL_ADDRESS="); ok {
			if _, err := os.Stat(dir); err != nil {
				return "", fmt.Errorf("no server answers at %s", dir)
			}
			return dir, nil
		}
	}
	return "", errors.New("no server answers at 127.0.0.1:7233 (TEMPORAL_ADDRESS says where it is)")
}

// Dial implements cli.Engine.
func (e folderEngine) Dial(_ context.Context, l cli.Link) (executor.Remote, error) {
	dir, err := e.server(l)
	return folderRemote{dir, l.Queue}, err
}

// Store implements cli.Engine.
func (folderEngine) Store(_ context.Context, l cli.Link, run string) (kind.Store, error) {
	return nil, errors.New("it keeps nothing at " + l.Store + " of " + run)
}

// Work implements cli.Engine: one run after the other.
func (e folderEngine) Work(ctx context.Context, w cli.Worker) error {
	dir, err := e.server(w.Link)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.Log, "works on %s, allowed %q, slots %d\n", w.Queue, w.Allow, w.Slots)
	for ; ctx.Err() == nil; time.Sleep(glanceAt) {
		waiting, err := filepath.Glob(filepath.Join(dir, w.Queue, "*.json"))
		if err != nil {
			return err
		}
		for _, path := range waiting {
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.Remove(path)
			}
			if err != nil {
				return err
			}
			if err := carryOut(dir, w.Folder, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// carryOut runs a run to its end.
func carryOut(dir, folder string, spec []byte) error {
	var s executor.Spec
	if err := json.Unmarshal(spec, &s); err != nil {
		return err
	}
	kinds := steps.Builtin()
	p, err := s.Plan(kinds)
	if err != nil {
		return err
	}
	given, err := s.Kernel(p)
	if err != nil {
		return err
	}
	if err := os.Chdir(folder); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(context.Background())
	kill := make(chan struct{})
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(glanceAt):
			}
			if by, err := os.ReadFile(filepath.Join(dir, s.Run, "stop")); err == nil {
				stop(local.Signal{Name: string(by)})
			}
			if by, err := os.ReadFile(filepath.Join(dir, s.Run, "kill")); err == nil {
				stop(local.Signal{Name: string(by)})
				close(kill)
				return
			}
		}
	}()
	_, err = executor.Run(ctx, p, executor.Options{
		Inputs: given.Inputs, RunID: s.Run, Kill: kill, Keep: journal.Keep{Folder: journal.Of(dir, s.Run)},
	})
	return err
}

// folderRemote is a server that was reached.
type folderRemote struct{ dir, queue string }

// Start implements executor.Remote.
func (r folderRemote) Start(_ context.Context, s executor.Spec) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(r.dir, s.Run, "spec.json"), filepath.Join(r.dir, r.queue, s.Run+".json")} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path+".new", b, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "mute")); err == nil {
		return &executor.LeftError{Err: errors.New("no answer"), Unsure: true}
	}
	return nil
}

// Spec implements executor.Remote.
func (r folderRemote) Spec(_ context.Context, run string) (s executor.Spec, err error) {
	b, err := os.ReadFile(filepath.Join(r.dir, run, "spec.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, executor.ErrNoRun
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// Cancel implements executor.Remote.
func (r folderRemote) Cancel(_ context.Context, run string, why event.Cause, kill bool) error {
	name := "stop"
	if kill {
		name = "kill"
	}
	if journal.Look(r.dir, run).State == journal.Ended {
		return executor.ErrNoRun
	}
	path := filepath.Join(r.dir, run, name)
	if err := os.WriteFile(path+".new", []byte(why.By), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Follow implements executor.Remote.
func (r folderRemote) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	if _, err := r.Spec(ctx, run); err != nil {
		return err
	}
	folder := journal.Of(r.dir, run)
	texts := journal.NewTexts(folder)
	var in *journal.Reader
	for ; ; time.Sleep(glanceAt) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(r.dir, "broken")); err == nil {
			return errors.New("no server answers at " + r.dir)
		}
		if _, err := os.Stat(filepath.Join(r.dir, run, "over")); err == nil {
			return fmt.Errorf("%w: it was terminated", executor.ErrOver)
		}
		if in == nil {
			var err error
			if in, err = journal.Open(folder); err != nil {
				continue // no worker has it
			}
			defer in.Close()
		}
		for {
			e, err := in.Next()
			if err == io.EOF {
				break
			}
			if err == nil {
				e, err = texts.Text(e)
			}
			if err != nil {
				return err
			}
			if e.Log, e.Bytes = "", 0; e.Seq > after {
				tell(e)
			}
			if e.Type == event.RunEnd {
				return nil
			}
		}
	}
}

// withEngine is the command with that engine.
func withEngine() {
	sys := cli.OS()
	sys.Engine = folderEngine{}
	cli.Exit(cli.Main(os.Args, sys))
}
