package kernel_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestSeededBugs plants a bug in the kernel and wants the laws to find it. A bug is a txtar in testdata/bugs: its comment
// says what is wrong and which law may say so (one of them must), its files are the name of the kernel's file, the text there, and what
// takes its place:
//
//	What is wrong, in a sentence.
//	law: a cancelled step never fails
//	-- file --
//	retry.go
//	-- old --
//	...
//	-- new --
//	...
func TestSeededBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("each bug needs a build of the kernel: not with -short")
	}
	names, err := filepath.Glob("testdata/bugs/*.txtar")
	if err != nil || len(names) < 7 {
		t.Fatalf("%d bugs, want at least 7: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { seededBug(t, name) })
	}
}

func seededBug(t *testing.T, name string) {
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	part := map[string]string{}
	for _, f := range a.Files {
		part[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
	}
	laws := strings.Split(strings.TrimSpace(string(a.Comment)), "\nlaw: ")[1:]
	if len(laws) == 0 {
		t.Fatal("it does not say which law finds it")
	}
	file, err := filepath.Abs(part["file"])
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), part["old"]); n != 1 {
		t.Fatalf("%s has the text to replace %d times: bring the bug up to date", part["file"], n)
	}
	dir := t.TempDir()
	bad := filepath.Join(dir, part["file"])
	overlay := filepath.Join(dir, "overlay.json")
	write(t, bad, []byte(strings.Replace(string(src), part["old"], part["new"], 1)))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: bad}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, overlay, replace)
	cmd := exec.Command("go", "test", "-overlay="+overlay, "-vet=off", "-run=^TestLaws$", "-count=1", "-timeout=2m", ".",
		"-rapid.nofailfile", "-rapid.shrinktime=1ms", "-rapid.checks=3000")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Error("no law found it")
	case !slices.ContainsFunc(laws, func(l string) bool { return strings.Contains(string(out), "law \""+l+"\" is broken") }):
		t.Errorf("it was not found by the law %q:\n%s", laws, head(string(out), 30))
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// head is the first n lines of a text.
func head(s string, n int) string {
	lines := strings.SplitAfterN(s, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "")
}
