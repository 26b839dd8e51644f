package page

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// How many files are named: of all steps, and beside one that is chosen.
const (
	maxKept     = 200
	maxKeptStep = 20
)

// kept are the files that steps have kept.
type kept struct {
	Files []keptFile
	More  string // that there are others
	Get   string // the command that gets them
}

// keptFile is one of them.
type keptFile struct{ Path, Size, Step string }

func keptOf(r *model.Run) (k kept) {
	list := r.Artifacts()
	bytes := int64(0)
	for i, a := range list {
		if bytes += a.Size; i < maxKept {
			k.Files = append(k.Files, keptFile{plain.Line(a.Path), plain.Size(a.Size), plain.Line(a.Step.Label(r))})
		}
	}
	k.More = moreFiles(len(list)-maxKept, bytes)
	k.Get = "flowrun artifacts " + r.ID + " --to DIR"
	return k
}

// moreFiles says that there are n other files, of so many bytes with those that are named.
func moreFiles(n int, bytes int64) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("… and %d more, %s in all", n, plain.Size(bytes))
}

// fileLines are the files of a step, a line for each.
func fileLines(list []event.Artifact) (lines []string) {
	bytes := int64(0)
	for i, a := range list {
		if bytes += a.Size; i < maxKeptStep {
			lines = append(lines, fmt.Sprintf("%s (%s)", plain.Line(a.Path), plain.Size(a.Size)))
		}
	}
	if more := moreFiles(len(list)-maxKeptStep, bytes); more != "" {
		lines = append(lines, more)
	}
	return lines
}
