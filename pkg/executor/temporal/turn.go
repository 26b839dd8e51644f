package temporal

import (
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/executor/kernel"
)

// The history of a workflow has an end: 51,200 events, or 50 MB. Long before that the run goes on in another workflow, with a
// snapshot of its kernel (continue as new). Nothing can be with a worker then, so no more is given to workers until what they have
// has ended; but only for a while, for a service ends only when others have. A run that finds no turn is cancelled while there is
// room for its cleanups.
const (
	turnEvents, turnBytes = 8_000, 10 << 20
	moreEvents, moreBytes = 4_000, 5 << 20 // until it is tried again
	lastEvents, lastBytes = 48_000, 45 << 20
)

// drain is for how long nothing is given to workers.
const drain = time.Minute

// turn is how far the next workflow of a run is.
type turn struct {
	events, bytes int       // of the history, at which it is tried; 0: turnEvents, turnBytes
	never         bool      // what the next workflow had to know cannot be sent
	since         time.Time // nothing is given to workers; zero: it is
	drain         time.Duration
	over          bool // there was none, and the run is told to stop
}

// until is when workers are given something again, if the turn is not over by then.
func (t *turn) until() (time.Time, bool) { return t.since.Add(t.drain), !t.since.IsZero() }

// turning says that nothing may be given to workers.
func (d *driver) turning() bool {
	t := &d.turn
	info := workflow.GetInfo(d.ctx)
	events, bytes := info.GetCurrentHistoryLength(), info.GetCurrentHistorySize()
	if !t.over && (events >= lastEvents || bytes >= lastBytes) {
		t.over = true
		d.tell(kernel.Cancel, "the limit of Temporal's history: keep large values in files (artifacts), and let fewer steps outlast a minute")
	}
	if t.over || t.never || events < max(t.events, turnEvents) && bytes < max(t.bytes, turnBytes) {
		return false
	}
	now := workflow.Now(d.ctx)
	if t.since.IsZero() {
		t.since = now
	}
	if now.Sub(t.since) < t.drain {
		return true
	}
	*t = turn{events: events + moreEvents, bytes: bytes + moreBytes, drain: t.drain}
	return false
}

// pack is all that the next workflow has to know (rest, packed); nil: it is not time, or there is too much of it.
func (d *driver) pack() []byte {
	if len(d.work) > 0 {
		return nil
	}
	snapshot := d.k.Snapshot()
	if snapshot == nil {
		return nil
	}
	r := rest{Begun: d.begin, Snapshot: snapshot, Waiting: d.waiting, Probes: d.probes, Tally: d.tally, Log: d.log.tail(), Size: d.log.page(0).Size}
	for _, leaf := range slices.Sorted(maps.Keys(d.losses)) {
		r.Losses = append(r.Losses, loss{leaf, d.losses[leaf]})
	}
	all, err := packed(r)
	if err != nil || len(all) > maxPayload {
		d.turn = turn{never: true}
		return nil
	}
	return all
}
