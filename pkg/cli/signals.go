package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/local"
)

// signalWords say what is done at the first signal and at the second.
type signalWords struct{ first, second string }

// signals gives a run its context and its kill switch: the first signal cancels the one, the second closes the other;
// SIGQUIT does both at once. A Ctrl-C that an interactive step got is told by interrupted, and is a first one that has
// cancelled already. What happens is said on w, in those words. stop must be called when the run has ended.
func (s *session) signals(ctx context.Context, interrupted <-chan struct{}, w io.Writer, say signalWords) (_ context.Context, kill <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	killed := make(chan struct{})
	if s.Notify == nil {
		return ctx, killed, func() { cancel(nil) }
	}
	c := make(chan os.Signal, 2)
	release := s.Notify(c)
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for first := ""; ; {
			select {
			case <-over:
				return
			case <-interrupted:
				first = "SIGINT"
			case sig := <-c:
				name := signalName(sig)
				switch {
				case name == "":
				case first == "" && !isQuit(sig):
					first = name
					once(c)
					fmt.Fprintf(w, "flowrun: %s: %s\n", name, say.first)
					cancel(local.Signal{Name: name})
				default:
					said := name
					if name == first {
						said += " again"
					}
					fmt.Fprintf(w, "flowrun: %s: %s\n", said, say.second)
					cancel(local.Signal{Name: name}) // the first cause counts
					close(killed)
					return
				}
			}
		}
	}()
	return ctx, killed, func() {
		release()
		close(over)
		<-gone
		cancel(nil)
	}
}

// once takes what comes with the first signal: timeout(1), and whoever signals a process and then its group, sends the
// same one twice, and nobody types that fast.
func once(c <-chan os.Signal) {
	for quiet := time.After(20 * time.Millisecond); ; {
		select {
		case <-c:
		case <-quiet:
			return
		}
	}
}
