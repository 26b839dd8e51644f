package plan_test

import (
	"path/filepath"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
)

// The room that there is for steps is what those in the background leave, of which each may need its part for as long
// as the run; a smaller --jobs is the bound instead.
func TestRoom(t *testing.T) {
	t.Parallel()
	const src = `flowrun: 1
steps:
  - {background: true, run: one}
  - background: true
    steps: [{run: two}, {value: 1}, {http: "http://localhost"}]
  - {background: true, sleep: 1h}
  - {run: it}
`
	for _, c := range []struct {
		jobs, room, permits int
		name                string
	}{
		{0, 10, 7, plan.Room},
		{7, 10, 7, plan.Jobs},
		{8, 10, 7, plan.Room},
		{2, 10, 2, plan.Jobs},
		{2, 0, 2, plan.Jobs},
		{0, 3, 1, plan.Room},
		{0, 1, 1, plan.Room},
	} {
		f, err := spec.Parse("w.yaml", []byte(src), spec.Options{Kinds: kinds(), Dir: filepath.Dir("/w.yaml")})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(f, plan.Options{Jobs: c.jobs, Room: c.room})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Semaphores[0], (plan.Semaphore{Name: c.name, Permits: c.permits}); got != want {
			t.Errorf("jobs %d, room %d: %+v, want %+v", c.jobs, c.room, got, want)
		}
	}
}
