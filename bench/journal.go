package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// keeping makes runs in a temporary folder.
type keeping struct {
	dir  string
	runs int
}

// run runs p without keeping it.
func (k *keeping) run(p *plan.Plan) func() error {
	return func() error { return succeeded(executor.Run(context.Background(), p, executor.Options{})) }
}

// keep runs p and keeps it.
func (k *keeping) keep(p *plan.Plan, how journal.Durability) func() error {
	return func() error {
		k.runs++
		return succeeded(executor.Run(context.Background(), p, executor.Options{Keep: journal.Keep{Folder: k.last(), Durability: how}}))
	}
}

func succeeded(r *executor.Result, err error) error {
	if err == nil && r.Exit != executor.ExitSucceeded {
		err = fmt.Errorf("the run failed: %v", r.Root.Err)
	}
	return err
}

// die leaves of the last run that was kept what a crash would have left in its last moment.
func (k *keeping) die() error {
	path := filepath.Join(k.last(), "journal.ndjson")
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-1)
	}
	return err
}

// resume goes on with it.
func (k *keeping) resume(p *plan.Plan) func() error {
	return func() error {
		return succeeded(executor.Resume(context.Background(), p, executor.Options{Keep: journal.Keep{Folder: k.last()}}))
	}
}

// last is the folder of the last run that was kept.
func (k *keeping) last() string { return journal.Of(k.dir, strconv.Itoa(k.runs)) }

// read reads its journal.
func (k *keeping) read() error {
	in, err := journal.Open(k.last())
	if err != nil {
		return err
	}
	defer in.Close()
	for err == nil {
		_, err = in.Next()
	}
	if err != io.EOF {
		return err
	}
	return nil
}

// journalFigures are about what it costs to keep a run, and to read it again.
func journalFigures(r *report) error {
	dir, err := os.MkdirTemp("", "flowrun-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	k := &keeping{dir: dir}
	p := flat(wide)
	took, err := turns(
		r.rounds, k.run(p), k.keep(p, journal.Crash), k.read, k.die, k.resume(p),
		func() error { return os.RemoveAll(filepath.Dir(k.last())) },
	)
	if err != nil {
		return err
	}
	d := each(took[1].median()-took[0].median(), wide)
	r.row("100,000 values, to keep them", fmt.Sprintf("%.1f µs a step", float64(d.Nanoseconds())/1e3), "", "<= 25 µs", d <= 25*time.Microsecond)
	r.row("the same, to read the journal", ms(took[2].median()), "", "< 3 s", took[2].median() < 3*time.Second)
	r.row("the same, to resume the run at its end", ms(took[4].median()), "", "< 3 s", took[4].median() < 3*time.Second)
	for _, x := range []struct {
		name, text string
		goals      bool
	}{
		{"1,000 true, two at a time", generatedRuns(`["true"]`, many), true},
		{"the same, written out", writtenRuns(`["true"]`, many), true},
		{"1,000 echo, two at a time", generatedRuns(`[echo, hello]`, many), false},
	} {
		p, err := compiled(x.text)
		if err != nil {
			return err
		}
		took, err := turns(2*r.rounds, k.run(p), k.keep(p, journal.Crash), k.keep(p, journal.PowerLoss))
		if err != nil {
			return err
		}
		for i, how := range []struct {
			word string
			goal float64
		}{{"kept", 1.05}, {"kept, power", 1.2}} {
			name := x.name + ", " + how.word
			text := fmt.Sprintf("%s, not kept %s", ms(took[i+1].median()), ms(took[0].median()))
			over := ratio(took[i+1].median(), took[0].median())
			if x.goals {
				r.row(name, text, times(over), fmt.Sprintf("<= %.2f x", how.goal), over <= how.goal)
			} else {
				r.note(name, text, times(over))
			}
		}
	}
	return nil
}

// compiled is the plan of a workflow.
func compiled(text string) (*plan.Plan, error) {
	f, err := spec.Parse("bench.yaml", []byte(text), spec.Options{Kinds: steps.Builtin(), Dir: os.TempDir()})
	if err != nil {
		return nil, err
	}
	return plan.Compile(f, plan.Options{})
}
