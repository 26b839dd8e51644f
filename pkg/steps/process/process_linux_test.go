package process

import (
	"io"
	"runtime/pprof"
	"testing"
)

// A live process must not cost a thread: the runtime dies at 10,000.
func TestNoThreadForEach(t *testing.T) {
	before := pprof.Lookup("threadcreate").Count()
	var all []*Process
	for range 100 {
		all = append(all, start(t, script("exec sleep 1000", io.Discard)))
	}
	for _, p := range all {
		p.Kill()
	}
	for _, p := range all {
		wait(t, p)
	}
	if n := pprof.Lookup("threadcreate").Count() - before; n > 50 {
		t.Errorf("%d threads for 100 processes", n)
	}
}
