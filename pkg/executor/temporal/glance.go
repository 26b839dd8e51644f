package temporal

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// work has the events with which the attempts at work have begun, by path.
type work map[string]event.Event

func (w work) take(e event.Event) {
	switch e.Type {
	case event.StepStart:
		w[e.Path] = e
	case event.StepRetry, event.StepEnd:
		delete(w, e.Path)
	}
}

// glance is what the server says of a run by itself, without asking a worker: whether it goes on, and the signs of life of what is at
// work, which have what that has said by now.
type glance struct {
	at      time.Time // of the last look
	pending int       // is with workers, as far as is known
	over    bool      // it has ended in Temporal, if it has not told so
	seen    []sight
}

// sight is what an attempt has said by then.
type sight struct {
	begun event.Event
	at    time.Time
	said  []said
}

// rarely is how often a run is looked at that has nothing with workers, and each how much longer it takes for one that has: what many
// have said is large.
const (
	rarely = 10 * time.Second
	each   = 10 * time.Millisecond
)

// look looks at the run, now and then.
func (f *follower) look(ctx context.Context) {
	g := &f.glance
	every := rarely
	if g.pending > 0 {
		every = max(longest, time.Duration(g.pending)*each)
	}
	now := time.Now()
	if now.Sub(g.at) < every {
		return
	}
	g.at = now
	within, cancel := context.WithTimeout(ctx, answering)
	d, err := f.Client.DescribeWorkflowExecution(within, f.run, latest)
	cancel()
	if err != nil {
		return // who asks for events will see
	}
	*g = glance{at: now, pending: len(d.GetPendingActivities()), over: isOver(d)}
	for _, a := range d.GetPendingActivities() {
		if s, ok := f.sightOf(a); ok {
			g.seen = append(g.seen, s)
		}
	}
}

// isOver says that a run has ended in Temporal, whatever it has told.
func isOver(d *workflowservice.DescribeWorkflowExecutionResponse) bool {
	switch d.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return true
	}
	return false
}

// sightOf is what the last sign of life of an activity has, if it has anything of what is known to be at work.
func (f *follower) sightOf(a *workflowpb.PendingActivityInfo) (sight, bool) {
	var worker string
	var tail []byte
	var now soFar
	if f.Data.FromPayloads(a.GetHeartbeatDetails(), &worker, &tail) != nil || tail == nil || unpack(tail, &now) != nil {
		return sight{}, false // a worker of another version, or a stranger: all of it comes with the end
	}
	begun, ok := f.work[now.Step]
	return sight{begun: begun, at: a.GetLastHeartbeatTime().AsTime(), said: now.Said}, ok && begun.Attempt == now.Attempt
}

// tellSeen tells what was seen of what is at work still, once all that has happened until then was told. That had begun before the look:
// so it is the same that was seen, and not an attempt of that number in another round.
func (f *follower) tellSeen() {
	for _, s := range f.glance.seen {
		if now, ok := f.work[s.begun.Path]; !ok || now.Seq != s.begun.Seq {
			continue
		}
		at := map[string]int64{} // where in its stream
		for _, x := range s.said {
			e := event.Event{
				Time: s.at, Type: event.StepOutput, Path: s.begun.Path, Attempt: s.begun.Attempt, Where: s.begun.Where,
				Stream: x.Stream, Text: x.Text, Skipped: at[x.Stream] + x.Skipped,
			}
			at[x.Stream] = e.Skipped + int64(len(x.Text))
			f.tell(e)
		}
	}
	f.glance.seen = nil
}
