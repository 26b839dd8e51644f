package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// destination is where a report goes: a file, standard output, or an endpoint. The first two are io.Writers, too, for what is told as
// it happens.
type destination interface {
	// finish writes the report, or what is left to do of one that was told.
	finish(k Kind, r *model.Run) error
}

// endpoint is a URL to which reports are sent.
type endpoint struct {
	url string
	env func(name string) string
}

func (e endpoint) finish(k Kind, r *model.Run) error { return k.send(e.url, e.env, r) }

// standard is standard output, of which a CI may take lines for commands. Who owns it looks for its errors.
type standard struct {
	w    io.Writer
	line []byte // that has not ended
}

// Write implements io.Writer.
func (s *standard) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if s.line = append(s.line, line...); s.line[len(s.line)-1] == '\n' {
			if err := s.end(); err != nil {
				return 0, err
			}
		}
	}
	return len(b), nil
}

func (s *standard) finish(k Kind, r *model.Run) error {
	if k.tell != nil {
		return s.end()
	}
	return errors.Join(buffered(s, k, r), s.end())
}

func (s *standard) end() error {
	_, err := io.WriteString(s.w, plain.Inert(string(s.line)))
	s.line = s.line[:0]
	return err
}

// buffered writes a report at once.
func buffered(w io.Writer, k Kind, r *model.Run) error {
	out := bufio.NewWriterSize(w, 64<<10)
	if err := k.write(out, r); err != nil {
		return err
	}
	return out.Flush()
}

// file is a file that is there as a whole or as it was before; but what is told as it happens is in it at once. A device or a
// pipe is written to, never replaced.
type file struct {
	path    string // absolute; where a link leads
	special bool
	now     *os.File // for what is told as it happens
	err     error    // the first
}

// newFile sees to the folder of the file at path, and that something can be written there.
func newFile(path string) (*file, error) {
	f := &file{path: path, special: strings.HasPrefix(filepath.ToSlash(path), "/dev/")}
	if at, err := filepath.EvalSymlinks(path); err == nil && !f.special {
		f.path = at
	}
	info, err := os.Stat(f.path)
	switch {
	case err == nil && info.IsDir():
		return nil, fmt.Errorf("%s is a folder", path)
	case err == nil && !info.Mode().IsRegular():
		f.special = true
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if f.special {
		return f, err
	}
	folder := filepath.Dir(f.path)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	temp, err := f.temp()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", path, reason(err))
	}
	return f, errors.Join(temp.Close(), os.Remove(temp.Name()))
}

// reason is err without the name of a file that nobody knows.
func reason(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}

// temp makes a file beside the one that is to be, which nobody takes for it. It may be read by whom the umask lets: reports
// are for others, too.
func (f *file) temp() (*os.File, error) {
	folder, name := filepath.Split(f.path)
	for n := 0; ; n++ {
		path := filepath.Join(folder, fmt.Sprintf(".%.100s.%d-%d", name, os.Getpid(), n))
		temp, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return temp, err
		}
	}
}

func (f *file) finish(k Kind, r *model.Run) error {
	var err error
	switch {
	case k.tell != nil:
		err = f.err
		if f.now != nil {
			err = errors.Join(err, f.now.Close())
		}
	case f.special:
		var out *os.File
		if out, err = f.open(); err == nil {
			err = errors.Join(buffered(out, k, r), out.Close())
		}
	default:
		err = f.replace(k, r)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", f.path, reason(err))
}

// replace puts the report in the place of what is there.
func (f *file) replace(k Kind, r *model.Run) error {
	temp, err := f.temp()
	if err != nil {
		return err
	}
	if info, err := os.Stat(f.path); err == nil {
		_ = temp.Chmod(info.Mode().Perm())
	}
	err = errors.Join(buffered(temp, k, r), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), f.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// open opens the file itself. A pipe that nobody reads must not hold a run up.
func (f *file) open() (*os.File, error) {
	if f.special {
		return os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
	}
	return os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
}

// Write implements io.Writer for what is told as it happens. The file is made when the first comes: a run that is refused
// must not empty that of another.
func (f *file) Write(b []byte) (int, error) {
	if f.now == nil && f.err == nil {
		f.now, f.err = f.open()
	}
	if f.err != nil {
		return 0, f.err
	}
	var n int
	n, f.err = f.now.Write(b)
	return n, f.err
}

// sameFile says that two paths lead to one file.
func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
