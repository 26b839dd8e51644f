//go:build unix

package testenv

import (
	"os"
	"os/signal"
	"syscall"
)

func calm() {
	syscall.Umask(0o022)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTERM} {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig) // what is not ignored here is not in a child, either
		}
	}
}
