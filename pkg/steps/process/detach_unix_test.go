//go:build unix

package process_test

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/steps/process"
)

// TestDetach: a program that is to outlive this one has a session of its own, which no terminal of ours can signal, and nothing to read.
func TestDetach(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p, err := process.Detach("/bin/sh", []string{"sh", "-c", "cat; echo $A; pwd; exec sleep 60"}, []string{"A=b", "PATH=/bin:/usr/bin"}, "/", out)
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	if sid, err := unix.Getsid(p.Pid); err != nil || sid != p.Pid {
		t.Error(sid, p.Pid, err)
	}
	said := make([]byte, len("b\n/\n"))
	if _, err := io.ReadFull(in, said); err != nil || string(said) != "b\n/\n" {
		t.Errorf("%q %v", said, err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}
