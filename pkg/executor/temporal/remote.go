package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

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
	return r.explain(err)
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

// Follow implements executor.Remote.
func (r *Remote) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	part, err := r.first(ctx, run)
	if err != nil {
		return err
	}
	f := follower{Remote: r, run: run, after: after, tell: tell}
	for part != "" {
		if part, err = f.follow(ctx, part); err != nil {
			return err
		}
	}
	if !f.ended {
		return errors.New("the run has ended in Temporal without telling how")
	}
	return nil
}

// first is the id of the first of the workflows of a run.
func (r *Remote) first(ctx context.Context, run string) (string, error) {
	d, err := r.Client.DescribeWorkflowExecution(ctx, run, "")
	if err != nil {
		return "", r.known(err)
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetType().GetName() != workflowType {
		return "", executor.ErrNoRun
	}
	if id := info.GetFirstRunId(); id != "" {
		return id, nil
	}
	return info.GetExecution().GetRunId(), nil
}

// follower follows the workflows of a run, one after the other.
type follower struct {
	*Remote
	run     string
	after   int64
	tell    func(event.Event)
	ended   bool
	begun   bool // an answer was there
	noticed string
}

// How long an answer is waited for, and how often is asked: soon after something has happened, then less often.
const (
	answering        = 10 * time.Second
	soonest, longest = 50 * time.Millisecond, time.Second
)

// follow tells all events of one workflow, and gives the id of the next; "": it is the last.
func (f *follower) follow(ctx context.Context, part string) (next string, err error) {
	var offset int64
	var line []byte // that was cut
	pause := soonest
	for {
		p, err := f.ask(ctx, part, offset)
		if err != nil {
			return "", err
		}
		offset += int64(len(p.Lines))
		line = append(line, p.Lines...)
		for {
			first, rest, whole := bytes.Cut(line, []byte("\n"))
			if !whole {
				break
			}
			if err := f.told(first); err != nil {
				return "", err
			}
			line = rest
		}
		if offset < p.Size {
			continue
		}
		if p.Done {
			break
		}
		if len(p.Lines) > 0 {
			pause = soonest
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
		pause = min(pause*3/2, longest)
	}
	if f.ended {
		return "", nil
	}
	return f.next(ctx, part)
}

func (f *follower) told(line []byte) error {
	events, err := kernel.ReadEvents(line, stillSealed)
	if err != nil {
		return fmt.Errorf("an event of the run cannot be read: %w", err)
	}
	for _, e := range events {
		f.ended = e.Type == event.RunEnd
		if e.Seq > f.after {
			f.tell(e)
		}
	}
	return nil
}

// ask asks a workflow for its events, until it answers.
func (f *follower) ask(ctx context.Context, part string, offset int64) (page, error) {
	for {
		var p page
		within, cancel := context.WithTimeout(ctx, answering)
		answer, err := f.Client.QueryWorkflow(within, f.run, part, queryEvents, offset)
		cancel()
		if err == nil {
			f.begun = true
			return p, answer.Get(&p)
		}
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if err := f.refused(ctx, part, err); err != nil {
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-time.After(longest):
		}
	}
}

// refused says what it means that a workflow does not answer; nil: it may yet.
func (f *follower) refused(ctx context.Context, part string, err error) error {
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return executor.ErrNoRun
	}
	d, problem := f.Client.DescribeWorkflowExecution(ctx, f.run, part)
	if problem != nil {
		f.notice("the server does not answer: " + problem.Error())
		return nil
	}
	status := d.GetWorkflowExecutionInfo().GetStatus()
	// So the SDK answers for a workflow that has failed before it could tell anything, as one that does not compile.
	const mute = "unknown queryType"
	switch {
	case status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, status == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
		status == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED && strings.Contains(err.Error(), mute):
		why, problem := f.lastWords(ctx, part)
		if problem == nil {
			return errors.New("the run was ended by Temporal: " + why)
		}
	}
	workers, problem := f.Client.DescribeTaskQueue(ctx, f.queueOf(d), enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if problem == nil && len(workers.GetPollers()) == 0 {
		f.notice(fmt.Sprintf("no worker is there for the queue %q: start one with flowrun worker --queue %s", f.queueOf(d), f.queueOf(d)))
	} else if why := f.stuck(ctx, part, d); why != "" {
		f.notice("the workers cannot go on with the run, and try again: " + why)
	} else if f.begun {
		f.notice("the workers do not answer: " + err.Error())
	}
	return nil
}

// stuck is why workers have failed at what is to be decided next in a workflow; "": they have not. They try until one can: it
// may lack a key, or be of another version than the others.
func (f *follower) stuck(ctx context.Context, part string, d *workflowservice.DescribeWorkflowExecutionResponse) string {
	if d.GetPendingWorkflowTask().GetAttempt() < 2 {
		return ""
	}
	latest, err := f.Client.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: f.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: f.run, RunId: part}, MaximumPageSize: 1,
	})
	if err != nil {
		return ""
	}
	for _, e := range latest.GetHistory().GetEvents() {
		if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			return fmt.Sprintf("%s (%s)", f.message(failed.GetFailure()), failed.GetIdentity())
		}
	}
	return ""
}

// message is the text of a failure, as far as there is a key for it.
func (f *follower) message(of *failurepb.Failure) string {
	converter.DecodeCommonFailureAttributes(f.Data, of)
	if of.GetMessage() == link.Encrypted {
		return "there are keys of several key files at work"
	}
	return of.GetMessage()
}

// queueOf is the queue of a workflow.
func (f *follower) queueOf(d *workflowservice.DescribeWorkflowExecutionResponse) string {
	if name := d.GetExecutionConfig().GetTaskQueue().GetName(); name != "" {
		return name
	}
	return f.Queue
}

// notice tells people something, once until it is something else.
func (f *follower) notice(text string) {
	if f.Notice != nil && text != f.noticed {
		f.Notice(text)
	}
	f.noticed = text
}

// last is the last event of the history of a workflow that has ended.
func (f *follower) last(ctx context.Context, part string) (*historypb.HistoryEvent, error) {
	history := f.Client.GetWorkflowHistory(ctx, f.run, part, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !history.HasNext() {
		return nil, executor.ErrNoRun
	}
	return history.Next()
}

// lastWords is why a workflow has ended that did not end by itself.
func (f *follower) lastWords(ctx context.Context, part string) (string, error) {
	e, err := f.last(ctx, part)
	if err != nil {
		return "", err
	}
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return "it was terminated: " + e.GetWorkflowExecutionTerminatedEventAttributes().GetReason(), nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return f.message(e.GetWorkflowExecutionFailedEventAttributes().GetFailure()), nil
	}
	return "it ran out of the time that Temporal gave it", nil
}

// next is the id of the workflow behind one that is over.
func (f *follower) next(ctx context.Context, part string) (string, error) {
	for {
		e, err := f.last(ctx, part)
		if err == nil {
			return e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(), nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		f.notice("the server does not answer: " + err.Error())
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(longest):
		}
	}
}
