package executor_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRepositoryIsClean holds the repository to its top level, and its files to what makes sense on every machine:
// no host of a registry, no path of the machine that a file was written on.
func TestRepositoryIsClean(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Skip("the tests do not run in the repository")
	}
	top := strings.Fields("go.mod go.sum cmd pkg schema examples README.md LICENSE CHANGELOG.md CONTRIBUTING.md docs bench")
	// Put together here, so that this file is no finding of its own.
	words := regexp.MustCompile(strings.Join([]string{
		`(^|[^\w./-])/(` + `root|wo` + `rk|fa` + `rm)(/|\b)`,
		`/ho` + `me/[a-z]+/`,
		`\.\./sha` + `red/`,
		`(?i)\b(proxy\.gol` + `ang|registry\.npm` + `js|registry-1\.doc` + `ker|pypi\.o` + `rg|static\.crates\.i` + `o|artif` + `actory)`,
	}, "|"))
	for _, name := range repositoryFiles(t, root) {
		first, _, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(first, ".") && !slices.Contains(top, first) {
			t.Errorf("%s: not a name of the top level: %s", name, strings.Join(top, " "))
		}
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || bytes.IndexByte(src, 0) >= 0 {
			continue // removed and not committed yet, a link to a folder; or no text
		}
		for i, line := range bytes.Split(src, []byte("\n")) {
			if found := words.Find(line); found != nil {
				t.Errorf("%s:%d: %q has no place in the repository", name, i+1, bytes.TrimSpace(found))
			}
		}
	}
}

// repositoryFiles lists what git knows, or every file where there is no git.
func repositoryFiles(t *testing.T, root string) []string {
	t.Helper()
	if out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--full-name").Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	}
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
