package temporal

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// program is flowrun as workers have it.
type program struct {
	kinds []*kind.Kind
	drain time.Duration // turn.drain
}

// workflow is the Temporal workflow of type workflowType: one run, or a part of one.
func (x *program) workflow(ctx workflow.Context, o order) (ending, error) {
	d, err := x.driver(ctx, o)
	if err != nil {
		return ending{}, temporal.NewNonRetryableApplicationError(err.Error(), "InvalidWorkflow", nil)
	}
	if err := workflow.SetQueryHandler(ctx, queryEvents, func(offset int64) (page, error) {
		if d.ahead {
			return page{}, errAhead
		}
		return d.log.page(offset), nil
	}); err != nil {
		return ending{}, err
	}
	if err := workflow.SetQueryHandler(ctx, queryKilled, func(leaf int32) (bool, error) { return d.killed[leaf], nil }); err != nil {
		return ending{}, err
	}
	out, left := d.run(ctx.Done())
	d.log.done = true
	if left != nil {
		o.Rest = left
		return ending{}, workflow.NewContinueAsNewError(ctx, workflowType, o)
	}
	if o.Indexed {
		if err := workflow.UpsertTypedSearchAttributes(d.ctx, d.marks(out.Status.String()).Updates()...); err != nil {
			return ending{}, err
		}
	}
	return d.ending(out)
}

// marks are what Temporal's own pages show of the run.
func (d *driver) marks(status string) link.Marks {
	return link.Marks{Workflow: d.plan.Name, Status: status, Steps: int(d.tally.Ended), Failed: int(d.tally.Failed)}
}

// errAhead is the answer of a worker that has gone beyond what is certain (driver.wait): it is to be asked again.
var errAhead = errors.New("the workflow is about to go on")

// driver makes the driver of o.
func (x *program) driver(ctx workflow.Context, o order) (*driver, error) {
	p, err := o.Spec.Plan(x.kinds)
	if err != nil {
		return nil, err
	}
	opt, err := o.Spec.Kernel(p)
	if err != nil {
		return nil, err
	}
	limitsToWorkers(p)
	d := &driver{plan: p, begin: workflow.Now(ctx), losses: map[int32]int{}, killed: map[int32]bool{}, common: commonOf(o.Spec, p)}
	d.turn.drain = x.drain
	d.ctx, _ = workflow.NewDisconnectedContext(ctx)
	if o.Rest == nil {
		opt.Start = d.begin
		d.k = kernel.New(p, opt, d)
		return d, nil
	}
	var r rest
	if err := unpack(o.Rest, &r); err != nil {
		return nil, fmt.Errorf("how far the run has come cannot be read: %w", err)
	}
	d.begin, d.waiting, d.probes, d.tally = r.Begun, r.Waiting, r.Probes, r.Tally
	d.log = eventLog{base: r.Size - int64(len(r.Log)), lines: r.Log}
	for _, l := range r.Losses {
		d.losses[l.Leaf] = l.Times
	}
	opt.Start = d.begin
	d.k, err = kernel.Restore(p, opt, d, r.Snapshot)
	return d, err
}

// ending is the result of a Temporal workflow, for those who look at it there. All that a run comes to is in its events.
type ending struct {
	Status string `json:"status"`
	Value  any    `json:"value,omitempty"`
}

// ending is how the workflow ends in the eyes of Temporal.
func (d *driver) ending(out event.Outcome) (ending, error) {
	switch out.Status {
	case event.Failed:
		const most = 2 << 10 // Temporal cuts it at 4 KB
		text := mask.Sealed().Text(out.Err.Message)
		if len(text) > most {
			text = text[:most] + "..."
		}
		return ending{}, temporal.NewNonRetryableApplicationError(text, out.Err.Type, nil)
	case event.Cancelled:
		return ending{}, temporal.NewCanceledError(out.Cause.String())
	}
	e := ending{Status: out.Status.String()}
	const most = 64 << 10
	if value, err := event.Marshal(out.Value); err == nil && len(value) <= most {
		e.Value = out.Value
	}
	return e, nil
}
