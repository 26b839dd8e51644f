package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strconv"
)

// The files of a run's folder.
const (
	journalName  = "journal.ndjson"
	workflowName = "workflow.yaml"
	inputsName   = "inputs.json"
	resultName   = "result.json"
	processName  = "process.json"
	filesName    = "files"
	earlierName  = "earlier"
	logsName     = "logs"
)

// Of is the path of the folder of the run of that id below the state's folder.
func Of(state, id string) string { return filepath.Join(state, "runs", id) }

// Logs is the folder of what the steps of the run have printed: STEP/N.stdout and STEP/N.stderr.
func (r *Run) Logs() string { return filepath.Join(r.Folder, logsName) }

// logs names the files for the output of attempts. It is for one goroutine.
type logs struct {
	folder   string
	attempts map[string]int // so far, by the path of the step
	// taken: there may be logs of attempts that the journal does not know, which have begun before the power was lost.
	taken bool
}

func logsIn(folder string) logs { return logs{folder: folder, attempts: map[string]int{}} }

// Log is where the next attempt of a step keeps its output: LOG.stdout and LOG.stderr. Attempts are counted over the
// whole run, so that those of a block that is tried again have files of their own.
func (l *logs) Log(step string) string {
	for {
		l.attempts[step]++
		log := filepath.Join(l.folder, logsName, fileName(step), strconv.Itoa(l.attempts[step]))
		if !l.taken || !exists(log+".stdout") && !exists(log+".stderr") {
			return log
		}
	}
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
