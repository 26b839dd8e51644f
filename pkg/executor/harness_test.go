package executor_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	gocmp "github.com/google/go-cmp/cmp"
)

// ran is what a run of a case left behind: how it ended, when, and everything that was told.
type ran struct {
	plan    *plan.Plan
	outcome event.Outcome
	took    time.Duration
	events  []event.Event
}

// start is when every case begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// compile reads and compiles a file whose steps do not touch the world. It may call the others, by their path.
func compile(t *testing.T, name string, src []byte, others map[string]string) *plan.Plan {
	t.Helper()
	return compileWith(t, fakes(), name, src, others)
}

func compileWith(t *testing.T, kinds []*kind.Kind, name string, src []byte, others map[string]string) *plan.Plan {
	t.Helper()
	root := t.TempDir()
	f, err := spec.Parse(name, src, spec.Options{Kinds: kinds, Dir: root})
	if err != nil {
		t.Fatalf("the file is refused:\n%v", err)
	}
	p, err := plan.Compile(f, plan.Options{Open: func(dir, path string) (*ast.File, error) {
		full := filepath.Join(dir, path)
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return nil, err
		}
		src, ok := others[filepath.ToSlash(rel)]
		if !ok {
			return nil, os.ErrNotExist
		}
		return spec.Parse(rel, []byte(src), spec.Options{Kinds: kinds, Dir: filepath.Dir(full)})
	}})
	if err != nil {
		t.Fatalf("the file is refused:\n%v", err)
	}
	return p
}

func options(p *plan.Plan, inputs map[string]any) kernel.Options {
	full := map[string]any{}
	for _, in := range p.Main.Inputs {
		full[in.Name.Text] = in.Default
	}
	for k, v := range inputs {
		full[k] = v
	}
	return kernel.Options{RunID: "case", Name: p.Name, Start: start, Inputs: full}
}

// onSim runs a plan on the virtual clock. When restore is set, the kernel is replaced after every instant by one
// that was restored from its snapshot.
func onSim(p *plan.Plan, inputs map[string]any, restore bool) *ran {
	r := &ran{plan: p}
	opt := sim.Options{Kernel: options(p, inputs), Observe: func(e event.Event) { r.events = append(r.events, e) }}
	opt.Restore, opt.Work, opt.Grace, opt.Ready = restore, fakeWork, fakeGrace, fakeReady
	r.outcome, r.took = sim.Run(p, opt)
	return r
}

// onLocal runs a plan on goroutines, with the clock of a synctest bubble.
func onLocal(t *testing.T, p *plan.Plan, inputs map[string]any) *ran {
	r := &ran{plan: p}
	synctest.Test(t, func(t *testing.T) {
		opt := local.Options{Kernel: options(p, inputs), Observe: func(e event.Event) { r.events = append(r.events, e) }}
		began := time.Now()
		r.outcome = local.Run(context.Background(), p, opt)
		r.took = time.Since(began)
	})
	return r
}

// eachDriver runs a test of one file on sim, on sim with restored snapshots, and on local. All three must tell the same
// events, to the byte.
func eachDriver(t *testing.T, p *plan.Plan, inputs map[string]any, check func(t *testing.T, r *ran)) {
	drivers := []struct {
		name string
		run  func(t *testing.T) *ran
	}{
		{"sim", func(*testing.T) *ran { return onSim(p, inputs, false) }},
		{"restored", func(*testing.T) *ran { return onSim(p, inputs, true) }},
		{"local", func(t *testing.T) *ran { return onLocal(t, p, inputs) }},
	}
	var first string
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			r := d.run(t)
			check(t, r)
			told := r.told()
			if first == "" {
				first = told
			}
			if told != first {
				t.Errorf("the events differ from sim's:\n%s", gocmp.Diff(first, told))
			}
		})
	}
}

// told is all events, one a line.
func (r *ran) told() string {
	var b strings.Builder
	for _, e := range r.events {
		b.WriteString(jsonText(e) + "\n")
	}
	return b.String()
}

// at is the time of an event since the start of the run.
func (r *ran) at(e event.Event) time.Duration { return e.Time.Sub(r.events[0].Time) }

// last is the last end of each step, by path.
func (r *ran) last() map[string]event.Event {
	m := map[string]event.Event{}
	for _, e := range r.events {
		if e.Type == event.StepEnd {
			m[e.Path] = e
		}
	}
	return m
}

// byID is the last end of each step that has an id.
func (r *ran) byID() map[string]event.Event {
	m := map[string]event.Event{}
	for _, e := range r.events {
		if e.Type == event.StepEnd && r.plan.Steps[e.Node].ID != "" {
			m[r.plan.Steps[e.Node].ID] = e
		}
	}
	return m
}

// shape is an error in one line: Type: message, groups nested, a TimeoutError by its type.
func shape(e *event.Error) string {
	switch {
	case e == nil:
		return ""
	case e.IsGroup():
		parts := make([]string, len(e.Errors))
		for i, m := range e.Errors {
			parts[i] = shape(m)
		}
		return "ExceptionGroup[" + strings.Join(parts, ", ") + "]"
	case e.Type == event.TimeoutError, e.Type == event.CancelledError:
		return e.Type
	}
	return e.Type + ": " + e.Message
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) == 0 {
		t.Fatalf("no files for %s: %v", pattern, err)
	}
	return list
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stem(name string) string {
	base := filepath.Base(name)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func jsonText(v any) string {
	b, err := event.Marshal(v)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}
