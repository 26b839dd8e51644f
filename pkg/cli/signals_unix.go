//go:build unix

package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notify sends the signals that end a run to c. SIGHUP stays ignored where flowrun was started so, as by nohup. SIGINT
// does not: scripts start every background job so, and one that kills it by name means it.
func notify(c chan<- os.Signal) (stop func()) {
	// A reader that has gone must not kill a run before its cleanups: writes fail instead. (Ignoring the signal
	// would do that, too, but processes would inherit it.)
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	return func() {
		signal.Stop(c)
		signal.Stop(pipe)
	}
}

// signalName is the name that reports show; "" for a signal that ends no run.
func signalName(sig os.Signal) string {
	switch sig {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	}
	return ""
}

// isQuit says that a signal leaves no time for cleanups.
func isQuit(sig os.Signal) bool { return sig == syscall.SIGQUIT }

// What a run is told by another process: to stop, and to end at once.
const (
	stopSignal = syscall.SIGTERM
	killSignal = syscall.SIGQUIT
)

// readerGone says that a write failed because nobody reads any more.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// Exit ends this process with an exit code of Main. When a signal ended the run, the process ends by that signal, so
// that a shell which runs it in a loop stops, too.
func Exit(code int) {
	sig := syscall.Signal(code - 128)
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM:
		signal.Reset(sig)
		if syscall.Kill(os.Getpid(), sig) == nil {
			// It comes at once, but perhaps to another thread, which waits for its turn on a busy machine; the first process of a
			// container does not obey it.
			late := time.Second
			if os.Getpid() == 1 {
				late = 100 * time.Millisecond
			}
			time.Sleep(late)
		}
	case syscall.SIGQUIT:
		// Go would print what every goroutine does. A program that takes the place of this one starts without Go's
		// handler.
		_ = syscall.Exec("/bin/sh", []string{"sh", "-c", "ulimit -c 0; kill -QUIT $$; exit 131"}, os.Environ())
	}
	os.Exit(code)
}
