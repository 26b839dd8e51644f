package local

import (
	"os"
	"sync"
)

// temp is the folder for files of a run. A run that needs none makes none, and one whose steps tidy up all temporary
// files makes another: under the old name there could be somebody else's.
type temp struct {
	mu  sync.Mutex
	dir string // "": not made yet
}

func (t *temp) path() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dir != "" {
		if _, err := os.Lstat(t.dir); err == nil {
			return t.dir, nil
		}
	}
	dir, err := os.MkdirTemp("", "flowrun-") // for its owner only
	if err == nil {
		t.dir = dir
	}
	return dir, err
}

// remove removes it. Nobody may ask for it any more.
func (t *temp) remove() {
	if t.dir != "" {
		_ = os.RemoveAll(t.dir)
	}
}
