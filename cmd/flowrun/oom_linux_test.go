package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// When memory is out, a step is killed sooner than flowrun.
func TestOutOfMemoryTakesSteps(t *testing.T) {
	t.Parallel()
	if b, err := os.ReadFile("/proc/self/oom_score_adj"); err != nil || string(b) == "1000\n" {
		t.Skipf("nothing can be killed sooner than what is at %q: %v", b, err) // as in some clusters
	}
	c := &command{dir: filepath.Join(home(t), "run"), mark: "oom"}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	const file = `flowrun: 1
steps:
  - id: look
    run: |
      until test "$(cat /proc/self/oom_score_adj)" -gt "$(cat /proc/$PPID/oom_score_adj)"; do :; done
      echo sooner
    timeout: 1m
`
	if err := os.WriteFile(filepath.Join(c.dir, "flow.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := c.cmd("run", "flow.yaml").CombinedOutput(); err != nil || !strings.Contains(string(out), "look | sooner\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
