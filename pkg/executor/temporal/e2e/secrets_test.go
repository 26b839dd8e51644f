//go:build e2e && linux

package e2e

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// token is the value of the secret of these tests, pattern what its holder writes into the value of a step beside it.
const (
	token   = "hunter2-dragonfly-9731"
	pattern = "albatross-4408"
)

const confidential = `
flowrun: 1
name: confidential
secrets: [TOKEN]
steps:
  - id: shown
    env: {T: "${{ secrets.TOKEN }}"}
    run: 'echo "it is $T, ` + pattern + `"; echo "$T" >&2'
  - id: passed
    env: {T: "${{ steps.shown.value }}"}
    run: 'test "$T" = "it is $(cat token), ` + pattern + `" && echo "$T"'
  - id: failed
    env: {T: "${{ secrets.TOKEN }}"}
    run: 'echo "$T" | base64 >&2; echo "$T"; exit 3'
    except: [{value: "${{ error.message }}"}]
  - id: silent
    if: secrets.TOKEN != ""
    run: 'test -z "$TOKEN" && echo "not inherited"'
`

// TestSecrets: workers have secrets by name; what they hand out is sealed, so that neither the server's data, nor what people are
// shown, nor what they keep has one. What they hand to each other is whole.
func TestSecrets(t *testing.T) {
	s := open(t)
	s.write("confidential.yaml", confidential)
	s.write("token", token)
	s.worker([]string{"TOKEN=" + token})
	s.worker([]string{"TOKEN=" + token})
	d := s.succeeds("confidential.yaml")
	if got := d.step("passed").Value; got != "it is ***, "+pattern {
		t.Errorf("passed is %v", got)
	}
	if got := d.step("silent").Value; got != "not inherited" {
		t.Errorf("silent is %v", got)
	}
	s.server.kill(both)
	if !s.stored(pattern) {
		t.Errorf("the server's data has no %q: then this test sees nothing", pattern)
	}
	for _, form := range []string{token, base64.StdEncoding.EncodeToString([]byte(token + "\n"))} {
		if s.stored(form) {
			t.Errorf("the server's data has the secret, as %q", form)
		}
	}
	s.nowhere(token)
}

// TestSecretIsNotThere: a worker without the secret says which one it lacks.
func TestSecretIsNotThere(t *testing.T) {
	s := open(t)
	s.write("confidential.yaml", confidential)
	s.worker(nil)
	d, c := s.runs("confidential.yaml")
	if c.code != 1 || d.Status != "failed" || !strings.Contains(c.out, "TOKEN") {
		t.Error(c)
	}
}

// TestEncrypted: with a key nothing of a run can be read in the server's data, and nobody follows it without the key.
func TestEncrypted(t *testing.T) {
	s := open(t)
	s.write("open.yaml", "flowrun: 1\nname: elephant\nsteps:\n  - {id: tiger, run: 'echo "+pattern+"; echo giraffe >&2; exit 4', except: [{value: \"${{ error.message }}\"}]}\n")
	key := filepath.Join(filepath.Dir(s.dir), "key")
	if err := os.WriteFile(key, []byte("6f1c2a4be1d3f5a7980b1c2d3e4f5061728394a5b6c7d8e9f0a1b2c3d4e5f607\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.worker(nil, "--key-file", key)
	d := s.succeeds("open.yaml", "--key-file", key)
	elsewhere := s.other()
	if c := elsewhere.types("show", "--engine", "temporal", "--key-file", key, d.Run); c.code != 0 || !strings.Contains(c.out, "tiger") {
		t.Error(c)
	}
	elsewhere = s.other()
	if c := elsewhere.types("show", "--engine", "temporal", d.Run); c.code == 0 || !strings.Contains(c.errs, "key") {
		t.Errorf("without the key:\n%s", c)
	}
	s.server.kill(both)
	for _, word := range []string{pattern, "giraffe", "tiger", "exit status 4"} {
		if s.stored(word) {
			t.Errorf("the server's data has %q", word)
		}
	}
}

// stored says whether the server's data has a text.
func (s *site) stored(text string) bool {
	s.t.Helper()
	files, _ := filepath.Glob(s.database() + "*")
	if len(files) == 0 {
		s.t.Fatal("the server has no data")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

// nowhere fails the test if a text is in the state folder or in the log of a process.
func (s *site) nowhere(text string) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Dir(s.dir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, s.dir+"/") {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			s.t.Errorf("%s has %q", path, text)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
