package temporal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/steps"
)

// begin is when every case begins.
var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// conformance are the files of which the outcome with asyncio is known. The tests of pkg/executor hold sim to that outcome; here
// Temporal is held to sim, event by event.
func conformance(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"listed", "random"} {
		files, err := filepath.Glob("../testdata/conformance/" + dir + "/*.yaml")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files: %v", err)
		}
		all = append(all, files...)
	}
	return all
}

func TestConformance(t *testing.T) {
	for _, file := range conformance(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := newCase(t, string(text))
			want := c.onSim()
			if d := cmp.Diff(want, told(c.onTemporal(t))); d != "" {
				t.Errorf("-sim +temporal\n%s", d)
			}
			if d := cmp.Diff(want, told(c.turnsOften().onTemporal(t))); d != "" {
				t.Errorf("-sim +temporal, in many workflows\n%s", d)
			}
		})
	}
}

// testCase is a workflow for tests.
type testCase struct {
	spec  executor.Spec
	plan  *plan.Plan
	begun func(*testsuite.TestWorkflowEnvironment) // is called when a workflow begins
}

func newCase(t *testing.T, text string) testCase {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "case.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var sources []journal.Source
	p, err := executor.Load(path, executor.LoadOptions{Kinds: steps.Builtin(), Source: func(name string, text []byte) {
		sources = append(sources, journal.Source{Name: name, Path: name, Text: text})
	}})
	if err != nil {
		t.Fatalf("the file is refused:\n%v", err)
	}
	spec, err := executor.NewSpec(p, steps.Builtin(), executor.Options{
		RunID: "case", Env: []string{}, Keep: journal.Keep{Sources: sources, Command: journal.Command{Folder: dir}},
	})
	if err != nil {
		t.Fatal(err)
	}
	there, err := spec.Plan(steps.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	return testCase{spec: spec, plan: there}
}

// onSim is what sim tells of the case.
func (c testCase) onSim() string {
	opt, err := c.spec.Kernel(c.plan)
	if err != nil {
		panic(err)
	}
	opt.Start = begin
	var events []event.Event
	sim.Run(c.plan, sim.Options{Kernel: opt, Observe: func(e event.Event) { events = append(events, e) }})
	return told(events)
}

// told is all events, one a line, with where they stand.
func told(events []event.Event) string {
	var b strings.Builder
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

// later has something happen so long after each workflow has begun. An environment that is told of it before has a clock that may be
// ahead when the workflow begins: until then it goes by the machine's.
func (c testCase) later(d time.Duration, do func(*testsuite.TestWorkflowEnvironment)) testCase {
	c.begun = func(env *testsuite.TestWorkflowEnvironment) { env.RegisterDelayedCallback(func() { do(env) }, d) }
	return c
}

// onBegin is an environment in which a workflow tells that it begins.
type onBegin struct {
	*testsuite.TestWorkflowEnvironment
	tell func(*testsuite.TestWorkflowEnvironment)
}

func (b onBegin) RegisterWorkflowWithOptions(w any, opt workflow.RegisterOptions) {
	run := w.(func(workflow.Context, order) (ending, error))
	b.TestWorkflowEnvironment.RegisterWorkflowWithOptions(func(ctx workflow.Context, o order) (ending, error) {
		if b.tell != nil {
			b.tell(b.TestWorkflowEnvironment)
		}
		return run(ctx, o)
	}, opt)
}

// onTemporal runs the case in the environment for tests, and gives what the workflow tells.
func (c testCase) onTemporal(t *testing.T, before ...func(*testsuite.TestWorkflowEnvironment)) []event.Event {
	t.Helper()
	events, _ := c.inParts(t, before...)
	return events
}

// inParts also says in how many workflows.
func (c testCase) inParts(t *testing.T, before ...func(*testsuite.TestWorkflowEnvironment)) (all []event.Event, parts int) {
	t.Helper()
	o, at, offset := order{Spec: c.spec}, begin, int64(0)
	for {
		parts++
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(quiet{})
		env := suite.NewTestWorkflowEnvironment()
		env.SetStartTime(at)
		env.SetTestTimeout(time.Minute)
		env.SetWorkerOptions(options(Worker{}))
		register(onBegin{env, c.begun}, &program{kinds: steps.Builtin(), drain: 200 * time.Millisecond}, testHand(t))
		for _, f := range before {
			f(env)
		}
		env.ExecuteWorkflow(workflowType, o)
		if !env.IsWorkflowCompleted() {
			t.Fatal("the workflow did not end")
		}
		offset = logOf(t, env, offset, &all)
		next, goesOn := continued(t, env.GetWorkflowError())
		if !goesOn {
			return all, parts
		}
		o, at = next, env.Now()
	}
}

// logOf adds what the workflow has told from the offset on, and gives where that ends.
func logOf(t *testing.T, env *testsuite.TestWorkflowEnvironment, offset int64, to *[]event.Event) int64 {
	t.Helper()
	var lines []byte
	for size := offset + 1; offset < size; {
		answer, err := env.QueryWorkflow(queryEvents, offset)
		if err != nil {
			t.Fatalf("%v; the workflow: %v", err, env.GetWorkflowError())
		}
		var p page
		if err := answer.Get(&p); err != nil {
			t.Fatal(err)
		}
		lines, size = append(lines, p.Lines...), p.Size
		offset += int64(len(p.Lines))
	}
	for line := range bytes.Lines(lines) {
		list, err := kernel.ReadEvents(line, stillSealed)
		if err != nil {
			t.Fatal(err)
		}
		*to = append(*to, list...)
	}
	return offset
}

func testHand(t *testing.T) *hand {
	t.Helper()
	return &hand{
		kinds: steps.Builtin(), folder: t.TempDir(), name: "here", env: os.Environ(), now: make(chan struct{}),
		fence: newFence(time.Hour), // there is no connection on which it would hear
	}
}

// quiet is a log that nobody reads.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
