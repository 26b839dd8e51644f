package tty

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/report/tty/vt"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestCases shows every case of the language, in a small terminal: nothing is wrong with what is written, and when a run has ended
// nothing is left in the tree, and all that was counted has ended.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../executor/testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	shown := 0
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			file, err := spec.Parse(f.Name, f.Data, spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
			if err != nil {
				continue
			}
			p, err := plan.Compile(file, plan.Options{Jobs: 2})
			if err != nil {
				continue
			}
			shown++
			t.Run(filepath.Base(name), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { whole(t, p) }) })
		}
	}
	if shown < len(files)/2 {
		t.Errorf("only %d of %d cases were shown", shown, len(files))
	}
}

func whole(t *testing.T, p *plan.Plan) {
	term := vt.New(50, 9)
	s := New(term, p, Options{Size: term.Size, Color: true})
	start := time.Now()
	enough := 0
	sim.Run(p, sim.Options{
		Kernel: kernel.Options{Start: start, Env: []string{}},
		Observe: func(e event.Event) {
			time.Sleep(min(time.Until(e.Time), time.Second))
			s.Observe(e)
		},
		Work: func(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
			if k.Instant != nil || k.Name == "sleep" || len(call.Step)%4 != 0 {
				return time.Second, event.Success(nil)
			}
			return 300 * time.Millisecond, event.Failure(event.Errorf(event.ExitError, "exit status 1"))
		},
		Enough: func() *event.Cause {
			if enough++; enough < 3000 {
				return nil
			}
			return &event.Cause{Why: event.WhySignal, By: "SIGINT"}
		},
	})
	for _, w := range term.Wrong() {
		t.Error(w)
	}
	if term.Hidden() {
		t.Error("the cursor is hidden")
	}
	for i, n := range s.tree.nodes {
		if n != nil {
			t.Errorf("step %d, %s, is still %s", i, n.path, looks[n.state].word)
		}
	}
	for i, n := range s.tree.busy {
		if n != 0 {
			t.Errorf("%d steps are still %s", n, looks[i].word)
		}
	}
	for i, list := range s.tree.held {
		if len(list) > 0 {
			t.Errorf("semaphore %s is still held", p.Semaphores[i].Name)
		}
	}
}

// stuck is a terminal that takes nothing until it is told to.
type stuck struct {
	mu   sync.Mutex
	goes chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.goes
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(b)
}

// TestStuck: a terminal that takes nothing, as after a Ctrl-S, stops the engine for a second and no more, however much there is to
// show; of that the last is shown when it takes something again, and how much is missing.
func TestStuck(t *testing.T) {
	t.Parallel()
	p := compile(t, "flowrun: 1\nsteps: [{id: a, run: [x]}]\n", plan.Options{})
	synctest.Test(t, func(t *testing.T) {
		w := &stuck{goes: make(chan struct{})}
		s := New(w, p, Options{Size: func() (int, int) { return 80, 24 }})
		where := event.Where{Step: 0, Parent: -1, Node: p.Main.Body.Index}
		s.Observe(event.Event{Type: event.RunStart, Time: time.Now(), Where: event.Where{Parent: -1}})
		s.Observe(event.Event{Type: event.StepStart, Time: time.Now(), Where: where, Attempt: 1})
		begin := time.Now()
		const lines = 400_000
		for i := range lines {
			s.Observe(event.Event{Type: event.StepOutput, Time: time.Now(), Where: where, Stream: "echo", Text: fmt.Sprintf("line %d\n", i)})
		}
		if took := time.Since(begin); took > 3*time.Second/2 {
			t.Errorf("the engine waited %s", took)
		}
		close(w.goes)
		s.Observe(event.Event{Type: event.RunEnd, Time: time.Now(), Where: event.Where{Parent: -1}})
		got := strings.ReplaceAll(w.String(), "\r", "")
		seen, lost, last := 0, 0, ""
		for l := range strings.Lines(got) {
			if _, text, ok := strings.Cut(l, "("); ok {
				missing := 0
				fmt.Sscanf(text, "%d lines are not shown", &missing)
				lost += missing
			} else if strings.Contains(l, "line ") {
				seen++
				last = l[strings.Index(l, "line "):]
			}
		}
		if last != fmt.Sprintf("line %d\n", lines-1) || lost == 0 || seen+lost != lines {
			t.Errorf("%d lines are seen, %d are lost, the last is %q", seen, lost, last)
		}
	})
}

// TestSlow: a terminal that is slow gets everything.
func TestSlow(t *testing.T) {
	t.Parallel()
	p := compile(t, "flowrun: 1\nsteps: [{id: a, run: [x]}]\n", plan.Options{})
	synctest.Test(t, func(t *testing.T) {
		w := &slow{}
		s := New(w, p, Options{Size: func() (int, int) { return 80, 24 }, Verbose: true})
		s.Observe(event.Event{Type: event.RunStart, Time: time.Now(), Where: event.Where{Parent: -1}})
		const lines = 100_000
		for i := range lines {
			fmt.Fprintf(s, "a line of some length, of which there are many: %d\n", i)
		}
		s.Close()
		fmt.Fprintln(s, "behind it")
		if got := strings.Count(w.String(), "a line of"); got != lines || !strings.HasSuffix(w.String(), "behind it\n") {
			t.Errorf("%d lines", got)
		}
	})
}

// slow takes half a second for what it is given.
type slow struct{ bytes.Buffer }

func (s *slow) Write(b []byte) (int, error) {
	time.Sleep(500 * time.Millisecond)
	return s.Buffer.Write(b)
}
