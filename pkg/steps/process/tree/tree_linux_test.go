package tree

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRunOfAForkingEngine: an engine without a supervisor has the limit of a step while it forks that, and its run is
// alive all the same. Another command would kill it.
func TestRunOfAForkingEngine(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Prlimit(0, rlimitLocks, nil, &before); err != nil {
		t.Fatal(err)
	}
	m := maker{limit: hash(os.Getpid()), hard: before}
	defer func() { _ = unix.Prlimit(0, rlimitLocks, &before, nil) }()
	if anyHas(m.limit) {
		t.Fatal("a limit that nobody has is found")
	}
	if !m.set(m.limit) || !anyHas(m.limit) {
		t.Error("between two forks its run is dead")
	}
	m.limited(7, func() {
		if !anyHas(m.limit) {
			t.Error("while it forks its run is dead")
		}
	})
}
