package runs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/runs"
	"github.com/flowrun/flowrun/schema"
)

// list has a run in each state.
func list() []*journal.Run {
	h := journal.Header{
		Run: "01B", Workflow: "w\x1b[2J\n::error::x", File: "w.yaml", Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local),
		Process: journal.Process{PID: 77}, Command: journal.Command{Folder: "/here"},
	}
	return []*journal.Run{
		{ID: "01F", Folder: "/nowhere/01F", Problem: errors.New("no such file")},
		{ID: "01E", Folder: "/r/01E", Header: h, State: journal.Crashed, Took: 90 * time.Minute},
		{ID: "01D", Folder: "/r/01D", Header: h, State: journal.Live, Took: 61 * time.Second},
		{ID: "01C", Folder: "/r/01C", Header: h, State: journal.Ended, Status: event.Cancelled, Took: 1550 * time.Millisecond},
		{ID: "01B", Folder: "/r/01B", Header: h, State: journal.Ended, Status: event.Succeeded},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	got := runs.Table(list())
	const want = `
RUN  STATUS     STARTED              DURATION  FILE    WORKFLOW
01F  unknown    -                    -         -
01E  crashed    2026-01-02 03:04:05  1h30m     w.yaml  w : :error::x
01D  running    2026-01-02 03:04:05  1m1s      w.yaml  w : :error::x
01C  cancelled  2026-01-02 03:04:05  1.6s      w.yaml  w : :error::x
01B  succeeded  2026-01-02 03:04:05  0s        w.yaml  w : :error::x
`
	if "\n"+got != want {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	live := list()[2]
	got := runs.Busy([]*journal.Run{live, live}, []runs.Now{
		{Steps: []journal.Step{{Path: "a"}}}, {Steps: []journal.Step{{Path: "a"}, {Path: "b"}}, Left: 83 * time.Second, Known: true},
	})
	const want = `
RUN  PID  STARTED              DURATION  LEFT         FILE    AT WORK
01D  77   2026-01-02 03:04:05  1m1s      -            w.yaml  a
01D  77   2026-01-02 03:04:05  1m1s      about 1m20s  w.yaml  a, b
`
	if "\n"+got != want {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	steps := []journal.Step{{Path: ""}, {Path: "a"}, {Path: "b[1]"}, {Path: "c"}, {Path: "d"}, {Path: "e"}}
	if got := runs.Paths(steps); got != "the workflow, a, b[1], c, and 2 more" {
		t.Error(got)
	}
}

// TestJSON holds the document to its schema, and the schema to documents that are none.
func TestJSON(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	if err := c.AddResource("runs", bytes.NewReader(schema.Runs())); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("runs")
	if err != nil {
		t.Fatal(err)
	}
	b, err := runs.JSON(list(), func(*journal.Run) runs.Now { return runs.Now{Left: 2500 * time.Millisecond, Known: true} })
	if err != nil {
		t.Fatal(err)
	}
	fits := func(text string) error {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return s.Validate(v)
	}
	if err := fits(string(b)); err != nil {
		t.Errorf("%#v\n%s", err, b)
	}
	for _, x := range [][2]string{
		{`"pid":77`, `"pid":0`},
		{`,"pid":77`, ``},
		{`,"left":2.5`, ``},
		{`"left":2.5`, `"left":-1`},
		{`"status":"cancelled"`, `"status":"running"`},
		{`"problem":"no such file"`, `"file":"w.yaml"`},
		{`"status":"crashed"`, `"status":"dead"`},
		{`"flowrun":1`, `"flowrun":2`},
	} {
		if changed := strings.Replace(string(b), x[0], x[1], 1); changed == string(b) || fits(changed) == nil {
			t.Errorf("%s for %s is not refused", x[1], x[0])
		}
	}
}
