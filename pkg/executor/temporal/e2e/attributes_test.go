//go:build e2e && linux

package e2e

import (
	"context"
	"fmt"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
)

// TestAttributes: runs are found by what they are called, how they ended and how many of their steps failed.
func TestAttributes(t *testing.T) {
	s := open(t)
	s.write("found.yaml", "flowrun: 1\nname: found\nsteps:\n  - gather: [{value: 1}, {run: 'exit 3'}, {run: 'exit 4'}]\n    return_exceptions: true\n")
	s.worker(nil)
	d := s.succeeds("found.yaml")
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	count := func(query string) int {
		answer, err := c.CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return int(answer.GetCount())
	}
	const all = "FlowrunWorkflow = 'found' AND FlowrunStatus = 'succeeded' AND FlowrunSteps = 3 AND FlowrunFailed = 2"
	s.until(patience, "run with these attributes", func() bool { return count(fmt.Sprintf("WorkflowId = '%s' AND %s", d.Run, all)) == 1 })
	if n := count("FlowrunStatus = 'failed'"); n != 0 {
		t.Errorf("%d runs that failed", n)
	}
}
