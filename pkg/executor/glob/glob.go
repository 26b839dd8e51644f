// Package glob finds files by patterns, for the function glob of expressions and for the files that a step keeps.
package glob

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxMatches bounds what one pattern finds.
const maxMatches = 1_000_000

// Check says what is wrong with a pattern.
func Check(pattern string) error {
	_, err := segments(pattern)
	return err
}

// Find finds the paths in fsys that match pattern, sorted, with slashes: *, ?, [a-z] within one name, ** for any number of
// folders. As in a shell, a name that begins with a dot is found only by a pattern that begins with one there, and ** does
// not follow symbolic links. The folder is never left, if that of fsys is not (os.Root).
func Find(fsys fs.FS, pattern string) ([]string, error) {
	list, err := segments(pattern)
	if err != nil {
		return nil, err
	}
	m := matcher{fsys: fsys, found: map[string]bool{}}
	if err := m.walk(".", list); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(m.found)), nil
}

// segments are the parts of a pattern between its slashes.
func segments(pattern string) ([]string, error) {
	if pattern == "" {
		return nil, errors.New("the pattern is empty")
	}
	list := strings.Split(path.Clean(pattern), "/")
	list = slices.CompactFunc(list, func(a, b string) bool { return a == "**" && b == "**" })
	for _, s := range list {
		if _, err := path.Match(s, ""); err != nil {
			return nil, fmt.Errorf("%q is not a pattern", pattern)
		}
	}
	if path.IsAbs(pattern) || list[0] == ".." {
		return nil, fmt.Errorf("%q leaves the folder", pattern)
	}
	return list, nil
}

type matcher struct {
	fsys  fs.FS
	found map[string]bool
}

// walk looks for what matches segments in the folder at.
func (m *matcher) walk(at string, segments []string) error {
	first, rest := segments[0], segments[1:]
	if first == "**" {
		if len(rest) == 0 {
			rest = []string{"*"}
		}
		if err := m.walk(at, rest); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(m.fsys, at)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(at, e.Name())
		hidden := strings.HasPrefix(e.Name(), ".")
		if first == "**" {
			if e.IsDir() && !hidden {
				if err := m.walk(name, segments); err != nil {
					return err
				}
			}
			continue
		}
		if ok, _ := path.Match(first, e.Name()); !ok || hidden && !strings.HasPrefix(first, ".") {
			continue
		}
		if len(rest) > 0 {
			if m.isDir(name, e) {
				if err := m.walk(name, rest); err != nil {
					return err
				}
			}
			continue
		}
		if m.found[name] = true; len(m.found) > maxMatches {
			return fmt.Errorf("more than %d paths match", maxMatches)
		}
	}
	return nil
}

// isDir follows a symbolic link, unless it leads out of the folder.
func (m *matcher) isDir(name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := fs.Stat(m.fsys, name)
	return err == nil && info.IsDir()
}
