package executor

import (
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

// compile is the plan of a file.
func compile(t testing.TB, src string) *plan.Plan {
	t.Helper()
	f, err := spec.Parse("flow.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// written is a plan of n steps for events made by hand. Step i has the id in ids[i] and stands in line i+1.
func written(ids ...string) *plan.Plan {
	p := &plan.Plan{Name: "test", File: "flow.yaml"}
	for i, id := range ids {
		s := &plan.Step{Index: int32(i), ID: id, Kind: "value", Pos: diag.Pos{File: "flow.yaml", Line: i + 1, Col: 3}}
		p.Steps = append(p.Steps, s)
	}
	return p
}

func at(ms int) time.Time { return time.UnixMilli(int64(ms)).UTC() }

// start and end are events of the step number n, which stands at that place below parent; its path is its id.
func start(p *plan.Plan, n, parent int32, order int64, node int32, attempt int) event.Event {
	return event.Event{
		Type: event.StepStart, Path: p.Steps[node].ID, Attempt: attempt,
		Where: event.Where{Step: n, Parent: parent, Order: order, Node: node},
	}
}

func end(p *plan.Plan, n, parent int32, order int64, node int32, o event.Outcome) event.Event {
	e := start(p, n, parent, order, node, 1)
	e.Type, e.Outcome = event.StepEnd, o
	return e
}

// tree is the records below s as text: id status(children).
func tree(s *Step) string {
	var b strings.Builder
	b.WriteString(s.Def.ID + " " + s.Status.String())
	if len(s.Children) > 0 {
		b.WriteString("(")
		for i, c := range s.Children {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(tree(c))
		}
		b.WriteString(")")
	}
	return b.String()
}
