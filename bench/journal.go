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

// run runs p, kept or not.
func (k *keeping) run(p *plan.Plan, kept bool) error {
	var opt executor.Options
	if kept {
		k.runs++
		opt.Keep.Folder = k.last()
	}
	r, err := executor.Run(context.Background(), p, opt)
	if err == nil && r.Exit != executor.ExitSucceeded {
		err = fmt.Errorf("the run failed: %v", r.Root.Err)
	}
	return err
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
		r.rounds,
		func() error { return k.run(p, false) },
		func() error { return k.run(p, true) },
		k.read,
		func() error { return os.RemoveAll(filepath.Dir(k.last())) },
	)
	if err != nil {
		return err
	}
	d := each(took[1].median()-took[0].median(), wide)
	r.row("100,000 values, to keep them", fmt.Sprintf("%.1f µs a step", float64(d.Nanoseconds())/1e3), "", "<= 25 µs", d <= 25*time.Microsecond)
	r.row("the same, to read the journal", ms(took[2].median()), "", "< 3 s", took[2].median() < 3*time.Second)
	runs, err := compiled(generatedRuns(`["true"]`, many))
	if err != nil {
		return err
	}
	took, err = turns(r.rounds, func() error { return k.run(runs, false) }, func() error { return k.run(runs, true) })
	if err != nil {
		return err
	}
	x := ratio(took[1].median(), took[0].median())
	r.row("1,000 true, two at a time, kept", fmt.Sprintf("%s, not kept %s", ms(took[1].median()), ms(took[0].median())), times(x), "<= 1.05 x", x <= 1.05)
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
