package temporal

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

// Remote runs workflows on Temporal. It is an executor.Remote.
type Remote struct {
	Client client.Client
	Data   converter.DataConverter // the client's
	// Namespace is the client's.
	Namespace string
	Queue     string
	// Indexed: the namespace has flowrun's search attributes.
	Indexed bool
	// Explain makes a sentence of an error of the server; nil: it is one.
	Explain func(error) error
	// Notice tells people what they should know meanwhile, as that nobody works. It may be nil.
	Notice func(text string)
}

var _ executor.Remote = (*Remote)(nil)

// Start implements executor.Remote.
func (r *Remote) Start(ctx context.Context, s executor.Spec) error {
	o := order{Spec: s, Indexed: r.Indexed}
	size := 0
	for _, f := range s.Files {
		size += len(f.Text)
	}
	if size += len(s.Given); size > maxPayload {
		return fmt.Errorf("the workflow's files and inputs have %s, and Temporal takes no more than %s: split it by call, or keep large data in files", megabytes(size), megabytes(maxPayload))
	}
	opt := client.StartWorkflowOptions{
		ID: s.Run, TaskQueue: r.Queue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            s.Files[0].Name,
	}
	if r.Indexed {
		opt.TypedSearchAttributes = temporal.NewSearchAttributes(link.Marks{Workflow: s.Name, Status: "running"}.Updates()...)
	}
	_, err := r.Client.ExecuteWorkflow(ctx, opt, workflowType, o)
	var refused *serviceerror.InvalidArgument
	if r.Indexed && errors.As(err, &refused) { // the attributes were made just now, and not all of the server knows them
		r.Indexed = false
		return r.Start(ctx, s)
	}
	if err == nil || !lost(err) {
		return r.explain(err)
	}
	within, done := context.WithTimeout(context.WithoutCancel(ctx), answering) // ctx may be why it was lost
	defer done()
	switch _, problem := r.Client.DescribeWorkflowExecution(within, s.Run, ""); {
	case problem == nil:
		return nil
	case errors.Is(r.known(problem), executor.ErrNoRun):
		return r.explain(err)
	}
	return &executor.LeftError{Err: r.explain(err), Unsure: true}
}

// lost says that an error is not the server's answer: it may have done what it was told.
func lost(err error) bool {
	switch serviceerror.ToStatus(err).Code() {
	case codes.Canceled, codes.Unknown, codes.DeadlineExceeded, codes.Aborted, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	}
	return false
}

// explain is an error of the server as a sentence.
func (r *Remote) explain(err error) error {
	if err == nil || r.Explain == nil {
		return err
	}
	return r.Explain(err)
}

// Cancel implements executor.Remote.
func (r *Remote) Cancel(ctx context.Context, run string, why event.Cause, kill bool) error {
	return r.known(r.Client.SignalWorkflow(ctx, run, "", signalCancel, cancelNote{By: why.By, Kill: kill}))
}

// known tells that there is no run of an id from other errors.
func (r *Remote) known(err error) error {
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return executor.ErrNoRun
	}
	return r.explain(err)
}

// Spec implements executor.Remote.
func (r *Remote) Spec(ctx context.Context, run string) (executor.Spec, error) {
	// Every workflow of a run has all of it.
	history := r.Client.GetWorkflowHistory(ctx, run, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return executor.Spec{}, executor.ErrNoRun
	}
	first, err := history.Next()
	if err != nil {
		return executor.Spec{}, r.known(err)
	}
	begun := first.GetWorkflowExecutionStartedEventAttributes()
	if begun.GetWorkflowType().GetName() != workflowType {
		return executor.Spec{}, executor.ErrNoRun
	}
	var o order
	if err := r.Data.FromPayloads(begun.GetInput(), &o); err != nil {
		return executor.Spec{}, fmt.Errorf("what the run was started with cannot be read: %w", err)
	}
	return o.Spec, nil
}
