//go:build !unix

package cli

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func notify(c chan<- os.Signal) (stop func()) {
	signal.Notify(c, os.Interrupt)
	return func() { signal.Stop(c) }
}

func signalName(sig os.Signal) string {
	if sig == os.Interrupt {
		return "SIGINT"
	}
	return ""
}

func isQuit(os.Signal) bool { return false }

// What a run would be told by another process; package journal cannot tell processes apart here, and sends nothing.
const (
	stopSignal = syscall.SIGTERM
	killSignal = syscall.SIGKILL
)

// readerGone says that a write failed because nobody reads any more.
func readerGone(err error) bool { return errors.Is(err, io.ErrClosedPipe) }

// Exit ends this process with an exit code of Main.
func Exit(code int) { os.Exit(code) }
