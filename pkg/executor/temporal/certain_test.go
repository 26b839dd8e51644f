package temporal

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"

	"github.com/flowrun/flowrun/pkg/steps"
)

// TestCertain: who asks for the events of a run gets what its log then has, or no answer, however far its history is: also when
// something has happened that no workflow task has brought to the workflow. A worker that does not have the run goes beyond its last
// task there, and what comes of that is not what will be.
func TestCertain(t *testing.T) {
	a := asker(t)
	refused := 0
	for _, name := range []string{"lost.json", "service.json", "steps.json"} {
		all := readHistory(t, filepath.Join("testdata/histories", name)).GetEvents()
		whole, err := a.ask(t, all)
		if err != nil || !whole.Done {
			t.Fatalf("%s: of all of it: done %v, %v", name, whole.Done, err)
		}
		for n := range all {
			if n < 4 || ofTask(all[n]) {
				continue // no server has such a history, or the workflow has not begun
			}
			p, err := a.ask(t, all[:n])
			switch last := all[n-1].GetEventType(); {
			case err != nil && ofTask(all[n-1]):
				t.Errorf("%s, up to event %d, %s: no answer: %v", name, n, last, err)
			case err != nil:
				refused++
			case !bytes.HasPrefix(whole.Lines, p.Lines) || p.Done && p.Size < whole.Size:
				t.Errorf("%s, up to event %d, %s: %d bytes, done %v: not what the run tells", name, n, last, len(p.Lines), p.Done)
			}
		}
	}
	if refused == 0 {
		t.Error("there was always an answer")
	}
}

// ofTask says that an event comes along with the end of a workflow task.
func ofTask(e *historypb.HistoryEvent) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
		enumspb.EVENT_TYPE_TIMER_FIRED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return false
	}
	return true
}

// questions is a server that has nothing but questions for a worker.
type questions struct {
	workflowservice.UnimplementedWorkflowServiceServer
	asked    chan *workflowservice.PollWorkflowTaskQueueResponse
	answered chan *workflowservice.RespondQueryTaskCompletedRequest
	count    int
}

// asker is such a server, with a worker.
func asker(t *testing.T) *questions {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q := &questions{
		asked: make(chan *workflowservice.PollWorkflowTaskQueueResponse), answered: make(chan *workflowservice.RespondQueryTaskCompletedRequest),
	}
	g := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(g, q)
	done := make(chan error)
	go func() { done <- g.Serve(l) }()
	t.Cleanup(func() {
		g.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c, err := client.Dial(client.Options{HostPort: l.Addr().String(), Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "q", worker.Options{LocalActivityWorkerOnly: true, DeadlockDetectionTimeout: time.Hour})
	register(w, &program{kinds: steps.Builtin(), drain: drain}, testHand(t))
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return q
}

func (*questions) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (*questions) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func (q *questions) PollWorkflowTaskQueue(ctx context.Context, _ *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	select {
	case r := <-q.asked:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *questions) RespondQueryTaskCompleted(ctx context.Context, r *workflowservice.RespondQueryTaskCompletedRequest) (*workflowservice.RespondQueryTaskCompletedResponse, error) {
	select {
	case q.answered <- r:
	case <-ctx.Done():
	}
	return &workflowservice.RespondQueryTaskCompletedResponse{}, nil
}

// ask asks for the events of a run of which the worker has never heard, and which has come so far.
func (q *questions) ask(t *testing.T, events []*historypb.HistoryEvent) (p page, err error) {
	t.Helper()
	data := converter.GetDefaultDataConverter()
	args, err := data.ToPayloads(int64(0))
	if err != nil {
		t.Fatal(err)
	}
	q.count++
	task := &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken: []byte("t"), Attempt: 1, WorkflowType: &commonpb.WorkflowType{Name: workflowType},
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "run", RunId: fmt.Sprint(q.count)},
		History:           &historypb.History{Events: events}, Query: &querypb.WorkflowQuery{QueryType: queryEvents, QueryArgs: args},
	}
	for _, e := range events {
		if id := e.GetWorkflowTaskCompletedEventAttributes().GetStartedEventId(); id > 0 {
			task.PreviousStartedEventId = id
		}
	}
	q.asked <- task
	r := <-q.answered
	if r.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_ANSWERED {
		return p, fmt.Errorf("%s", r.GetErrorMessage())
	}
	if err := data.FromPayloads(r.GetQueryResult(), &p); err != nil {
		t.Fatal(err)
	}
	return p, nil
}
