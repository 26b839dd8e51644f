package kernel_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// machineHost writes down what is asked of it, and answers nothing.
type machineHost struct{ said []string }

func (h *machineHost) say(format string, args ...any) {
	h.said = append(h.said, fmt.Sprintf(format, args...))
}
func (h *machineHost) Start(int32, *kind.Kind, kind.Call) { panic("nothing is to be started") }
func (h *machineHost) Stop(int32, bool)                   { panic("nothing is to be stopped") }
func (h *machineHost) Take(hold, _ int32)                 { h.say("take %d", hold) }
func (h *machineHost) Give(hold int32)                    { h.say("give %d", hold) }
func (h *machineHost) Emit(e event.Event) {
	switch e.Type {
	case event.StepQueued:
		h.say("%s waits for %s", e.Path, e.Why)
	case event.StepStart:
		h.say("%s begins", e.Path)
	case event.StepEnd:
		text := fmt.Sprintf("%s %s", e.Path, e.Status)
		if e.Err != nil {
			text += fmt.Sprintf(" %s: %s", e.Err.Type, e.Err.Message)
		}
		if e.Queued > 0 {
			text += fmt.Sprintf(", waited %s", e.Queued)
		}
		h.say("%s", text)
	}
}

// TestMachine plays what a host that knows of other runs says, and looks at each answer. The plan is a gather of a and b,
// which both take the one permit of the semaphore s and are over in a second.
func TestMachine(t *testing.T) {
	const first, second = 6, 8 // the holds of a and b
	granted := func(hold int32) kernel.Input { return kernel.Input{Kind: kernel.Granted, Leaf: hold} }
	cancel := kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: "SIGINT"}}
	type step struct {
		at      int // seconds
		in      []kernel.Input
		want    string
		permits string // those that the kernel says it has, or wants
	}
	begin := step{0, nil, ` begins; g begins; a waits for semaphore "s"; take 6; b waits for semaphore "s"`, "[{6 0 false}]"}
	tests := []struct {
		name  string
		steps []step
	}{
		{"one after the other", []step{
			begin,
			{2, []kernel.Input{granted(first)}, "a begins", "[{6 0 true}]"},
			{3, nil, "give 6; a succeeded, waited 2s; take 8", "[{8 0 false}]"},
			{4, []kernel.Input{granted(second)}, "b begins", "[{8 0 true}]"},
			{5, nil, "give 8; b succeeded, waited 4s; g succeeded;  succeeded", "[]"},
		}},
		{"who holds it", []step{
			begin,
			{1, []kernel.Input{{Kind: kernel.Held, Leaf: first, By: "the run x"}}, `a waits for semaphore "s", held by the run x`, "[{6 0 false}]"},
			{2, []kernel.Input{granted(first), {Kind: kernel.Held, Leaf: first, By: "the run y"}}, `a waits for semaphore "s", held by the run y; a begins`, "[{6 0 true}]"},
			{2, []kernel.Input{{Kind: kernel.Held, Leaf: first, By: "the run z"}}, `a waits for semaphore "s", held by the run z`, "[{6 0 true}]"},
		}},
		{"cancelled while waiting", []step{
			begin,
			{1, []kernel.Input{cancel}, "give 6; a cancelled, waited 1s; b cancelled, waited 1s; g cancelled;  cancelled", "[]"},
		}},
		{"cancelled in the instant of the grant: it is given back, and nothing begins", []step{
			begin,
			{1, []kernel.Input{granted(first), cancel}, "give 6; a cancelled, waited 1s; b cancelled, waited 1s; g cancelled;  cancelled", "[]"},
		}},
		{"there is none to be had", []step{
			begin,
			{1, []kernel.Input{{Kind: kernel.Granted, Leaf: first, Outcome: event.Failure(event.Errorf(event.StartError, "no"))}}, "a begins; a failed StartError: no, waited 1s; take 8", "[{8 0 false}]"},
			{2, []kernel.Input{granted(second)}, "b begins", "[{8 0 true}]"},
			{3, nil, "give 8; b succeeded, waited 2s; g failed StartError: no;  failed StartError: no", "[]"},
		}},
	}
	for _, tt := range tests {
		for _, restore := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restored %v", tt.name, restore), func(t *testing.T) {
				h := &machineHost{}
				p := machinePlan()
				k := kernel.New(p, options(), h)
				for _, s := range tt.steps {
					h.said = nil
					k.Step(time.Duration(s.at)*time.Second, s.in)
					if got := strings.Join(h.said, "; "); got != s.want {
						t.Errorf("at %d\nwant %s\n got %s", s.at, s.want, got)
					}
					if got := fmt.Sprint(k.Permits()); got != s.permits {
						t.Errorf("at %d: permits %s, want %s", s.at, got, s.permits)
					}
					if !restore {
						continue
					}
					var err error
					if k, err = kernel.Restore(p, options(), h, k.Snapshot()); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	}
}

func machinePlan() *plan.Plan {
	kinds := newLeafKinds()
	p := &plan.Plan{Semaphores: []plan.Semaphore{{Name: "s", Permits: 1, Machine: true}}}
	step := func(id string, body plan.Node) *plan.Step {
		s := &plan.Step{Index: int32(len(p.Steps)), ID: id, Slot: -1, Order: int64(len(p.Steps)), Body: body}
		p.Steps = append(p.Steps, s)
		return s
	}
	root, gather := step("", nil), step("g", nil)
	join := &plan.Join{Kind: ast.Gather}
	for _, id := range []string{"a", "b"} {
		join.Children = append(join.Children, step(id, &plan.Hold{Sem: 0, Body: &plan.Leaf{Kind: kinds.instant, Args: []plan.Arg{{Key: "after", Value: constant(1)}}}}))
	}
	gather.Body, root.Body = join, &plan.Sequence{Items: []*plan.Step{gather}}
	p.Main = &plan.Workflow{Body: root}
	p.Workflows = []*plan.Workflow{p.Main}
	return p
}
