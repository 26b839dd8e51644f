// Package replayed goes once more through the runs that tests have left, for them to see that the kernel decides alike whenever it is
// told the same. It is no part of flowrun.
package replayed

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/steps"
)

// All replays the journals of all runs below a state folder. Those are left out that a test has damaged, that know secrets or
// dotenv files, which nobody keeps, or that are not the first take of their run.
func All(t testing.TB, state string) {
	t.Helper()
	ids, err := journal.IDs(state)
	if err != nil {
		return
	}
	for _, id := range ids {
		r := journal.Look(state, id)
		if r.State == journal.Unknown || r.State == journal.Live || r.Header.Number() > 1 {
			continue
		}
		files, err := r.Sources()
		if err != nil || len(r.Header.Command.EnvFiles) > 0 || slices.ContainsFunc(files, func(f journal.Source) bool {
			return bytes.Contains(f.Text, []byte("dotenv"))
		}) {
			continue
		}
		var other *executor.UnfitError
		err = executor.Replay(r, executor.LoadOptions{Kinds: steps.Builtin()})
		if errors.As(err, &other) && other.Otherwise {
			t.Errorf("run %s of %s (%s): %s", id, r.Header.File, r.Header.Command.Again, other.Text)
		}
	}
}
