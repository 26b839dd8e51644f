package steps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// logFile is one output of a step on disk. It is made when there is something to write, and open only while more
// comes: a thousand steps that wait hold no descriptor for it.
type logFile struct {
	prefix string // of its path, before the name of the stream; "": none
	stream string
	file   *os.File
	made   bool
	safe   bool  // it must be on the disk at the end
	err    error // the first; nothing is written after it
}

func (l *logFile) write(b []byte) {
	if l.prefix == "" || l.err != nil || len(b) == 0 {
		return
	}
	if l.file == nil {
		if l.err = l.open(openPatiently); l.err != nil {
			return
		}
	}
	_, l.err = l.file.Write(b)
}

func (l *logFile) path() string { return l.prefix + "." + l.stream }

func (l *logFile) open(by func(path string, flags int) (*os.File, error)) (err error) {
	path := l.path()
	flags := os.O_WRONLY | os.O_APPEND
	if !l.made { // one that is there is another's
		flags |= os.O_CREATE | os.O_EXCL
	}
	l.file, err = by(path, flags)
	if !l.made && os.IsNotExist(err) {
		if err = makeFolder(filepath.Dir(path)); err == nil {
			l.file, err = by(path, flags)
		}
	}
	l.made = l.made || err == nil
	return err
}

// makeFolder makes the folder of a step below that of logs. Above these nothing is made: a run whose folder was removed does not come back
// as one that has logs alone.
func makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(filepath.Dir(path), 0o700); err == nil || errors.Is(err, fs.ErrExist) {
			err = os.Mkdir(path, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) { // another attempt, or another step, was faster
		return nil
	}
	return err
}

func openNow(path string, flags int) (*os.File, error) { return os.OpenFile(path, flags, 0o600) }

// openPatiently waits for a descriptor: that there is none for a moment must not cost a log.
func openPatiently(path string, flags int) (*os.File, error) {
	return patiently(context.Background(), func() (*os.File, error) { return openNow(path, flags) })
}

// remove removes a log that is empty, and its folder if that is, too.
func (l *logFile) remove() {
	if l.made {
		_ = os.Remove(l.path())
		_ = os.Remove(filepath.Dir(l.path()))
		l.made = false
	}
}

// close lets go of the file until more comes.
func (l *logFile) close() {
	if l.file == nil {
		return
	}
	if err := l.file.Close(); l.err == nil {
		l.err = err
	}
	l.file = nil
}

// end lets go of the file for good.
func (l *logFile) end() {
	if l.safe && l.made && l.err == nil {
		l.err = l.settle()
	}
	l.close()
}

// settle brings the log to the disk; with a new file the file systems that people have bring its name there, too.
func (l *logFile) settle() error {
	if l.file == nil {
		if err := l.open(openPatiently); err != nil {
			return err
		}
	}
	return l.file.Sync()
}

// problem is why the log is not whole, in words.
func (l *logFile) problem() error {
	if p, ok := l.err.(*fs.PathError); ok {
		return p.Err
	}
	return l.err
}
