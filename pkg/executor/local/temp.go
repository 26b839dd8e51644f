package local

import (
	"os"
	"sync"
)

// temp is the folder for files of a run. A run that needs none makes none.
type temp struct {
	once sync.Once
	dir  string
	err  error
}

func (t *temp) path() (string, error) {
	t.once.Do(func() { t.dir, t.err = os.MkdirTemp("", "flowrun-") }) // for its owner only
	return t.dir, t.err
}

// remove removes it. Nobody may ask for it any more.
func (t *temp) remove() {
	if t.dir != "" {
		_ = os.RemoveAll(t.dir)
	}
}
