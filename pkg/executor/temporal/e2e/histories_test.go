//go:build e2e && linux

package e2e

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
)

var update = flag.Bool("update", false, "record the histories of pkg/executor/temporal/testdata anew: with a new version of the workflow only")

// TestHistories runs the workflows whose histories are kept, and with -update keeps these: a file for each of Temporal's workflows that
// a run took. TestReplay in pkg/executor/temporal holds the workflow to them.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("../testdata/histories/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	shared := open(t)
	shared.worker(nil)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			s := shared.in(t)
			var loses *process
			if name == "lost.yaml" {
				t.Parallel() // most of it is waiting for the server to miss a sign of life
				s = open(t)
				loses = s.worker(nil)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.write(name, string(text))
			r := s.begins(name)
			if loses != nil {
				s.waits(r, "step at work", func() bool { return s.exists("begun") })
				loses.kill(both)
				s.worker(nil)
			}
			c := r.ends()
			if c.code != 0 {
				t.Fatal(c)
			}
			if *update {
				keepHistories(t, s, s.decode(c).Run, strings.TrimSuffix(file, ".yaml"))
			}
		})
	}
}

// keepHistories keeps the histories of a run as NAME.json, NAME.2.json and so on. A large one is compressed.
func keepHistories(t *testing.T, s *site, run, name string) {
	t.Helper()
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(t.Context(), run, "")
	if err != nil {
		t.Fatal(err)
	}
	part := d.GetWorkflowExecutionInfo().GetFirstRunId()
	for n := 1; part != ""; n++ {
		path := name + ".json"
		if n > 1 {
			path = fmt.Sprintf("%s.%d.json", name, n)
		}
		part = keepHistory(t, c, run, part, path)
	}
}

// identity is who did something, on which machine.
var identity = regexp.MustCompile(`("identity": ?)"[^"]*"`)

// keepHistory keeps that of one workflow, and gives the one in which its run went on.
func keepHistory(t *testing.T, c client.Client, run, part, path string) (next string) {
	t.Helper()
	var history historypb.History
	events := c.GetWorkflowHistory(t.Context(), run, part, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, e)
		next = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(&history)
	if err != nil {
		t.Fatal(err)
	}
	text = append(identity.ReplaceAll(text, []byte(`$1"worker"`)), '\n')
	if len(text) > 1<<20 {
		var small bytes.Buffer
		w, _ := gzip.NewWriterLevel(&small, gzip.BestCompression)
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		path, text = path+".gz", small.Bytes()
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return next
}
