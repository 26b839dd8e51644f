//go:build unix

package cli

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/report/tty"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// terminalSize is how many columns and rows the terminal has that w writes to; 0: it is none.
func terminalSize(w io.Writer) (columns, rows int) {
	f, ok := file(w)
	if !ok {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}

// inForeground says whether flowrun may draw on the terminal that w writes to: another program may have it now.
func inForeground(w io.Writer) bool {
	f, ok := file(w)
	return ok && process.InForeground(f)
}

// follow tells a Screen of changes of the terminal's size, and of a Ctrl-Z.
//
// Where a process is above this one, it shows the cursor to the shell, and nothing is to be done before this one stops. A handler
// for SIGTSTP could not: Go never takes it back, and the signal would stop nobody.
func follow(screen *tty.Screen) (stop func()) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT)
	if !process.Supervised() && !signal.Ignored(syscall.SIGTSTP) {
		signal.Notify(c, syscall.SIGTSTP)
	}
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-over:
				return
			case sig := <-c:
				switch sig {
				case syscall.SIGTSTP:
					screen.Suspend()
					_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
				case syscall.SIGCONT:
					screen.Resume()
				default:
					screen.Resized()
				}
			}
		}
	}()
	return func() {
		signal.Stop(c)
		close(over)
		<-gone
	}
}
