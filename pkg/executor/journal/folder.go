// Package journal keeps what a run leaves on disk: its folder.
//
//	STATE/runs/RUN/                       mode 0700, files 0600
//	    logs/STEP/N.stdout, N.stderr      all that the Nth attempt of a step wrote, secrets masked
//
// Nothing is made before there is something to keep, and nothing is removed.
package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strconv"
)

// Folder is the folder of one run. It is for one goroutine.
type Folder struct {
	path     string
	attempts map[string]int // so far, by the path of the step
}

// NewFolder is the folder at path. It need not exist.
func NewFolder(path string) *Folder { return &Folder{path: path, attempts: map[string]int{}} }

// Of is the path of the folder of the run of that id below the state's folder.
func Of(state, id string) string { return filepath.Join(state, "runs", id) }

// Log is where the next attempt of a step keeps its output: LOG.stdout and LOG.stderr. Attempts are counted over the
// whole run, so that those of a block that is tried again have files of their own.
func (f *Folder) Log(step string) string {
	f.attempts[step]++
	return filepath.Join(f.path, "logs", fileName(step), strconv.Itoa(f.attempts[step]))
}

// longest is the longest path of a step that is a file's name as it is; file systems have 255 bytes.
const longest = 200

// fileName is the path of a step as the name of a folder. Paths are made of ids, dots and brackets.
func fileName(step string) string {
	if len(step) <= longest {
		return step
	}
	sum := sha256.Sum256([]byte(step))
	return step[:longest] + "~" + hex.EncodeToString(sum[:8])
}
