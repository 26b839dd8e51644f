//go:build unix

package cli

import (
	"bytes"
	"context"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDoubledSignalIsOne: timeout(1) signals its child and then the whole group; a person who means it takes longer.
func TestDoubledSignalIsOne(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]string{
		0:                      "flowrun: SIGTERM: stopping\n",
		19 * time.Millisecond:  "flowrun: SIGTERM: stopping\n",
		100 * time.Millisecond: "flowrun: SIGTERM: stopping\nflowrun: SIGTERM again: killing\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			var said bytes.Buffer
			s := &session{System: System{Notify: func(c chan<- os.Signal) func() {
				c <- syscall.SIGTERM
				time.AfterFunc(after, func() { c <- syscall.SIGTERM })
				return func() {}
			}}}
			ctx, kill, stop := s.signals(context.Background(), nil, &said, signalWords{"stopping", "killing"})
			time.Sleep(time.Second)
			stop()
			killed := false
			select {
			case <-kill:
				killed = true
			default:
			}
			if ctx.Err() == nil || said.String() != want || killed != (after > 20*time.Millisecond) {
				t.Errorf("%s after the first: killed %v, %v, said\n%s", after, killed, ctx.Err(), said.String())
			}
		})
	}
}
