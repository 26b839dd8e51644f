//go:build e2e && linux

package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStore: two workers have folders of their own, and a third one has the run. What a step keeps on the one is fetched on the other,
// and by who looks at the run, from wherever; of long output nothing is missing.
func TestStore(t *testing.T) {
	s := open(t)
	store := filepath.Join(filepath.Dir(s.dir), "store")
	if err := os.Mkdir(store, 0o755); err != nil {
		t.Fatal(err)
	}
	url := "--store=file://" + store
	for _, name := range []string{"one", "two"} {
		folder := filepath.Join(filepath.Dir(s.dir), name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		s.worker(nil, "--queue", name, "--dir", folder, url)
	}
	s.worker(nil, url)
	s.write("store.yaml", `
flowrun: 1
steps:
  - id: build
    queue: one
    capture: none
    run: mkdir -p dist; echo 'echo kept' > dist/tool; chmod +x dist/tool; echo begin; yes line | head -n 20000; echo end
    artifacts: dist
  - {id: use, queue: two, run: ./dist/tool, fetch: "${{ steps.build.artifacts }}"}
`)
	c := s.types("run", "--engine", "temporal", url, "--format", "json", "store.yaml")
	d := s.decode(c)
	if c.code != 0 || d.Value != "kept" {
		t.Fatal(c)
	}
	if s.exists("dist") {
		t.Error("it is where nobody asked for it")
	}
	for _, s := range []*site{s, s.other()} {
		c := s.types("logs", "--engine", "temporal", url, d.Run, "build", "--raw")
		if c.code != 0 || c.out != "begin\n"+strings.Repeat("line\n", 20000)+"end\n" {
			t.Errorf("%d bytes of output, exit code %d\n%s", len(c.out), c.code, c.errs)
		}
		if c := s.types("artifacts", d.Run); c.code != 0 || !all(c.out, []string{"build", "dist/tool"}) {
			t.Error(c)
		}
		if c := s.types("artifacts", d.Run, "--to", "got"); c.code != 0 || s.read("got/dist/tool") != "echo kept\n" {
			t.Error(c)
		}
		s.remove("got")
	}
}

// TestStoreWithKey: who has the key file sees what steps have kept and printed, and nobody else who reads the store.
func TestStoreWithKey(t *testing.T) {
	s := open(t)
	store, key := filepath.Join(filepath.Dir(s.dir), "store"), filepath.Join(filepath.Dir(s.dir), "key")
	if err := errors.Join(os.Mkdir(store, 0o755), os.WriteFile(key, []byte(strings.Repeat("a", 64)), 0o600)); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--store=file://" + store, "--key-file=" + key}
	s.worker(nil, flags...)
	s.write("keep.yaml", `
flowrun: 1
steps:
  - {id: test, run: 'echo moonlight > report; yes moonlight | head -n 20000; exit 1', capture: none, artifacts: [report]}
`)
	c := s.types(append([]string{"run", "--engine", "temporal", "--format", "json", "keep.yaml"}, flags...)...)
	d := s.decode(c)
	if c.code != 1 {
		t.Fatal(c)
	}
	n := 0
	err := filepath.WalkDir(store, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("moonlight")) {
			t.Errorf("%s can be read", path)
		}
		return err
	})
	if err != nil || n != 2 {
		t.Errorf("%d files in the store, %v", n, err)
	}
	other := s.other()
	c = other.types(append([]string{"logs", "--engine", "temporal", d.Run, "test", "--raw"}, flags...)...)
	if c.code != 0 || c.out != strings.Repeat("moonlight\n", 20000) {
		t.Errorf("%d bytes of output, exit code %d\n%s", len(c.out), c.code, c.errs)
	}
	if c := other.types("artifacts", d.Run, "--to", "got"); c.code != 0 || other.read("got/report") != "moonlight\n" {
		t.Error(c)
	}
}
