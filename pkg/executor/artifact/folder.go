package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Folder is a store of files. path says below which folder, when that is first needed. safe: what was put is on the disk.
func Folder(path func() (string, error), safe bool) kind.Store { return folder{path, safe} }

type folder struct {
	path func() (string, error)
	safe bool
}

// Put implements kind.Store. What is put is there as a whole or not at all.
func (s folder) Put(ctx context.Context, name string, from io.Reader) error {
	to, err := s.file(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".part-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, within(ctx, from))
	if err == nil && s.safe {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if s.safe && runtime.GOOS != "windows" { // which has nothing like it
		return errors.Join(settle(filepath.Dir(to)), settle(filepath.Dir(filepath.Dir(to))))
	}
	return nil
}

// settle brings the names in a folder to the disk.
func settle(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Get implements kind.Store.
func (s folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := s.file(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (s folder) file(name string) (string, error) {
	if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		panic(fmt.Sprintf("artifact: %q is no name in a store", name))
	}
	path, err := s.path()
	return filepath.Join(path, filepath.FromSlash(name)), err
}
