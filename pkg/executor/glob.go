package executor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// maxMatches bounds what one pattern finds.
const maxMatches = 1_000_000

// Glob is the function glob of expressions in p: it finds files, and changes nothing.
func Glob(p *plan.Plan) func(pattern string) (any, error) { return globber(p.Main.Dir) }

// globber makes the function glob of one run: paths below dir that match a pattern, sorted, with slashes.
// A pattern is looked at once; whoever asks again gets the same answer.
func globber(dir string) func(pattern string) (any, error) {
	var lock sync.Mutex
	known := map[string][]any{}
	return func(pattern string) (any, error) {
		lock.Lock()
		defer lock.Unlock()
		if list, ok := known[pattern]; ok {
			return list, nil
		}
		list, err := glob(dir, pattern)
		if err == nil {
			known[pattern] = list
		}
		return list, err
	}
}

// glob finds the paths below dir that match pattern: *, ?, [a-z] within one name, ** for any number of folders.
// As in a shell, a name that begins with a dot is found only by a pattern that begins with one there, and ** does
// not follow symbolic links. The folder is never left.
func glob(dir, pattern string) ([]any, error) {
	if pattern == "" {
		return nil, errors.New("the pattern is empty")
	}
	segments := strings.Split(path.Clean(pattern), "/")
	segments = slices.CompactFunc(segments, func(a, b string) bool { return a == "**" && b == "**" })
	for _, s := range segments {
		if _, err := path.Match(s, ""); err != nil {
			return nil, fmt.Errorf("%q is not a pattern", pattern)
		}
	}
	if path.IsAbs(pattern) || segments[0] == ".." {
		return nil, fmt.Errorf("%q leaves the folder of the workflow", pattern)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	m := matcher{fsys: root.FS(), found: map[string]bool{}}
	if err := m.walk(".", segments); err != nil {
		return nil, err
	}
	list := make([]any, 0, len(m.found))
	for p := range m.found {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
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
