//go:build unix

package files_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/pkg/report/files"
)

// TestPipe: a named pipe is written to; one that nobody reads holds nobody up.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	set, _, err := tell(t, []string{"md=" + path}, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if problems := set.Write(); len(problems) != 1 || !strings.HasSuffix(problems[0].Error(), "pipe: no such device or address") {
		t.Error(problems)
	}
	in, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if problems := set.Write(); len(problems) > 0 {
		t.Error(problems)
	}
	if b, err := io.ReadAll(in); err != nil || !strings.HasPrefix(string(b), "## ") {
		t.Errorf("%q, %v", b, err)
	}
}
