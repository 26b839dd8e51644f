package temporal

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"

	"github.com/flowrun/flowrun/pkg/executor"
)

// TestStartLost: a run of which the start was not answered has begun if the server knows it, and has not if it does not; and if the
// server does not say, that is not known.
func TestStartLost(t *testing.T) {
	away := serviceerror.NewUnavailable("connection refused")
	none := serviceerror.NewNotFound("no such workflow")
	for _, c := range []struct {
		name        string
		start, look error
		want        string
		unsure      bool
	}{
		{"it begins", nil, away, "", false},
		{"it is refused", serviceerror.NewPermissionDenied("not you", ""), away, "not you", false},
		{"lost, and it has begun", away, nil, "", false},
		{"lost, and it has not", away, none, "connection refused", false},
		{"lost, and the server is away", away, away, "connection refused", true},
		{"late", context.DeadlineExceeded, serviceerror.NewDeadlineExceeded("late"), "context deadline exceeded", true},
		{"lost on the way", errors.New("EOF"), away, "EOF", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var server mocks.Client
			server.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, c.start)
			server.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, mock.Anything).
				Return((*workflowservice.DescribeWorkflowExecutionResponse)(nil), c.look)
			err := (&Remote{Client: &server}).Start(t.Context(), executor.Spec{Run: "run", Files: []executor.SpecFile{{Name: "x.yaml"}}})
			got := ""
			if err != nil {
				got = err.Error()
			}
			var left *executor.LeftError
			if unsure := errors.As(err, &left) && left.Unsure; got != c.want || unsure != c.unsure {
				t.Errorf("%q, unsure %v; want %q, %v", got, unsure, c.want, c.unsure)
			}
		})
	}
}
