package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// gather is a plan of n leaves that work at the host.
func gather(n int, around func(plan.Node) plan.Node) *plan.Plan {
	p := &plan.Plan{}
	join := &plan.Join{Kind: ast.Gather}
	root := &plan.Step{Slot: -1, Kind: "gather", Body: join}
	p.Steps = []*plan.Step{root}
	for i := range n {
		args := []plan.Arg{{Key: "n", Value: &plan.Value{V: expr.Literal(i)}}}
		s := &plan.Step{Index: int32(i + 1), Slot: -1, Kind: "work", Order: int64(i), Piece: "gather[" + string(rune('0'+i)) + "]"}
		s.Body = &plan.Leaf{Kind: &kind.Kind{Name: "work"}, Args: args}
		join.Children = append(join.Children, s)
		p.Steps = append(p.Steps, s)
	}
	root.Body = around(join)
	p.Main = &plan.Workflow{Body: root}
	p.Workflows = []*plan.Workflow{p.Main}
	return p
}

func plain(n plan.Node) plan.Node { return n }

func within(d string) func(plan.Node) plan.Node {
	return func(n plan.Node) plan.Node { return &plan.Limit{D: &plan.Value{V: expr.Literal(d)}, Body: n} }
}

// seconds works for a second for each number, and gives it.
func seconds(_ *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	n := call.Args["n"].(int)
	return time.Duration(n) * time.Second, event.Success(n)
}

func grace(*kind.Kind, kind.Call) time.Duration { return 2 * time.Second }

func cancelAt(d time.Duration, k kernel.InputKind, by string) sim.At {
	return sim.At{Time: d, Input: kernel.Input{Kind: k, Cause: &event.Cause{Why: event.WhySignal, By: by}}}
}

// TestWorld: work takes its time, stopping its grace, a kill none; and a run that is restored after every instant is the
// same run.
func TestWorld(t *testing.T) {
	for _, c := range []struct {
		name   string
		plan   *plan.Plan
		opt    sim.Options
		status event.Status
		took   time.Duration
	}{
		{"a second each", gather(3, plain), sim.Options{}, event.Succeeded, time.Second},
		{"as long as it says", gather(4, plain), sim.Options{Work: seconds}, event.Succeeded, 3 * time.Second},
		{"a limit, no grace", gather(6, within("2s")), sim.Options{Work: seconds}, event.Failed, 2 * time.Second},
		{"a limit, and grace", gather(6, within("2s")), sim.Options{Work: seconds, Grace: grace}, event.Failed, 4 * time.Second},
		{"a limit in the instant of the result", gather(3, within("2s")), sim.Options{Work: seconds}, event.Failed, 2 * time.Second},
		{
			"a cancel", gather(6, plain),
			sim.Options{Work: seconds, Grace: grace, Inputs: []sim.At{cancelAt(time.Second, kernel.Cancel, "SIGINT")}},
			event.Cancelled, 3 * time.Second,
		},
		{
			"a kill in the grace", gather(6, plain),
			sim.Options{Work: seconds, Grace: grace, Inputs: []sim.At{
				cancelAt(time.Second, kernel.Cancel, "SIGINT"), cancelAt(2*time.Second, kernel.Kill, "SIGINT"),
			}},
			event.Cancelled, 2 * time.Second,
		},
		{
			"a cancel after the end is not heard", gather(2, plain),
			sim.Options{Work: seconds, Inputs: []sim.At{cancelAt(time.Minute, kernel.Cancel, "SIGINT")}},
			event.Succeeded, time.Second,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told [2][]string
			for i, restore := range []bool{false, true} {
				opt := c.opt
				opt.Kernel = kernel.Options{RunID: "sim", Start: begin}
				opt.Restore = restore
				opt.Observe = func(e event.Event) {
					line, err := e.AppendJSON(nil)
					if err != nil {
						t.Fatal(err)
					}
					told[i] = append(told[i], string(line))
				}
				inputs := slices.Clone(opt.Inputs)
				o, took := sim.Run(c.plan, opt)
				if o.Status != c.status || took != c.took {
					t.Errorf("restore %v: %s after %s, want %s after %s", restore, o.Status, took, c.status, c.took)
				}
				for j := range inputs {
					if inputs[j].Time != opt.Inputs[j].Time || inputs[j].Input.Kind != opt.Inputs[j].Input.Kind {
						t.Error("it changed the inputs that it was given")
					}
				}
			}
			if !slices.Equal(told[0], told[1]) {
				t.Errorf("restored runs differ:\n%v\n%v", told[0], told[1])
			}
		})
	}
}
