package executor

import (
	"os"
	"sync"

	"github.com/flowrun/flowrun/pkg/executor/glob"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

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
		list, err := find(dir, pattern)
		if err == nil {
			known[pattern] = list
		}
		return list, err
	}
}

// find is what matches pattern below dir.
func find(dir, pattern string) ([]any, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	paths, err := glob.Find(root.FS(), pattern)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(paths))
	for i, p := range paths {
		list[i] = p
	}
	return list, nil
}
