package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

const (
	many = 1_000 // processes of a run, two at a time
	live = 4_000 // processes at once
)

// processFigures are about steps that are processes: against the least that a C program needs for as many, and against
// flowrun without its supervisor.
func processFigures(r *report) error {
	if runtime.GOOS == "windows" {
		r.note("processes", "left out: there is no true, sh, sleep", "")
		return nil
	}
	w, err := newWorkshop()
	if err != nil {
		return err
	}
	defer w.close()
	alone, err := w.buildAlone("alone")
	if err != nil {
		return err
	}
	floor, err := w.buildC("spawn", "spawn.c")
	if err != nil {
		return err
	}
	if floor == "" {
		r.note("the floor of processes", "left out: there is no C compiler", "")
	}
	if err := turnFigures(r, w, alone, floor); err != nil {
		return err
	}
	return liveFigures(r, w, floor)
}

// turnFigures are those of many processes that take turns.
func turnFigures(r *report, w *workshop, alone, floor string) error {
	files := map[string]string{}
	for _, f := range []struct{ name, text string }{
		{"generated", generatedRuns(`["true"]`, many)},
		{"written", writtenRuns(`["true"]`, many)},
		{"script", generatedRuns(`"true"`, many)},
		{"one", generatedRuns(`["true"]`, 1)},
	} {
		path, err := w.write(f.name+".yaml", f.text)
		if err != nil {
			return err
		}
		files[f.name] = path
	}
	none := func() error { return nil }
	argv, script := none, none
	if floor != "" {
		argv = w.work(floor, "turns", fmt.Sprint(many), "2", "true")
		script = w.work(floor, "turns", fmt.Sprint(many), "2", "/bin/sh", "-c", "true")
	}
	took, err := turns(
		r.rounds, argv, w.work(w.flowrun, "run", files["generated"]), w.work(alone, "run", files["generated"]),
		w.work(w.flowrun, "run", files["written"]), script, w.work(w.flowrun, "run", files["script"]),
	)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		name        string
		ours, floor spread
		goal        float64
	}{
		{"1,000 true by a generator, two at a time", took[1], took[0], 1.5},
		{"the same, written out", took[3], took[0], 1.5},
		{`1,000 run: "true", two at a time`, took[5], took[4], 1.25},
	} {
		if floor == "" {
			r.note(x.name, ms(x.ours.median()), "")
			continue
		}
		over := ratio(x.ours.median(), x.floor.median())
		r.row(
			x.name, fmt.Sprintf("%s, C %s", ms(x.ours.median()), ms(x.floor.median())),
			times(over), fmt.Sprintf("<= %.4g x", x.goal), over <= x.goal,
		)
	}

	if floor != "" {
		r.note("what a step takes beyond the loop in C", fmt.Sprintf("%d µs", each(took[1].median()-took[0].median(), many).Microseconds()), "")
	}

	// A single step is short: it takes more turns to tell one from the other.
	one, err := turns(5*r.rounds, w.work(w.flowrun, "run", files["one"]), w.work(alone, "run", files["one"]))
	if err != nil {
		return err
	}
	ofRun := one[0].median() - one[1].median()
	ofStep := each(took[1].median()-took[2].median()-ofRun, many)
	r.row(
		"the supervisor, for a step", fmt.Sprintf("%d µs, without it 1,000 in %s", ofStep.Microseconds(), ms(took[2].median())),
		"", "<= 150 µs", ofStep <= 150*time.Microsecond,
	)
	r.row(
		"the supervisor, for a run", fmt.Sprintf("%s, without it %s", ms(ofRun), ms(one[1].median())),
		"", "<= 6 ms", ofRun <= 6*time.Millisecond,
	)
	return nil
}

// generatedRuns is a workflow of n steps by a generator, and writtenRuns one that has them one by one.
func generatedRuns(run string, n int) string {
	return fmt.Sprintf("flowrun: 1\nsteps:\n  - gather: {for: i, in: range(%d), do: {run: %s}}\n    limit: 2\n", n, run)
}

func writtenRuns(run string, n int) string {
	return "flowrun: 1\nsteps:\n  - limit: 2\n    gather:\n" + strings.Repeat("      - run: "+run+"\n", n)
}
