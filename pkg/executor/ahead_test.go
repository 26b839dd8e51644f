package executor_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/preview"
	"github.com/flowrun/flowrun/pkg/executor/simulation"
	"github.com/flowrun/flowrun/schema"
)

// eachCase runs every case on the simulator.
func eachCase(t *testing.T, check func(t *testing.T, src string, inputs map[string]any, r *ran)) {
	for _, file := range files(t, "testdata/cases/*.txtar") {
		t.Run(stem(file), func(t *testing.T) {
			src, inputs, parts := readCase(t, file)
			check(t, src, inputs, onSim(compile(t, file, []byte(src), parts), inputs, false))
		})
	}
}

// TestAheadSchemas: what is said of every case before it runs fits the schemas.
func TestAheadSchemas(t *testing.T) {
	plans := jsonschema.MustCompileString("plan", string(schema.Plan()))
	simulations := jsonschema.MustCompileString("simulation", string(schema.Simulation()))
	fits := func(t *testing.T, s *jsonschema.Schema, doc json.Marshaler) {
		t.Helper()
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%#v\n%s", err, b)
		}
	}
	eachCase(t, func(t *testing.T, _ string, inputs map[string]any, r *ran) {
		in := options(r.plan, inputs).Inputs
		fits(t, plans, preview.Of(r.plan, preview.Options{Inputs: in}))
		report, err := simulation.Run(r.plan, simulation.Options{Inputs: in})
		if err != nil {
			t.Fatal(err)
		}
		fits(t, simulations, report)
	})
}

// TestWorstCase: no run takes longer than what preview says, and what it says is skipped does not begin.
func TestWorstCase(t *testing.T) {
	bounded := 0
	eachCase(t, func(t *testing.T, src string, inputs map[string]any, r *ran) {
		v := preview.Of(r.plan, preview.Options{Inputs: options(r.plan, inputs).Inputs})
		// What a process takes to stop, and what a server asks for, is not in the bound.
		counted := len(r.plan.Semaphores) == 0 && !strings.Contains(src, "grace") && !strings.Contains(src, "retry_after")
		if counted && !v.Worst.Unbounded() {
			bounded++
			if r.took > v.Worst.Time {
				t.Errorf("it took %s, %s", r.took, v.Worst)
			}
		}
		paths := map[int32]string{}
		for _, i := range r.plan.Main.Items() {
			paths[i.Step.Index] = i.Path
		}
		skipped := map[int32]bool{}
		var note func(s *preview.Step)
		note = func(s *preview.Step) {
			skipped[s.Step.Index] = s.Skipped != ""
			if s.Path != paths[s.Step.Index] {
				t.Errorf("%q is %q in the list", s.Path, paths[s.Step.Index])
			}
			for _, x := range s.Steps {
				note(x)
			}
		}
		note(v.Workflows[0].Body)
		for _, e := range r.events {
			if e.Type == event.StepStart && skipped[e.Node] {
				t.Errorf("%s begins, and is said to be skipped", e.Path)
			}
		}
	})
	if bounded < 100 {
		t.Errorf("only %d cases are bounded", bounded)
	}
}

// TestSimulateCases: every case can be simulated, its critical path has no gap and is as long as the run, and no step works
// outside its own time. Where nothing had to be made up it takes as long as the run.
func TestSimulateCases(t *testing.T) {
	alike := 0
	eachCase(t, func(t *testing.T, src string, inputs map[string]any, r *ran) {
		report, err := simulation.Run(r.plan, simulation.Options{Inputs: options(r.plan, inputs).Inputs})
		if err != nil {
			t.Fatal(err)
		}
		at := report.Total
		for _, x := range slices.Backward(report.Critical) {
			if x.To != at || x.From >= x.To {
				t.Errorf("%s: %s to %s, and the next begins at %s", x.Step.Path, x.From, x.To, at)
			}
			at = x.From
		}
		if at != 0 {
			t.Errorf("the critical path begins at %s of %s", at, report.Total)
		}
		for _, s := range report.Steps {
			last := s.Begin
			for _, x := range s.Spans {
				if x.From < last || x.To < x.From || x.To > s.End {
					t.Errorf("%s: %s to %s is behind %s or after %s", s.Path, x.From, x.To, last, s.End)
				}
				last = x.To
			}
		}
		if text := report.Text(80); !strings.Contains(text, "total ") {
			t.Error(text)
		}
		// In another run pauses with jitter are other ones, and here nobody needs time to stop.
		if report.Guessed == 0 && len(report.Assumed) == 0 && !strings.Contains(src, "jitter") && !strings.Contains(src, "grace") {
			alike++
			if report.Total != r.took || report.Outcome.Status != r.outcome.Status {
				t.Errorf("%s after %s, and the run %s after %s", report.Outcome.Status, report.Total, r.outcome.Status, r.took)
			}
		}
	})
	if alike < 100 {
		t.Errorf("only %d cases could be compared", alike)
	}
}

// TestPaths: what Plan.Paths lists are the paths of runs.
func TestPaths(t *testing.T) {
	eachCase(t, func(t *testing.T, _ string, _ map[string]any, r *ran) {
		var forms []string
		for _, p := range r.plan.Paths() {
			forms = append(forms, strings.ReplaceAll(regexp.QuoteMeta(p), `\[\*\]`, `\[\d+\]`))
		}
		known := regexp.MustCompile("^(" + strings.Join(forms, "|") + ")$")
		again := recursive(r.plan) // then one round of it is listed
		for _, e := range r.events {
			if e.Path != "" && !known.MatchString(e.Path) && !again {
				t.Errorf("%s is not among them", e.Path)
			}
		}
	})
}

func recursive(p *plan.Plan) bool {
	for _, x := range p.Workflows {
		for _, i := range x.Items() {
			if c, ok := i.Step.Action().(*plan.Call); ok && c.Workflow == x {
				return true
			}
		}
	}
	return false
}
