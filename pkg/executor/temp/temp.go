// Package temp is where files stand for as long as something runs.
package temp

import (
	"os"
	"sync"
)

// Folder is a temporary folder for its owner only. Who needs none makes none, and one whose steps tidy up all temporary files
// makes another: under the old name there could be somebody else's. The zero Folder is ready for use, by several goroutines.
type Folder struct {
	mu  sync.Mutex
	dir string // "": not made yet
}

// Path makes the folder, if it is not there.
func (f *Folder) Path() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dir != "" {
		if _, err := os.Lstat(f.dir); err == nil {
			return f.dir, nil
		}
	}
	dir, err := os.MkdirTemp("", "flowrun-")
	if err == nil {
		f.dir = dir
	}
	return dir, err
}

// Remove removes it, with all that is in it. Nobody may ask for it any more.
func (f *Folder) Remove() {
	if f.dir != "" {
		_ = os.RemoveAll(f.dir)
	}
}
