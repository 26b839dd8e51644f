package plain

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// tally counts how steps ended. Five bytes a step are kept, for when an attempt of a block is over what it had
// begun does not count any more.
type tally struct {
	parent []int32
	status []event.Status // of a step that works and has ended; else Waiting
	// attempt is, of steps that were tried again, the number from which on steps are of the last attempt.
	attempt map[int32]int32
}

func newTally() tally { return tally{attempt: map[int32]int32{}} }

func (t *tally) see(e event.Event) {
	for int(e.Where.Step) >= len(t.parent) {
		t.parent = append(t.parent, -1)
		t.status = append(t.status, event.Waiting)
	}
	t.parent[e.Where.Step] = e.Parent
}

func (t *tally) started(e event.Event) {
	t.see(e)
	if e.Attempt > 1 {
		t.attempt[e.Where.Step] = int32(len(t.parent))
	}
}

func (t *tally) ended(e event.Event, works bool) {
	t.see(e)
	if works {
		t.status[e.Where.Step] = e.Status
	}
}

// String says how many steps ended in which way: 3 succeeded, 1 failed.
func (t *tally) String() string {
	var counts [event.Skipped + 1]int
	over := make([]bool, len(t.parent)) // part of an attempt that is over
	for n, up := range t.parent {
		// A parent has a lower number than its children.
		over[n] = up >= 0 && (over[up] || int32(n) < t.attempt[up])
		if !over[n] {
			counts[t.status[n]]++
		}
	}
	var words []string
	for s := event.Succeeded; s <= event.Skipped; s++ {
		if counts[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return strings.Join(words, ", ")
}
