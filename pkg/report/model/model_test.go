package model_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/played"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

var update = flag.Bool("update", false, "write the texts that the tests want")

// TestTree plays the workflow of each testdata/*.txtar (package played) and compares the tree at the end with the part want, and
// after the events of an instant with the part that is named after it: `at 1.5s`.
func TestTree(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range ar.Files {
				parts[f.Name] = string(f.Data)
			}
			got := trees(t, parts)
			wrong := false
			for i, f := range ar.Files {
				text, known := got[f.Name]
				if !known {
					continue
				}
				if d := cmp.Diff(string(f.Data), text); d != "" && !*update {
					t.Errorf("%s: -want +got:\n%s", f.Name, d)
				} else if d != "" {
					ar.Files[i].Data, wrong = []byte(text), true
				}
			}
			if wrong {
				if err := os.WriteFile(name, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// trees are the tree at the end and after every instant.
func trees(t *testing.T, parts map[string]string) map[string]string {
	p, events := played.Events(t, parts)
	r := model.New(p, played.RunID)
	got := map[string]string{}
	for i, e := range events {
		r.Observe(e)
		got["at "+event.FormatDuration(e.Time.Sub(played.Start))] = r.String()
		if counted := count(r); r.Root != nil && counted != r.Root.Counts {
			t.Fatalf("after event %d it counts %v, and there are %v\n%s", i, r.Root.Counts, counted, r)
		}
	}
	got["want"] = r.String()
	return got
}

func count(r *model.Run) (c model.Counts) {
	r.Steps(func(s *model.Step) {
		if s.Works() {
			c[s.At()]++
		}
	})
	return c
}

// flat is a plan of n commands in a list, under the workflow itself.
func flat(n int) *plan.Plan {
	p := &plan.Plan{Name: "flat", Steps: []*plan.Step{{Kind: "steps", Body: &plan.Sequence{}}}}
	for i := range n {
		p.Steps = append(p.Steps, &plan.Step{Index: int32(i + 1), ID: fmt.Sprint("s", i), Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}})
	}
	return p
}

// tell gives r an event of a step of flat, by its number from 1.
func tell(r *model.Run, step int32, e event.Event) {
	e.Where = event.Where{Step: step, Parent: 0, Order: int64(step), Node: step}
	if step == 0 {
		e.Parent = -1
	} else {
		e.Path = r.Plan.Steps[step].ID
	}
	r.Observe(e)
}

// TestBounds: neither output nor attempts nor waits grow without end.
func TestBounds(t *testing.T) {
	t.Parallel()
	r := model.New(flat(1), "R")
	tell(r, 0, event.Event{Type: event.StepStart, Attempt: 1})
	bad := event.Errorf(event.ExitError, "exit status 1")
	const attempts = 1000
	for n := 1; n <= attempts; n++ {
		tell(r, 1, event.Event{Type: event.StepQueued, Why: "a slot"})
		tell(r, 1, event.Event{Type: event.StepStart, Attempt: n})
		for range 100 {
			tell(r, 1, event.Event{Type: event.StepOutput, Stream: "stdout", Text: strings.Repeat("é", 1000)})
		}
		tell(r, 1, event.Event{Type: event.StepRetry, Attempt: n, In: time.Second, Outcome: event.Failure(bad)})
	}
	s := r.Root.Children[0]
	if s.Tries != attempts || len(s.Attempts) > 200 || len(s.Waits) > 400 {
		t.Errorf("%d tries, %d attempts and %d waits are kept", s.Tries, len(s.Attempts), len(s.Waits))
	}
	if first, last := s.Attempts[0].Number, s.LastAttempt().Number; first != 1 || last != attempts {
		t.Errorf("the first is %d, the last is %d", first, last)
	}
	all := 0
	for i := range s.Attempts {
		o := &s.Attempts[i].Output
		text := o.Text("")
		all += len(text)
		if len(text) > 64<<10 || int64(len(text))+o.Lost != 200_000 || strings.Trim(text, "é") != "" {
			t.Fatalf("attempt %d keeps %d bytes, and lost %d", i, len(text), o.Lost)
		}
	}
	if all < 100*60<<10 {
		t.Errorf("only %d bytes of output are kept", all)
	}
}

// TestOutputsAreBounded: of very many outputs only the first are kept, and whole lines of each stream are found in them.
func TestOutputsAreBounded(t *testing.T) {
	t.Parallel()
	const n = 10_000
	r := model.New(flat(n), "R")
	tell(r, 0, event.Event{Type: event.StepStart, Attempt: 1})
	for i := int32(1); i <= n; i++ {
		tell(r, i, event.Event{Type: event.StepStart, Attempt: 1})
		for _, e := range []event.Event{{Stream: "stdout", Text: "a\nb"}, {Stream: "stderr", Text: "oh\n"}, {Stream: "stdout", Text: "c\nd"}} {
			e.Type = event.StepOutput
			tell(r, i, e)
		}
		tell(r, i, event.Event{Type: event.StepOutput, Stream: "stdout", Skipped: 7, Text: strings.Repeat("x", 8<<10) + "\nend\n"})
		o := event.Success(nil)
		if i%2 == 0 {
			o = event.Failure(event.Errorf(event.ExitError, "exit status 1"))
		}
		tell(r, i, event.Event{Type: event.StepEnd, Attempt: 1, Outcome: o})
	}
	all := 0
	for i, s := range r.Root.Children {
		o := &s.Attempts[0].Output
		all += len(o.Text(""))
		if i == 1 {
			if got := strings.Join(o.Lines("", 5), "|"); !strings.HasPrefix(got, "a|bc|oh|dxxx") || !strings.HasSuffix(got, "x|end") {
				t.Errorf("the lines are %.20q", got)
			}
			if got := strings.Join(o.Lines("stderr", 5), "|"); got != "oh" {
				t.Errorf("the lines of stderr are %q", got)
			}
		}
	}
	if all > 24<<20 || all < 20<<20 {
		t.Errorf("%d bytes are kept", all)
	}
}

// TestManySteps: what 100,000 steps take.
func TestManySteps(t *testing.T) {
	const n = 100_000
	p := flat(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := model.New(p, "R")
	begin := time.Now()
	tell(r, 0, event.Event{Type: event.StepStart, Attempt: 1})
	for i := int32(1); i <= n; i++ {
		tell(r, i, event.Event{Type: event.StepQueued, Why: "a slot of --jobs"})
	}
	for i := int32(1); i <= n; i++ {
		tell(r, i, event.Event{Type: event.StepStart, Attempt: 1})
		tell(r, i, event.Event{Type: event.StepEnd, Attempt: 1, Outcome: event.Success(nil)})
	}
	took := time.Since(begin)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes and %s a step", each, took/n)
	if each > 1<<10 {
		t.Errorf("a step takes %d bytes", each)
	}
	if c := r.Root.Counts; c[event.Succeeded] != n || c.Total() != n {
		t.Errorf("%v", c)
	}
}
