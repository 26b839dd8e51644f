package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// tally counts problems.
type tally struct{ errors, warnings int }

func tallyOf(list diag.List) tally {
	errors, warnings := list.Count()
	return tally{errors, warnings}
}

// of is the number of those like d.
func (t *tally) of(d diag.Diagnostic) *int {
	if d.Warning {
		return &t.warnings
	}
	return &t.errors
}

// String is "2 errors, 1 warning".
func (t tally) String() string {
	var parts []string
	if t.errors > 0 {
		parts = append(parts, count(t.errors, "error"))
	}
	if t.warnings > 0 {
		parts = append(parts, count(t.warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}

// problems shows what is wrong in files: each, until there are too many of them. Warnings take no room from errors.
func (s *session) problems(list diag.List) {
	for _, d := range list {
		if *s.shown.of(d) == problems.MaxShown {
			*s.hidden.of(d)++
			continue
		}
		if s.shown != (tally{}) {
			io.WriteString(s.Stderr, "\n")
		}
		*s.shown.of(d)++
		io.WriteString(s.Stderr, problems.Text(d, &s.sources, s.color))
	}
}

// uncovered says how many problems were not shown.
func (s *session) uncovered() {
	if s.hidden.errors > 0 {
		fmt.Fprintf(s.Stderr, "\n... and %d more\n", s.hidden.errors)
	}
	if s.hidden.warnings > 0 {
		fmt.Fprintf(s.Stderr, "\n... and %s\n", count(s.hidden.warnings, "more warning"))
	}
}

// maxHints is how many warnings a run shows before it starts.
const maxHints = 3

// hints shows the first warnings, a line each, to somebody who runs the file.
func (s *session) hints(path string, warnings diag.List) {
	problems.Lines(s.Stderr, warnings[:min(len(warnings), maxHints)])
	more := len(warnings) - maxHints
	switch {
	case more <= 0:
	case path == "-":
		fmt.Fprintf(s.Stderr, "... and %s\n", count(more, "more warning"))
	default:
		io.WriteString(s.Stderr, plain.Inert(fmt.Sprintf("... and %s: flowrun validate %s\n", count(more, "more warning"), quote(path))))
	}
}

// strict makes errors of the warnings in a list that came as an error, or of those that came without one.
func strict(err error, warnings diag.List) error {
	list := warnings
	if err != nil && !errors.As(err, &list) {
		return err
	}
	out := make(diag.List, len(list))
	for i, d := range list {
		d.Warning = false
		out[i] = d
	}
	return out.Err()
}
