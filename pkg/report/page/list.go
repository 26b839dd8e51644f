package page

import (
	"bytes"
	_ "embed" // its script
	"io"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/report/plain"
)

//go:embed list.js
var listScript string

// Entry is a run in a list.
type Entry struct {
	ID, State      string
	File, Workflow string
	Began          time.Time // zero: it is not known
	Took           time.Duration
	Problem        string // why it cannot be read
}

// entry is an Entry as text.
type entry struct {
	ID, State, Glyph     string
	File, Workflow       string
	Began, Took, Problem string
}

// Rows are the rows of a list.
func Rows(list []Entry) string {
	var rows []entry
	for _, e := range list {
		x := entry{ID: e.ID, State: e.State, Glyph: glyph(e.State), File: plain.Line(e.File), Workflow: plain.Line(e.Workflow), Problem: plain.Line(e.Problem)}
		if !e.Began.IsZero() {
			x.Began, x.Took = e.Began.Local().Format("2006-01-02 15:04:05"), plain.Duration(e.Took)
		}
		rows = append(rows, x)
	}
	var b bytes.Buffer
	if err := parts().ExecuteTemplate(&b, "rows", rows); err != nil {
		panic("page: " + err.Error())
	}
	return b.String()
}

// List writes the page of the runs that those rows are of.
func List(w io.Writer, rows string) error {
	var b strings.Builder
	if err := parts().ExecuteTemplate(&b, "list", nil); err != nil {
		return err
	}
	before, after, _ := strings.Cut(b.String(), "ROWS")
	return shell{title: "flowrun", body: before + rows + after, script: listScript, styles: []string{style}, policy: "; connect-src 'self'"}.write(w)
}
