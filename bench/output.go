package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

const printed = 500_000_000 // bytes of output, in lines of 100

// outputFigures are about a step that prints much.
func outputFigures(r *report) error {
	if runtime.GOOS == "windows" {
		r.note("output", "left out: there is no cat", "")
		return nil
	}
	w, err := newWorkshop()
	if err != nil {
		return err
	}
	defer w.close()
	source := w.path("source")
	if err := fill(source); err != nil {
		return err
	}
	plain, err := w.write("plain.yaml", "flowrun: 1\nsteps:\n  - run: [cat, source]\n")
	if err != nil {
		return err
	}
	masked, err := w.write("masked.yaml", "flowrun: 1\nsecrets: ["+secret+"] # flowrun: allow unused-secret\nsteps:\n  - run: [cat, source]\n")
	if err != nil {
		return err
	}

	var took [3]spread
	for range r.rounds {
		for i, work := range []func() error{
			func() error { return copied(source, w.path("copy")) },
			w.work(w.flowrun, "run", plain),
			w.work(w.flowrun, "run", masked),
		} {
			began := time.Now()
			err := work()
			took[i] = append(took[i], time.Since(began))
			if err != nil {
				return err
			}
			w.forget("copy", "state") // the disk is not to be filled, and a file that goes costs time, too
		}
	}
	over := ratio(took[1].median(), took[0].median())
	r.row(
		"500 MB of output", fmt.Sprintf("%s, cat %s", ms(took[1].median()), ms(took[0].median())),
		times(over), "<= 1.15 x", over <= 1.15,
	)
	speed := fmt.Sprintf("%s, %.0f MB/s", ms(took[2].median()), printed/took[2].median().Seconds()/1e6)
	slower := times(ratio(took[2].median(), took[0].median()))
	if runtime.GOOS != "linux" {
		r.note("the same with a secret to mask", speed, slower)
		return nil
	}
	most, err := peakOfRun(w.command(w.flowrun, "run", plain))
	if err != nil {
		return err
	}
	r.row("the same, peak of the engine's memory", mb(most), "", "<= 32 MB", most <= 32e6)
	w.forget("state")
	if most, err = peakOfRun(w.command(w.flowrun, "run", masked)); err != nil {
		return err
	}
	r.note("the same with a secret to mask", speed+", peak "+mb(most), slower)
	return nil
}

// peakOfRun is the most memory that a flowrun command or its engine takes.
func peakOfRun(cmd *exec.Cmd) (int64, error) {
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	peak := peakOf(cmd.Process.Pid)
	err := cmd.Wait()
	return <-peak, err
}

// fill makes the file that is printed. It is on the disk when the first turn begins.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	line := append(bytes.Repeat([]byte("0123456789 "), 9), '\n')
	block := bytes.Repeat(line, 10_000)
	for range printed / len(block) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return f.Sync()
}

// copied is `cat source > path`.
func copied(source, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command("cat", source)
	cmd.Stdout = f
	return cmd.Run()
}
