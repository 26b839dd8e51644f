package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsAreKeptFromSteps: a step finds a secret that it does not name in no process of its user. Root may read
// all, so it is nobody who looks.
func TestSecretsAreKeptFromSteps(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 && nobody() == nil {
		t.Skip("there is nobody but root")
	}
	root := home(t)
	c := &command{dir: filepath.Join(root, "run"), mark: "secrets", user: nobody()}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.dir, 0o777); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	file := `flowrun: 1
secrets: [TOKEN]
steps:
  - id: look
    run: |
      cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -a '^TOKEN=kept-from-st[e]ps' && exit 1
      cat /proc/$PPID/environ && exit 1
      echo kept
`
	apart := isolates(t, root, c.user)
	if apart {
		file += "  - {id: alone, run: 'test $$ -lt 100 && echo apart', isolate: pid}\n"
	}
	if err := os.WriteFile(filepath.Join(c.dir, "flow.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := c.cmd("run", "flow.yaml")
	cmd.Env = append(cmd.Env, "TOKEN=kept-from-steps", "HOME="+c.dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "look | kept\n") || apart != strings.Contains(string(out), "alone | apart\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
