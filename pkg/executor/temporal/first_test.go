package temporal

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/kernel"
)

// TestFirst: of what Temporal tells at once, what a worker had first is first, and before all what nobody had.
func TestFirst(t *testing.T) {
	at := func(leaf int32, kind kernel.InputKind, seconds int) news {
		n := news{Input: kernel.Input{Leaf: leaf, Kind: kind}}
		if seconds > 0 {
			n.ended = begin.Add(time.Duration(seconds) * time.Second)
		}
		return n
	}
	list := []news{
		at(1, kernel.Ended, 3), at(2, kernel.Ended, 1), at(3, kernel.Lost, 0), at(3, kernel.Again, 0), at(4, kernel.Ended, 2),
		at(5, kernel.Lost, 2), at(5, kernel.Again, 2), at(0, kernel.Cancel, 0),
	}
	slices.SortStableFunc(list, byClock)
	var got []int32
	for _, n := range list {
		got = append(got, n.Leaf)
	}
	if d := cmp.Diff([]int32{3, 3, 0, 2, 4, 5, 5, 1}, got); d != "" {
		t.Error(d)
	}
}
