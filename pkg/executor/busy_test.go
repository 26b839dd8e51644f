package executor_test

import (
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// nobody is a host for plans without work outside.
type nobody struct{}

func (nobody) Start(int32, *kind.Kind, kind.Call) { panic("nothing is to be started") }
func (nobody) Stop(int32, bool)                   {}
func (nobody) Take(int32, int32)                  { panic("nothing is to be taken") }
func (nobody) Give(int32)                         {}
func (nobody) Emit(event.Event)                   {}

// TestBusy drives workflows that would do a great deal in one instant: each Step must come back, so that the clock and a
// cancel are seen. The clock goes on by 10 ms from Step to Step, as if each had taken so long.
func TestBusy(t *testing.T) {
	const twice = `gather: [{call: r, with: {n: "${{ inputs.n + 1 }}"}}, {call: r, with: {n: "${{ inputs.n + 1 }}"}}]`
	tests := []struct {
		name, src string
		cancel    time.Duration // when the run is told to stop; 0: never
		want      string
	}{
		{"tries again without a pause", "flowrun: 1\nsteps: [{steps: [{fail: x}], retry: {attempts: 1000000000}}]\ntimeout: 500ms\n", 0, "TimeoutError"},
		{"a long loop", "flowrun: 1\nsteps: {for: x, in: \"range(1000000)\", do: {value: 1}}\ntimeout: 10ms\n", 0, "TimeoutError"},
		{"a long loop, cancelled", "flowrun: 1\nsteps: {for: x, in: \"range(1000000)\", do: {value: 1}}\n", 20 * time.Millisecond, ""},
		{
			"calls itself twice, cancelled",
			"flowrun: 1\nworkflows: {r: {inputs: {n: {type: integer}}, " + twice + "}}\nsteps: [{call: r, with: {n: 0}}]\n",
			20 * time.Millisecond, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, "flow.yaml", []byte(tt.src), nil)
			k := kernel.New(p, options(p, nil), nobody{})
			for now, told := time.Duration(0), false; ; now += 10 * time.Millisecond {
				var in []kernel.Input
				if tt.cancel > 0 && now >= tt.cancel && !told {
					told = true
					in = append(in, kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: "SIGINT"}})
				}
				k.Step(now, in)
				o, done := k.Done()
				if done {
					if got := shape(o.Err); got != tt.want {
						t.Errorf("ended with %q, want %q", got, tt.want)
					}
					if tt.cancel > 0 && o.Status != event.Cancelled {
						t.Errorf("it is %s", o.Status)
					}
					return
				}
				if now > 10*time.Second {
					t.Fatal("it does not end")
				}
			}
		})
	}
}
