//go:build e2e && linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnotherKey: a worker that lacks the key of a run leaves it to others, and whoever follows the run is told why nothing goes on.
func TestAnotherKey(t *testing.T) {
	t.Parallel() // most of it is waiting for workers that are refused
	s := open(t)
	s.write("sum.yaml", "flowrun: 1\nname: sum\nsteps:\n  - {id: a, value: 40}\n  - {value: \"${{ steps.a.value + 2 }}\"}\n")
	keyFile := func(name, digit string) string {
		path := filepath.Join(filepath.Dir(s.dir), name)
		if err := os.WriteFile(path, []byte(strings.Repeat(digit, 64)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, another := keyFile("key", "a"), keyFile("another", "b")
	stranger := s.worker(nil, "--key-file", another)
	s.until(patience, "worker that serves", func() bool {
		return strings.Contains(stranger.said(), `serving the queue "flowrun" of the namespace "default"`)
	})
	run := s.launch(s.command("run", "--engine", "temporal", "sum.yaml", "--key-file", key))
	s.until(patience, "word of the stranger", func() bool { return strings.Contains(stranger.said(), "which is not in") })
	s.until(patience, "word of the key", func() bool { return strings.Contains(run.said(), "the workers cannot go on with the run") })
	if run.ended() {
		t.Fatalf("the run has ended:\n%s", run.said())
	}
	s.worker(nil, "--key-file", key)
	<-run.over
	if said := run.said(); !strings.Contains(said, "sum succeeded") {
		t.Error(said)
	}
}
