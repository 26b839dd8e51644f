package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// A peak of memory belongs to a process, so it is taken in a child of its own: this program again, with the name of
// the work as its argument. The child builds the plan, gives back what that took, and tells how much its resident
// memory then grew at the most. Only Linux says so; elsewhere the figures of memory are left out.

const childFlag = "-child"

// cost is what a child tells of its work.
type cost struct {
	grown int64 // bytes of resident memory at the peak over what was there before; 0: not known
	peak  int64 // bytes of resident memory at the peak; 0: not known
	took  time.Duration
}

// child does the work of that name and prints its cost.
func child(name string) error {
	work, ok := works()[name]
	if !ok {
		return fmt.Errorf("there is no work %q", name)
	}
	run := work()
	debug.FreeOSMemory()
	before, err := resident(os.Getpid(), "VmRSS")
	if err != nil {
		return err
	}
	if before > 0 {
		// 5: the peak starts again from here.
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			return err
		}
	}
	began := time.Now()
	run()
	took := time.Since(began)
	peak, err := resident(os.Getpid(), "VmHWM")
	if err != nil {
		return err
	}
	_, err = fmt.Println(peak-before, peak, int64(took))
	return err
}

// works are what a child can do: each builds what it needs and gives back what is to be measured.
func works() map[string]func() func() {
	return map[string]func() func(){
		"flat": func() func() {
			p := flat(wide)
			return func() { inKernel(p) }
		},
		"generated": func() func() {
			p := generated(wide)
			return func() { inKernel(p) }
		},
		"tree": func() func() {
			p := tree(high)
			return func() { inKernel(p) }
		},
		"million": func() func() {
			p := generated(1_000_000)
			return func() { whole(p) }
		},
		"sleeps": func() func() {
			p := sleeps(wide)
			return func() { whole(p) }
		},
	}
}

// inChild has a child do the work of that name.
func inChild(name string) (cost, error) {
	var c cost
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	cmd := exec.Command(self, childFlag, name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return c, fmt.Errorf("the work %q: %w", name, err)
	}
	_, err = fmt.Sscan(string(out), &c.grown, &c.peak, &c.took)
	return c, err
}

// resident reads a line of /proc/PID/status, in bytes; 0 where there is none.
func resident(pid int, key string) (int64, error) {
	if runtime.GOOS != "linux" {
		return 0, nil
	}
	file := fmt.Sprintf("/proc/%d/status", pid)
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, key)
}
