//go:build e2e && linux

package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
)

var update = flag.Bool("update", false, "record the histories of pkg/executor/temporal/testdata anew: with a new version of the workflow only")

// TestHistories runs the workflows whose histories are kept, and with -update keeps these. TestReplay in pkg/executor/temporal holds
// the workflow to them.
func TestHistories(t *testing.T) {
	files, err := filepath.Glob("../testdata/histories/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	s := open(t)
	s.worker(nil)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			s := s.in(t)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.write(filepath.Base(file), string(text))
			d := s.succeeds(filepath.Base(file))
			if *update {
				keepHistory(t, s, d.Run, strings.TrimSuffix(file, ".yaml")+".json")
			}
		})
	}
}

// identity is who did something, on which machine.
var identity = regexp.MustCompile(`("identity": ?)"[^"]*"`)

func keepHistory(t *testing.T, s *site, run, path string) {
	t.Helper()
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var history historypb.History
	events := c.GetWorkflowHistory(context.Background(), run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, e)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(&history)
	if err != nil {
		t.Fatal(err)
	}
	text = append(identity.ReplaceAll(text, []byte(`$1"worker"`)), '\n')
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
