package executor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.go", "b.txt", "pkg/c.go", "pkg/deep/er/d.go", "pkg/deep/e.txt", ".hidden/f.go", ".dot"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ pattern, want string }{
		{"*.go", "a.go"},
		{"*", "a.go b.txt pkg"},
		{"**/*.go", "a.go pkg/c.go pkg/deep/er/d.go"},
		{"**/**/*.go", "a.go pkg/c.go pkg/deep/er/d.go"},
		{"pkg/**", "pkg/c.go pkg/deep pkg/deep/e.txt pkg/deep/er pkg/deep/er/d.go"},
		{"pkg/*/*.txt", "pkg/deep/e.txt"},
		{"./pkg/[a-c].go", "pkg/c.go"},
		{"?.txt", "b.txt"},
		{".*", ".dot .hidden"},
		{".hidden/*", ".hidden/f.go"},
		{"nosuch/*", ""},
		{"a.go/*", ""},
	} {
		list, err := find(dir, c.pattern)
		if err != nil {
			t.Errorf("%s: %s", c.pattern, err)
			continue
		}
		words := make([]string, len(list))
		for i, p := range list {
			words[i] = p.(string)
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.pattern, got, c.want)
		}
	}
	for _, pattern := range []string{"", "/etc/*", "../*", "pkg/../../*", "[a", "**/["} {
		if _, err := find(dir, pattern); err == nil {
			t.Errorf("%q is not refused", pattern)
		}
		if _, err := find(dir, pattern); err != nil && strings.HasPrefix(err.Error(), "glob: ") { // the function says so
			t.Errorf("%s: %s", pattern, err)
		}
	}
}

func TestGlobStaysInItsFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	if list, err := find(dir, "link/*"); err != nil || len(list) > 0 {
		t.Errorf("found %v, %v outside of the folder", list, err)
	}
}

func TestGlobberAsksOnce(t *testing.T) {
	dir := t.TempDir()
	find := globber(dir)
	for range 2 {
		list, err := find("*")
		if err != nil || len(list.([]any)) != 0 {
			t.Fatalf("%v, %v", list, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
