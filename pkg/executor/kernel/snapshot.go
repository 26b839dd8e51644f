package kernel

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// snapshotVersion changes with every change of the activations' fields, or of what they mean: a snapshot is read by
// the version that wrote it, and by no other.
const snapshotVersion = 3

// snapshot is everything of a run between two instants, when the queues are empty.
//
// It is written as codec says.
type snapshot struct {
	Version int
	Now     time.Duration
	Instant int64
	Seq     int64
	Acts    []activation
	Free    []id
	Timers  timers
	Sems    []semaphore
	FreeSem []int32
	Frames  frames
	Steps   int32
	Errors  int64
	Leaves  int32
	Done    bool
	Out     event.Outcome
	Locked  *event.Error
}

// Snapshot writes down the run. It is called between two Steps; nil when an instant is not over yet.
func (k *Kernel) Snapshot() []byte {
	if k.busy {
		return nil
	}
	s := snapshot{
		snapshotVersion, k.now, k.instant, k.seq, k.acts, k.free, k.timers, k.sems, k.freeSems, k.frames,
		k.steps, k.errors, k.leaves, k.done, k.out, k.locked,
	}
	c := codec{}
	c.number(k.plan)
	c.write(reflect.ValueOf(&s).Elem())
	return c.out
}

// Restore makes the run that Snapshot wrote, over the same plan and options.
func Restore(p *plan.Plan, opt Options, h Host, data []byte) (k *Kernel, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, fmt.Errorf("kernel: this is not a snapshot of this plan: %v", r)
		}
	}()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("kernel: not a snapshot: %w", err)
	}
	if v := tree.([]any)[0].(json.Number).String(); v != strconv.Itoa(snapshotVersion) {
		return nil, fmt.Errorf("kernel: a snapshot of version %s, want %d", v, snapshotVersion)
	}
	c := codec{}
	c.number(p)
	var s snapshot
	c.read(tree, reflect.ValueOf(&s).Elem())
	k = New(p, opt, h)
	k.now, k.instant, k.seq, k.acts, k.free = s.Now, s.Instant, s.Seq, s.Acts, s.Free
	k.timers, k.sems, k.freeSems, k.frames = s.Timers, s.Sems, s.FreeSem, s.Frames
	k.steps, k.errors, k.leaves, k.done, k.out, k.locked = s.Steps, s.Errors, s.Leaves, s.Done, s.Out, s.Locked
	for i := range k.timers.Heap {
		t := &k.timers.Heap[i]
		t.base = k.acts[t.Act].head()
	}
	return k, nil
}
