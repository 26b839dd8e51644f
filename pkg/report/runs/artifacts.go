package runs

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Artifact is a file that a step of a run has kept.
type Artifact struct {
	Step string // its path
	event.Artifact
}

// Artifacts are the files that steps of a run have kept, in the order of the file: those of the step of that path and of all in
// it, or "": of all steps. The paths are those of the steps that have begun. The error is ErrNoStep or a *journal.Problem.
func Artifacts(r *journal.Run, step string) (list []Artifact, paths []string, err error) {
	in, err := journal.Open(r.Folder)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	f := &follower{Logs: Logs{Step: step}, known: map[string]bool{}}
	ends := map[string]event.Event{} // of steps that are wanted, the last of each path
	for {
		e, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, f.paths, err
		}
		switch e.Type {
		case event.StepStart:
			f.begun(e)
		case event.StepEnd:
			if int(e.Step) < len(f.wanted) && f.wanted[e.Step] {
				ends[e.Path] = e
			}
		}
	}
	if step != "" && !f.known[step] {
		return nil, f.paths, ErrNoStep
	}
	byFile := func(a, b event.Event) int { return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Step, b.Step)) }
	for _, e := range slices.SortedFunc(maps.Values(ends), byFile) {
		for _, a := range e.Artifacts() {
			list = append(list, Artifact{e.Path, a})
		}
	}
	return list, f.paths, nil
}

// ArtifactTable is a line for each file, under a line of titles.
func ArtifactTable(list []Artifact) string {
	rows := [][]string{{"STEP", "SIZE", "PATH"}}
	for _, a := range list {
		rows = append(rows, []string{cmp.Or(a.Step, "the workflow"), plain.Size(a.Size), a.Path})
	}
	return columns(rows)
}

// Total says how many files these are, and how large.
func Total(list []Artifact) string {
	var bytes int64
	for _, a := range list {
		bytes += a.Size
	}
	if len(list) == 1 {
		return "1 file, " + plain.Size(bytes)
	}
	return fmt.Sprintf("%d files, %s", len(list), plain.Size(bytes))
}
