package temporal

import (
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestTogether: of what Temporal tells at once, the first may have the kernel stop what has ended already, or not want any more what it
// was given: each leaf ends once.
func TestTogether(t *testing.T) {
	const two = `{flowrun: 1, steps: [{id: g, taskgroup: [{id: a, run: [a]}, {id: b, run: [b]}], except: [{echo: handled}]}, {sleep: 1h}]}`
	failure := event.Failure(event.Errorf(event.ExitError, "no"))
	for _, c := range []struct {
		name, text string
		news       func(leaf []int32) []news
	}{
		{"an end and another", two, func(leaf []int32) []news {
			return []news{ended(leaf[0], failure, 1), ended(leaf[1], event.Success(1), 2)}
		}},
		{"two failures", two, func(leaf []int32) []news {
			return []news{ended(leaf[0], failure, 2), ended(leaf[1], failure, 1)}
		}},
		{"an end and a loss", two, func(leaf []int32) []news {
			lost, again := ended(leaf[1], event.Outcome{}, 2), ended(leaf[1], event.Outcome{}, 2)
			lost.Kind, again.Kind = kernel.Lost, kernel.Again
			return []news{ended(leaf[0], failure, 1), lost, again}
		}},
		{"a cancel and an end", two, func(leaf []int32) []news {
			cancel := news{Input: kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: "x"}}}
			return []news{cancel, ended(leaf[0], event.Success(1), 1), ended(leaf[1], failure, 1)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newCase(t, c.text)
			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(quiet{})
			env := suite.NewTestWorkflowEnvironment()
			env.SetTestTimeout(time.Minute)
			env.ExecuteWorkflow(func(ctx workflow.Context) error {
				d, err := (&program{kinds: steps.Builtin(), drain: drain}).driver(ctx, order{Spec: x.spec})
				if err != nil {
					return err
				}
				d.step()
				var leaves []int32
				for _, j := range d.waiting {
					leaves = append(leaves, j.Leaf)
				}
				d.waiting = nil // workers have them
				d.news = c.news(leaves)
				for len(d.news) > 0 {
					d.step()
				}
				for _, w := range []string{"a", "b", "g"} {
					if n := strings.Count(string(d.log.lines), `"step.end","`+w+`"`); n != 1 {
						t.Errorf("%s has ended %d times", w, n)
					}
				}
				return nil
			})
			if err := env.GetWorkflowError(); err != nil {
				t.Error(err)
			}
		})
	}
}

func ended(leaf int32, o event.Outcome, seconds int) news {
	return news{Input: kernel.Input{Kind: kernel.Ended, Leaf: leaf, Outcome: o}, ended: begin.Add(time.Duration(seconds) * time.Second)}
}
