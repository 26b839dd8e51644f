// Package runs shows past and present runs, as they stand in their folders (package journal):
//
//	Table, JSON      many runs, a line or an object each
//	Tell             one run from its begin, event by event, to any report
//	Logs             what the steps of a run printed, in the order in which they did
//
// A run may be going on, and may have ended in any way, also by a crash: then nothing is said that its journal does not say.
package runs

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Table is a line for each run, under a line of titles.
func Table(list []*journal.Run) string {
	rows := [][]string{{"RUN", "STATUS", "STARTED", "DURATION", "FILE", "WORKFLOW"}}
	for _, r := range list {
		row := []string{r.ID, r.Word(), "-", "-", "-", ""}
		if r.State != journal.Unknown {
			row[2], row[3] = started(r), plain.Duration(r.Took)
			row[4], row[5] = r.Header.File, r.Header.Workflow
		}
		rows = append(rows, row)
	}
	return columns(rows)
}

// Now is what a run does that is going on.
type Now struct {
	Steps []journal.Step // at work
	Left  time.Duration  // that it still takes
	Known bool           // that is known
}

// Busy is a line for each run, which is going on, with what it does, under a line of titles. One that is Detached has no process here.
func Busy(list []*journal.Run, now []Now) string {
	rows := [][]string{{"RUN", "PID", "STARTED", "DURATION", "LEFT", "FILE", "AT WORK"}}
	for i, r := range list {
		left := "-"
		if now[i].Known {
			left = "about " + plain.About(now[i].Left)
		}
		pid := "-"
		if r.State == journal.Live {
			pid = fmt.Sprint(r.Header.Process.PID)
		}
		rows = append(rows, []string{r.ID, pid, started(r), plain.Duration(r.Took), left, r.Header.File, Paths(now[i].Steps)})
	}
	return columns(rows)
}

func started(r *journal.Run) string { return r.Header.Start.Local().Format("2006-01-02 15:04:05") }

// columns sets rows below each other. No text of a run can begin a line or drive a terminal.
func columns(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = strings.ReplaceAll(strings.TrimSuffix(plain.Inert(row[i]), "\n"), "\n", " ")
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			line.WriteString(text + strings.Repeat(" ", width[i]-utf8.RuneCountInString(text)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// Paths are the steps that do something, with the first of them by name.
func Paths(steps []journal.Step) string {
	const most = 4
	var names []string
	for i, s := range steps {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(steps)-most))
			break
		}
		name := s.Path
		if name == "" {
			name = "the workflow"
		}
		if s.HeldBy != "" {
			name += " (waits for " + s.HeldBy + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// Version is the `flowrun` of the document.
const Version = 1

// JSON is a document with an object for each run. now is asked what those do that are going on.
func JSON(list []*journal.Run, now func(*journal.Run) Now) ([]byte, error) {
	o := event.NewObject(nil)
	o.Int("flowrun", Version)
	o.Key("runs")
	var problem error
	o.Raw(func(b []byte) []byte {
		b = append(b, '[')
		for i, r := range list {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = object(b, r, now); err != nil {
				problem = err
			}
		}
		return append(b, ']')
	})
	b, err := o.End()
	if err == nil {
		err = problem
	}
	return append(b, '\n'), err
}

// object appends one run. Keys are always there, or never for that status.
func object(b []byte, r *journal.Run, now func(*journal.Run) Now) ([]byte, error) {
	o := event.NewObject(b)
	o.Text("run", r.ID)
	o.Text("status", r.Word())
	o.Text("folder", r.Folder)
	if r.State == journal.Unknown {
		o.Text("problem", r.Problem.Error())
		return o.End()
	}
	o.Text("workflow", r.Header.Workflow)
	o.Text("file", r.Header.File)
	o.Text("begun_in", r.Header.Command.Folder)
	o.Time("started_at", r.Header.Start)
	o.Seconds("duration", r.Took)
	if r.State == journal.Live {
		o.Int("pid", int64(r.Header.Process.PID))
		if x := now(r); x.Known {
			o.Seconds("left", x.Left)
		} else {
			o.Value("left", nil)
		}
	}
	return o.End()
}
