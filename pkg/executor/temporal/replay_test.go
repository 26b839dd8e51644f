package temporal

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/steps"
)

// TestReplay: workflows that were begun by an earlier flowrun go on with this one. Each of these histories is one of a workflow of
// that version, also of one that went on in another (turn), and of one whose worker was lost; if one of them cannot be gone through any more, runs that are under way would hang, and the workflow needs a new
// version. TestHistories in e2e/ has made them.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if testing.Short() && strings.HasSuffix(file, ".gz") {
				t.Skip("it is large")
			}
			r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true}) // a loaded machine is slow
			if err != nil {
				t.Fatal(err)
			}
			p := &program{kinds: steps.Builtin(), drain: drain}
			r.RegisterWorkflowWithOptions(p.workflow, workflow.RegisterOptions{Name: workflowType})
			if err := r.ReplayWorkflowHistory(quiet{}, readHistory(t, file)); err != nil {
				t.Error(err)
			}
		})
	}
}

func readHistory(t *testing.T, path string) *historypb.History {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	h, err := client.HistoryFromJSON(in, client.HistoryJSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}
