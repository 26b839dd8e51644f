package temporal

import (
	"bytes"
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
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

// Follow implements executor.Remote.
func (r *Remote) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	d, err := r.Client.DescribeWorkflowExecution(ctx, run, "")
	if err != nil {
		return r.known(err)
	}
	if d.GetWorkflowExecutionInfo().GetType().GetName() != workflowType {
		return executor.ErrNoRun
	}
	f := follower{Remote: r, run: run, after: after, tell: tell, work: work{}, glance: glance{at: time.Now(), pending: 1, over: isOver(d)}}
	f.lookForWorkers(ctx, d)
	return f.follow(ctx, latest)
}

// follower follows a run through its workflows. Each of them has the log of what was told from some place on: the newest is asked,
// and earlier ones only for what it does not have any more.
type follower struct {
	*Remote
	run     string
	after   int64
	tell    func(event.Event)
	offset  int64  // in the log of the run: all before it was told
	line    []byte // that was cut
	ended   bool
	begun   bool // an answer was there
	failed  int  // answers that did not come, one after the other
	noticed string
	work    work
	glance  glance
}

// latest is the workflow of a run that is under way, or was the last.
const latest = ""

// How long an answer is waited for, and how often is asked: soon at the begin, and after something has happened, then less often, for
// each answer is work for the server and a worker.
const (
	answering     = 5 * time.Second
	soonest, soon = 50 * time.Millisecond, 200 * time.Millisecond
	longest       = time.Second
	patient       = 2 // answers that do not come before people are told: workers may have much to do
)

// follow tells what a workflow has: of the latest to the end of the run, of an earlier one all.
func (f *follower) follow(ctx context.Context, part string) error {
	pause := soonest
	for {
		f.look(ctx)
		p, err := f.ask(ctx, part)
		switch {
		case err != nil:
			return err
		case f.offset < p.Base:
			if err := f.catchUp(ctx, p.Base); err != nil {
				return err
			}
			continue
		}
		if err := f.heard(p.Lines); err != nil {
			return err
		}
		switch {
		case f.ended, f.offset == p.Size && p.Done && part != latest:
			return nil
		case f.offset < p.Size:
			continue
		case len(p.Lines) > 0:
			pause = soon
		}
		f.tellSeen()
		if f.glance.over {
			if err := f.abandoned(ctx, latest); err != nil {
				return err
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*3/2, longest)
	}
}

// catchUp tells what the log has before that place.
func (f *follower) catchUp(ctx context.Context, to int64) error {
	d, err := f.Client.DescribeWorkflowExecution(ctx, f.run, latest)
	if err != nil {
		return f.known(err)
	}
	info := d.GetWorkflowExecutionInfo()
	part := info.GetFirstRunId()
	for part != "" && part != info.GetExecution().GetRunId() && f.offset < to {
		if err := f.follow(ctx, part); err != nil {
			return err
		}
		e, err := f.last(ctx, part)
		if err != nil {
			return f.known(err)
		}
		part = e.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	if f.offset < to {
		return errors.New("the begin of the run is not there any more: Temporal keeps what has ended for as long as the namespace says")
	}
	return nil
}

// heard tells the events of some lines.
func (f *follower) heard(lines []byte) error {
	f.offset += int64(len(lines))
	f.line = append(f.line, lines...)
	for {
		first, rest, whole := bytes.Cut(f.line, []byte("\n"))
		if !whole {
			return nil
		}
		if err := f.told(first); err != nil {
			return err
		}
		f.line = rest
	}
}

// abandoned is the error of a workflow that did not end by itself; nil: it is not known why.
func (f *follower) abandoned(ctx context.Context, part string) error {
	why, err := f.lastWords(ctx, part)
	if err != nil {
		return nil
	}
	return fmt.Errorf("%w: %s", executor.ErrOver, why)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (f *follower) told(line []byte) error {
	events, err := kernel.ReadEvents(line, stillSealed)
	if err != nil {
		return fmt.Errorf("an event of the run cannot be read: %w", err)
	}
	for _, e := range events {
		f.ended = e.Type == event.RunEnd
		f.work.take(e)
		f.glance.pending = max(f.glance.pending, 1) // there may be something
		if e.Seq > f.after {
			f.tell(e)
		}
	}
	return nil
}

// ask asks a workflow for its events, until it answers.
func (f *follower) ask(ctx context.Context, part string) (page, error) {
	for {
		var p page
		within, cancel := context.WithTimeout(ctx, answering)
		answer, err := f.Client.QueryWorkflow(within, f.run, part, queryEvents, f.offset)
		cancel()
		if err == nil {
			f.begun, f.failed = true, 0
			return p, answer.Get(&p)
		}
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if err := f.refused(ctx, part, err); err != nil {
			return p, err
		}
		if err := sleep(ctx, longest); err != nil {
			return p, err
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
	failed := d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	// So the SDK answers for a workflow that has failed before it could tell anything, as one that does not compile.
	const mute = "unknown queryType"
	if isOver(d) && (!failed || strings.Contains(err.Error(), mute)) {
		if err := f.abandoned(ctx, part); err != nil {
			return err
		}
	}
	f.failed++
	if !f.lookForWorkers(ctx, d) {
		return nil
	}
	if why := f.stuck(ctx, part, d); why != "" {
		f.notice("the workers cannot go on with the run, and try again: " + why)
	} else if f.begun && f.failed > patient {
		f.notice("the workers do not answer: one may have died, or they have much to do; the run goes on when one answers (" + err.Error() + ")")
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
		return "what they say is encrypted with a key that is not here (--key-file is the same for workers and those who start runs)"
	}
	return of.GetMessage()
}

// lookForWorkers tells people if there are none, and says whether there are.
func (f *follower) lookForWorkers(ctx context.Context, d *workflowservice.DescribeWorkflowExecutionResponse) bool {
	queue := f.queueOf(d)
	workers, err := f.Client.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil || len(workers.GetPollers()) > 0 {
		return true
	}
	f.notice(fmt.Sprintf("no worker is there for the queue %q: start one with flowrun worker --queue %s", queue, queue))
	return false
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
