package temporal

import (
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/steps"
)

// TestReplay: workflows that were begun by an earlier flowrun go on with this one. Each of these histories is one of a workflow of
// that version; if one of them cannot be gone through any more, runs that are under way would hang, and the workflow needs a new
// version. TestHistories in e2e/ has made them.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			r := worker.NewWorkflowReplayer()
			p := &program{kinds: steps.Builtin(), drain: drain}
			r.RegisterWorkflowWithOptions(p.workflow, workflow.RegisterOptions{Name: workflowType})
			if err := r.ReplayWorkflowHistoryFromJSONFile(quiet{}, file); err != nil {
				t.Error(err)
			}
		})
	}
}
