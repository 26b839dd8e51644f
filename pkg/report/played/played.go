// Package played gives reports something to report, in their tests: it runs a workflow on the virtual clock, with processes that
// do what a text says. It is no part of flowrun.
//
// The parts are those of a txtar file:
//
//	flow.yaml        the workflow
//	interrupt        when the run is interrupted: 1.5s
//	work/PATH        how long the process of that step works, and its exit code: 1.2s 3 (default: 1s 0)
//	work/PATH@N      in its Nth attempt
//	probe/PATH       likewise, of the probe of a service
//	stdout/PATH      what it prints when it begins, line by line; one that is in Go's quotes is what it stands for
//	stdout/PATH@N    in its Nth attempt
//	stderr/PATH      likewise, after that
//	artifacts/PATH   the files that it keeps when it succeeds, likewise
package played

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// Start is when every run begins.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// RunID is the id of every run.
const RunID = "01KDYQ5T9YQZ8M3N4P5R6S7T8V"

// Events are those of a run.
func Events(t testing.TB, parts map[string]string) (*plan.Plan, []event.Event) {
	t.Helper()
	f, err := spec.Parse("flow.yaml", []byte(parts["flow.yaml"]), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	script := script{t, parts}
	var events []event.Event
	tell := func(e event.Event) {
		e.Seq = int64(len(events) + 1)
		events = append(events, e)
	}
	inputs := map[string]any{}
	for _, in := range p.Main.Inputs {
		inputs[in.Name.Text] = in.Default
	}
	sim.Run(p, sim.Options{
		Kernel: kernel.Options{RunID: RunID, Name: p.Name, Start: Start, Inputs: inputs},
		Inputs: script.interrupt(),
		Work:   script.work,
		Observe: func(e event.Event) {
			tell(e)
			if e.Type != event.StepStart {
				return
			}
			e.Type, e.Name = event.StepOutput, ""
			for _, e.Stream = range []string{"stdout", "stderr"} {
				for line := range strings.Lines(script.part(e.Stream, e.Path, e.Attempt)) {
					e.Text = unquoted(line)
					tell(e)
				}
			}
		},
	})
	return p, events
}

type script struct {
	t     testing.TB
	parts map[string]string
}

// part is that of an attempt, or of all of them.
func (s script) part(what, path string, attempt int) string {
	if text, ok := s.parts[fmt.Sprintf("%s/%s@%d", what, path, attempt)]; ok {
		return text
	}
	return s.parts[what+"/"+path]
}

func (s script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s script) interrupt() []sim.At {
	text := strings.TrimSpace(s.parts["interrupt"])
	if text == "" {
		return nil
	}
	cause := &event.Cause{Why: event.WhySignal, By: "SIGINT"}
	return []sim.At{{Time: s.duration(text), Input: kernel.Input{Kind: kernel.Cancel, Cause: cause}}}
}

func (s script) work(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	took, code, what := "1s", 0, "work"
	if k.Probe {
		what = "probe"
	}
	_, _ = fmt.Sscan(s.part(what, call.Step, call.Attempt), &took, &code)
	extra := s.kept(call.Step, call.Attempt)
	switch {
	case code == 0:
		o := event.Success("")
		o.Extra = extra
		return s.duration(took), o
	case k.Probe:
		return s.duration(took), event.Failure(event.Errorf(event.TimeoutError, "not ready within %s; last answer: exit status %d", took, code))
	}
	e := event.Errorf(event.ExitError, "exit status %d", code)
	e.Fields = map[string]any{"exit_code": code}
	o := event.Failure(e)
	o.Extra = extra
	return s.duration(took), o
}

// kept are the artifacts of an attempt.
func (s script) kept(path string, attempt int) map[string]any {
	var list []any
	for line := range strings.Lines(s.part("artifacts", path, attempt)) {
		list = append(list, event.Artifact{Path: strings.TrimSuffix(unquoted(line), "\n"), Size: int64(len(line)) << 10, SHA256: strings.Repeat("0", 64)}.Value())
	}
	if list == nil {
		return nil
	}
	return map[string]any{event.ExtraArtifacts: list}
}

// unquoted is what a line stands for.
func unquoted(line string) string {
	if s, err := strconv.Unquote(strings.TrimSuffix(line, "\n")); err == nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return line
}
