// Package artifact keeps files of steps, and gives them to other steps, which may work in other folders, on other machines:
//
//	artifacts: [dist/*]     Keep      files of the step's folder ─► a store, and a list of what they are: steps.x.artifacts
//	fetch: ${{ ... }}       Fetch     such a list ─► files at the same paths below the folder of another step
//
// A store (kind.Store) has what is in a file under its checksum, artifacts/SHA256: what is there is never another thing than the
// list says, whoever else has written meanwhile, a lost attempt of the same step included. Where files come from and go to is never
// outside of the step's folder (os.Root).
package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/glob"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Most is how many files one step can keep: their list is a value, which travels with the run.
const Most = 2000

// name is that of a file in a store.
func name(sum string) string { return "artifacts/" + sum }

// MissingError is that of a pattern which matches nothing.
type MissingError struct{ Folder, Pattern string }

// Error is a sentence.
func (e *MissingError) Error() string {
	return fmt.Sprintf("nothing in %s matches %q", e.Folder, e.Pattern)
}

// Keep keeps what matches the patterns (package glob) in a folder, and all that is in folders that do. The list is sorted by paths. The
// error is a sentence. With a *MissingError, that of the first such pattern, there is the list of what matches the others.
func Keep(ctx context.Context, store kind.Store, folder string, patterns []string) ([]event.Artifact, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	paths, missing, err := find(root, folder, patterns)
	if err != nil {
		return nil, err
	}
	list := make([]event.Artifact, len(paths))
	err = each(ctx, len(paths), func(ctx context.Context, i int) (err error) {
		if list[i], err = keep(ctx, store, root, paths[i]); err != nil {
			return fmt.Errorf("%s cannot be kept: %w", paths[i], err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if missing != nil {
		return list, missing
	}
	return list, nil
}

// atOnce is how many files are on their way at once: a store may be far away.
const atOnce = 8

// each does n things, some at once, until one fails: that is the error, of several that of the first one.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	going, stop := context.WithCancel(ctx)
	defer stop()
	var next atomic.Int64
	errs := make([]error, n)
	var all sync.WaitGroup
	for range min(atOnce, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && going.Err() == nil; i = int(next.Add(1)) - 1 {
				if errs[i] = do(going, i); errs[i] != nil {
					stop()
				}
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stopped := func(err error) bool { return err == nil || errors.Is(err, context.Canceled) }
	if i := slices.IndexFunc(errs, func(err error) bool { return !stopped(err) }); i >= 0 {
		return errs[i]
	}
	return errors.Join(errs...)
}

// find is the paths of all files that match a pattern, or are in a folder that does, sorted, and the first pattern that matches nothing.
func find(root *os.Root, folder string, patterns []string) (paths []string, missing *MissingError, err error) {
	fsys := root.FS()
	for _, pattern := range patterns {
		found, err := glob.Find(fsys, pattern)
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 && missing == nil {
			missing = &MissingError{folder, pattern}
		}
		for _, p := range found {
			if paths, err = files(fsys, p, paths); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) > Most {
		return nil, nil, fmt.Errorf("these are %d files, and a step can keep %d: pack them into one, as with tar", len(paths), Most)
	}
	return paths, missing, nil
}

// files appends the files at p, which may be a folder.
func files(fsys fs.FS, p string, paths []string) ([]string, error) {
	err := fs.WalkDir(fsys, p, func(at string, e fs.DirEntry, err error) error {
		info, wrong := fs.Stat(fsys, at) // of a link: where it leads
		switch {
		case wrong != nil && (e == nil || e.Type()&fs.ModeSymlink != 0):
			return fmt.Errorf("%s is a link to nothing in the step's folder", at)
		case wrong != nil:
			return wrong
		case err != nil:
			return err
		case info.Mode().IsRegular():
			paths = append(paths, at)
		case !info.IsDir():
			return fmt.Errorf("%s is no file", at)
		case !e.IsDir():
			return fmt.Errorf("%s is a link to a folder: name that one", at)
		}
		return nil
	})
	return paths, err
}

// keep puts the file at p into the store.
func keep(ctx context.Context, store kind.Store, root *os.Root, p string) (a event.Artifact, err error) {
	f, err := root.Open(filepath.FromSlash(p))
	if err != nil {
		return a, reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return a, reason(err)
	}
	sum := sha256.New()
	size, err := io.Copy(sum, within(ctx, f))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return a, reason(err)
	}
	a = event.Artifact{
		Path: p, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Executable: info.Mode()&0o111 != 0,
	}
	return a, reason(store.Put(ctx, name(a.SHA256), checked(within(ctx, f), a.SHA256, "it was changed meanwhile")))
}

// Fetch writes the files of a list (see List) below a folder, each whole or not at all, and leaves one that is right as it is. The
// error is a sentence.
func Fetch(ctx context.Context, store kind.Store, folder string, list []event.Artifact) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return each(ctx, len(list), func(ctx context.Context, i int) error {
		err := fetch(ctx, store, root, list[i])
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("the store does not have it")
		}
		if err != nil {
			return fmt.Errorf("%s cannot be fetched: %w", list[i].Path, err)
		}
		return nil
	})
}

// fetch writes one file.
func fetch(ctx context.Context, store kind.Store, root *os.Root, a event.Artifact) (err error) {
	to := filepath.FromSlash(a.Path)
	mode := fs.FileMode(0o666) // less what the process may not give
	if a.Executable {
		mode = 0o777
	}
	if there(ctx, root, to, a) {
		return nil
	}
	in, err := store.Get(ctx, name(a.SHA256))
	if err != nil {
		return err
	}
	defer in.Close()
	folder := filepath.Dir(to)
	if err := root.MkdirAll(folder, 0o777); err != nil {
		return unwritten(err)
	}
	f, part, err := temporary(root, folder, mode)
	if err != nil {
		return unwritten(err)
	}
	_, err = io.Copy(f, checked(within(ctx, in), a.SHA256, "what the store has is damaged"))
	// It may be a program that is started next: no child that is being forked now may have it open for writing, or the system
	// would call it busy. Whoever was forked before has closed it when the lock is free.
	syscall.ForkLock.RLock()
	err = errors.Join(err, f.Close())
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = unwritten(root.Rename(part, to))
	}
	if err != nil {
		_ = root.Remove(part)
	}
	return err
}

// there says whether a is at its place.
func there(ctx context.Context, root *os.Root, to string, a event.Artifact) bool {
	info, err := root.Lstat(to)
	if err != nil || !info.Mode().IsRegular() || a.Executable && info.Mode()&0o100 == 0 {
		return false
	}
	f, err := root.Open(to)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, checked(within(ctx, f), a.SHA256, "another one"))
	return err == nil
}

// temporary makes a file beside the one that it is to become.
func temporary(root *os.Root, folder string, mode fs.FileMode) (*os.File, string, error) {
	for n := 0; ; n++ {
		p := filepath.Join(folder, ".flowrun-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(n))
		f, err := root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) {
			return f, p, err
		}
	}
}

// unwritten is err of a file that is to be written; it is not the store's, whatever it is.
func unwritten(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(reason(err).Error())
}

// reason is err without a path, which is named before.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// List reads v, what a step is to fetch: lists of files as steps.x.artifacts is one, nested as one likes; null is a list of
// none, for a step that was skipped has null there. The error is a sentence.
func List(v any) ([]event.Artifact, error) {
	l := lister{by: map[string]string{}}
	err := l.add(v)
	return l.list, err
}

type lister struct {
	list []event.Artifact
	by   map[string]string // path to sha256
}

func (l *lister) add(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, x := range v {
			if err := l.add(x); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		return l.file(v)
	default:
		return errors.New("it must be a list of files, as steps.x.artifacts")
	}
}

func (l *lister) file(m map[string]any) error {
	p, isText := m["path"].(string)
	sum, _ := m["sha256"].(string)
	if !isText || !isSum(sum) {
		return errors.New("it must be a list of files, each with path and sha256, as steps.x.artifacts")
	}
	if !fs.ValidPath(p) || p == "." || !filepath.IsLocal(filepath.FromSlash(p)) {
		return fmt.Errorf("%q is no path below the step's folder", p)
	}
	switch before, twice := l.by[p]; {
	case twice && before != sum:
		return fmt.Errorf("%s is there twice, with other content: give one another path, as map(steps.x.artifacts, {path: \"x/\" + it.path, sha256: it.sha256})", p)
	case twice:
		return nil
	}
	l.by[p] = sum
	a := event.Artifact{Path: p, SHA256: sum}
	a.Executable, _ = m["executable"].(bool)
	l.list = append(l.list, a)
	return nil
}

// isSum says whether s is a checksum: part of a name in the store.
func isSum(s string) bool {
	return len(s) == hex.EncodedLen(sha256.Size) && strings.Trim(s, "0123456789abcdef") == ""
}

// within is r until ctx is done.
func within(ctx context.Context, r io.Reader) io.Reader { return &bounded{ctx, r} }

type bounded struct {
	ctx context.Context
	in  io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.in.Read(p)
}

// checked is r, which has an error of that text at its end if that checksum is not its own.
func checked(r io.Reader, sum, wrong string) io.Reader { return &checker{r, sha256.New(), sum, wrong} }

type checker struct {
	in         io.Reader
	hash       hash.Hash
	sum, wrong string
}

func (c *checker) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.hash.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(c.hash.Sum(nil)) != c.sum {
		err = errors.New(c.wrong)
	}
	return n, err
}
