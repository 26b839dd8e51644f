//go:build linux

// Command record runs flowrun on a terminal and makes a moving picture of it:
//
//	go run ./docs/record                     docs/run.svg, of the workflow that `flowrun init` writes
//	go run ./docs/record -o x.svg FILE       of another one
//
// It is the run that it shows, with its real times. The picture is one SVG of text, without scripts and without anything from
// elsewhere; it is bright or dark as what is around it, and stands still, at its end, for who wants no motion.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/report/tty/vt"
)

// every is how often the terminal is looked at: half as often as it is drawn.
const every = 200 * time.Millisecond

func main() {
	out := flag.String("o", "docs/run.svg", "write the picture to this `FILE`")
	cols := flag.Int("columns", 88, "of the terminal")
	rows := flag.Int("rows", 22, "of the terminal")
	flag.Parse()
	if err := record(*out, *cols, *rows, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(out string, cols, rows int, file string) error {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	flowrun := filepath.Join(dir, "flowrun")
	if text, err := exec.Command("go", "build", "-o", flowrun, "./cmd/flowrun").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	term := vt.New(cols, rows)
	var text []byte
	if file == "" {
		file = "flowrun.yaml"
		cmd := exec.Command(flowrun, "init", "--color", "never")
		cmd.Dir = dir
		if text, err = cmd.Output(); err != nil {
			return err
		}
		fmt.Fprintf(term, "$ flowrun init\n%s$ flowrun run\n", text)
	} else {
		if file, err = filepath.Abs(file); err != nil {
			return err
		}
		fmt.Fprintf(term, "$ flowrun run %s\n", filepath.Base(file))
	}
	cmd := exec.Command(flowrun, "run", file)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), unwanted), "TERM=xterm-256color", "LANG=C.UTF-8", "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	frames, err := watch(cmd, term)
	if err != nil {
		return err
	}
	return os.WriteFile(out, draw(frames, cols, rows), 0o644)
}

// unwanted are variables by which a run would not be shown as a tree.
func unwanted(v string) bool {
	name, _, _ := strings.Cut(v, "=")
	return slices.Contains([]string{"CI", "NO_COLOR", "TERM", "LC_ALL", "LC_CTYPE", "LANG"}, name) || strings.HasPrefix(name, "FLOWRUN_")
}

// frame is what is seen from a time on.
type frame struct {
	at    time.Duration
	cells [][]vt.Cell
}

// watch runs cmd on a terminal, and looks at it.
func watch(cmd *exec.Cmd, term *vt.Terminal) ([]frame, error) {
	master, slave, err := open(term.Size())
	if err != nil {
		return nil, err
	}
	defer master.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	slave.Close()
	begin := time.Now()
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(term, whole{master})
		read <- err
	}()
	var frames []frame
	look := func() {
		now := term.Screen()
		if n := len(frames); n == 0 || !slices.EqualFunc(frames[n-1].cells, now, slices.Equal[[]vt.Cell]) {
			frames = append(frames, frame{time.Since(begin), now})
		}
	}
	look()
	for tick := time.NewTicker(every); ; {
		select {
		case <-tick.C:
			look()
		case <-read: // the error is that nobody is there any more
			look()
			var failed *exec.ExitError
			if err := cmd.Wait(); err != nil && !errors.As(err, &failed) {
				return nil, err
			}
			if wrong := term.Wrong(); len(wrong) > 0 {
				return nil, errors.New(wrong[0])
			}
			return frames, nil
		}
	}
}

// whole reads what comes together as a whole: a frame of flowrun is one write.
type whole struct{ f *os.File }

func (w whole) Read(b []byte) (int, error) {
	n, err := w.f.Read(b)
	for err == nil && n < len(b) {
		ready, failed := unix.Poll([]unix.PollFd{{Fd: int32(w.f.Fd()), Events: unix.POLLIN}}, 20)
		if ready <= 0 || failed != nil {
			break
		}
		var more int
		more, err = w.f.Read(b[n:])
		n += more
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// open opens a terminal of that size.
func open(cols, rows int) (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(cols), Row: uint16(rows)})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
	}
	return master, slave, err
}
