package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// liveFigures are those of many processes at once: what the engine takes for them, and how fast they come and go.
func liveFigures(r *report, w *workshop, floor string) error {
	if runtime.GOOS != "linux" {
		return nil // who is a child of whom stands in /proc
	}
	file, err := w.write("live.yaml", fmt.Sprintf(
		"flowrun: 1\nsteps:\n  - gather: {for: i, in: range(%d), do: {run: [sleep, \"1000\"]}}\n", live,
	))
	if err != nil {
		return err
	}
	var up, down, floorUp, floorDown spread
	var most footprint
	for range min(3, r.rounds) {
		if floor != "" {
			began, ended, err := spawnAll(w.command(floor, "all", strconv.Itoa(live), "sleep", "1000"))
			if err != nil {
				return err
			}
			floorUp, floorDown = append(floorUp, began), append(floorDown, ended)
		}
		began, ended, f, err := runLive(w.command(w.flowrun, "run", file))
		if err != nil {
			return err
		}
		up, down = append(up, began), append(down, ended)
		most.alive, most.peak = max(most.alive, f.alive), max(most.peak, f.peak)
	}
	r.row(
		"4,000 live steps, memory of the engine", fmt.Sprintf("%s, until their end %s", mb(most.alive), mb(most.peak)),
		"", "<= 60 MB", most.alive <= 60e6,
	)
	for _, x := range []struct {
		name        string
		ours, floor spread
	}{{"4,000 live steps, until all are there", up, floorUp}, {"the same, from SIGTERM until all are gone", down, floorDown}} {
		if floor == "" {
			r.note(x.name, ms(x.ours.median()), "")
			continue
		}
		r.note(x.name, fmt.Sprintf("%s, C %s", ms(x.ours.median()), ms(x.floor.median())), times(ratio(x.ours.median(), x.floor.median())))
	}
	return nil
}

// spawnAll is how long the C program takes until its processes are there, and then until they are gone.
func spawnAll(cmd *exec.Cmd) (up, down time.Duration, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	_, err = io.ReadFull(out, make([]byte, len("up\n")))
	up = time.Since(began)
	began = time.Now()
	err = errors.Join(err, in.Close(), cmd.Wait())
	return up, time.Since(began), err
}

// footprint is resident memory of an engine, in bytes.
type footprint struct {
	alive int64 // when all its steps were alive
	peak  int64 // at the peak, their end included
}

// runLive is the same of a flowrun command, whose run it ends by SIGTERM.
func runLive(cmd *exec.Cmd) (up, down time.Duration, f footprint, err error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, f, err
	}
	engine := 0
	for n := 0; n < live; {
		time.Sleep(10 * time.Millisecond)
		if engine == 0 {
			engine = engineOf(cmd.Process.Pid)
		} else {
			n = len(children(engine))
		}
		if time.Since(began) > time.Minute {
			_ = cmd.Process.Kill()
			return 0, 0, f, errors.Join(fmt.Errorf("only %d of %d steps are alive after a minute", n, live), cmd.Wait())
		}
	}
	up = time.Since(began)
	if f.alive, err = resident(engine, "VmRSS"); err != nil {
		return 0, 0, f, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	began = time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, 0, f, err
	}
	peak := peakOf(cmd.Process.Pid)
	_ = cmd.Wait() // it dies of the signal
	down = time.Since(began)
	f.peak = <-peak
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		return 0, 0, f, fmt.Errorf("a run that was told to end by SIGTERM: %v", cmd.ProcessState)
	}
	return up, down, f, nil
}

// children are the processes that a process has started and that it has not collected.
func children(pid int) []int {
	var out []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		for word := range strings.FieldsSeq(string(b)) {
			if n, err := strconv.Atoi(word); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// engineOf is the engine that a flowrun command has started; 0: it has not yet.
func engineOf(pid int) int {
	for _, child := range children(pid) {
		return child
	}
	return 0
}

// peakOf looks at a flowrun command until it ends, and then tells the most memory that it or its engine has had.
func peakOf(pid int) <-chan int64 {
	told := make(chan int64, 1)
	go func() {
		var most int64
		engine := 0
		for {
			if engine == 0 {
				engine = engineOf(pid)
			}
			own, err := resident(pid, "VmHWM")
			if err != nil {
				told <- most
				return
			}
			most = max(most, own)
			if theirs, err := resident(engine, "VmHWM"); engine != 0 && err == nil {
				most = max(most, theirs)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return told
}
