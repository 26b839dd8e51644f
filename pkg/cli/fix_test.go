package cli

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	put := func(text string, mode os.FileMode) {
		t.Helper()
		os.Remove(path)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	want := func(text string, mode os.FileMode) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%v, %v; want %v", info.Mode(), err, mode)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%v, %v are left", left, err)
		}
	}
	put("old", 0o640)
	if err := rewrite(path, []byte("old"), []byte("new")); err != nil {
		t.Error(err)
	}
	want("new", 0o640)

	put("theirs", 0o644)
	if err := rewrite(path, []byte("old"), []byte("new")); !errors.Is(err, errChanged) {
		t.Errorf("%v", err)
	}
	want("theirs", 0o644)

	put("old", 0o444)
	err := rewrite(path, []byte("old"), []byte("new"))
	if os.Geteuid() != 0 {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("%v", err)
		}
		want("old", 0o444)
	}
	if err := rewrite(filepath.Join(dir, "none"), nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
