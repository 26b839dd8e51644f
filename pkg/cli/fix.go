package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// fixing is what became of a file that was to be mended.
type fixing struct {
	text []byte // what standard input should have been; nil for a file, which can be read again
	err  error  // why nothing could be done
}

// fix mends the file at path where that is certain and tells said what it changed.
func (s *session) fix(path string, said io.Writer, c *cli.Context) (out fixing) {
	if err := noFile(path); err != nil {
		return fixing{err: err}
	}
	src, err := spec.ReadSource(path, s.Stdin)
	if err != nil {
		return fixing{err: unreadable(err)}
	}
	mended, changes := spec.Mend(path, src, func(text []byte) diag.List {
		_, err := s.compile(path, text, c)
		var list diag.List
		errors.As(err, &list)
		return slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return d.Warning })
	})
	if path == "-" {
		out.text = mended
		if _, err := s.Stdout.Write(mended); err != nil {
			return fixing{err: fault{err}}
		}
	} else if len(changes) > 0 {
		if err := rewrite(path, src, mended); err != nil {
			return fixing{err: fmt.Errorf("%s cannot be changed: %w", path, reason(err))}
		}
	}
	for _, change := range changes {
		io.WriteString(said, plain.Inert(fmt.Sprintf("%s: %s -> %s\n", change.From, piece(change.Old), piece(change.Text))))
	}
	return out
}

// loadFixed loads the file at path, of which f is what has become.
func (s *session) loadFixed(path string, f fixing, c *cli.Context) (*plan.Plan, error) {
	if f.err != nil {
		return nil, f.err
	}
	return s.loadText(path, f.text, c)
}

// piece is a part of a file, in a line for people.
func piece(s string) string {
	if s == "" {
		return "nothing"
	}
	return strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", " ")
}

var errChanged = errors.New("somebody else has changed it meanwhile")

// rewrite puts text in the place of old in the file at path: all of it or nothing, and nothing if the file is not as it
// was read. A symbolic link stays one.
func rewrite(path string, old, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	// What may not be written must not be replaced either.
	now, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer now.Close()
	info, err := now.Stat()
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".flowrun-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // it is gone when all went well
	giveTo(temp, info)
	_, err = temp.Write(text)
	err = errors.Join(err, temp.Chmod(info.Mode().Perm()), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(path); err != nil || !bytes.Equal(present, old) {
		return errors.Join(err, errChanged)
	}
	return os.Rename(temp.Name(), path)
}
