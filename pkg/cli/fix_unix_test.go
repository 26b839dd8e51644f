//go:build unix

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRewriteKeepsOwner: root who mends another user's file does not take it away.
func TestRewriteKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give a file away")
	}
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 4321, 1234); err != nil {
		t.Skip(err)
	}
	if err := rewrite(path, []byte("old"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 4321 || s.Gid != 1234 || info.Mode().Perm() != 0o640 {
		t.Errorf("it belongs to %d:%d, %v", s.Uid, s.Gid, info.Mode())
	}
}
