package executor_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	gocmp "github.com/google/go-cmp/cmp"
)

// begun counts how often each attempt of a step's work begins.
type begun struct {
	mu    sync.Mutex
	times map[string]int
}

// kinds are the fakes, counted.
func (b *begun) kinds() []*kind.Kind {
	out := fakes()
	for i, k := range out {
		if k.Run == nil || k.Probe {
			continue
		}
		counted := *k
		counted.Run = func(ctx context.Context, call kind.Call) event.Outcome {
			b.mu.Lock()
			b.times[fmt.Sprint(call.Step, " ", call.Attempt)]++
			b.mu.Unlock()
			return k.Run(ctx, call)
		}
		out[i] = &counted
	}
	return out
}

// crashed is a run of a workflow that ends, and what its journal was after each of its lines.
type crashed struct {
	plan   *plan.Plan
	inputs map[string]any
	begun  *begun
	folder string
}

func (c *crashed) options(folder string) executor.Options {
	return executor.Options{Inputs: c.inputs, Env: []string{"HOME=/home"}, RunID: "case", Keep: journal.Keep{Folder: folder}, Machine: filepath.Dir(c.folder)}
}

var someTime = regexp.MustCompile(`"(started_at|duration|queued)":[^,}]+`)

// shared says whether p has semaphores of the machine.
func shared(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Semaphores, func(s plan.Semaphore) bool { return s.Machine })
}

var wholeDuration = regexp.MustCompile(`"duration":[0-9.e+-]+,"returned_errors"`)

// document is the result document of a run that ended.
func document(t *testing.T, r *executor.Result, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	// What the run took in all is up to now; what each step took is up to its end.
	text := wholeDuration.ReplaceAllString(b.String(), `"duration":0,"returned_errors"`)
	return strings.ReplaceAll(text, `,"children":[`, ",\n\"children\":[")
}

// finished are the attempts that ended in a journal, and those that were at work when it ended.
func finished(t *testing.T, p *plan.Plan, folder string) (ended map[string]int, atWork int) {
	t.Helper()
	in, err := journal.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ended = map[string]int{}
	running := map[string]bool{}
	for {
		e, err := in.Next()
		if err == io.EOF {
			return ended, len(running)
		}
		if err != nil {
			t.Fatal(err)
		}
		leaf, ok := p.Steps[e.Node].Action().(*plan.Leaf)
		if !ok || leaf.Kind.Run == nil {
			continue
		}
		name := fmt.Sprint(e.Path, " ", e.Attempt)
		switch e.Type {
		case event.StepStart:
			running[name] = true
		case event.StepRetry, event.StepEnd:
			delete(running, name)
			ended[name]++
		}
	}
}

// TestResumeAnywhere: a run that dies behind any line of its journal, or in the middle of one, goes on, and comes to the very
// same result, to the time of each step, unless work was lost that has to be done again; none that had ended is.
func TestResumeAnywhere(t *testing.T) {
	cases := append(files(t, "testdata/conformance/listed/*.yaml"), files(t, "testdata/conformance/random/*.yaml")...)
	cases = append(cases, files(t, "testdata/cases/*.txtar")...)
	for i, file := range cases {
		t.Run(stem(file), func(t *testing.T) {
			src, inputs, parts := string(read(t, file)), map[string]any{}, map[string]string(nil)
			if strings.HasSuffix(file, ".txtar") {
				src, inputs, parts = readCase(t, file)
			}
			c := &crashed{inputs: inputs, begun: &begun{times: map[string]int{}}, folder: filepath.Join(t.TempDir(), "whole")}
			c.plan = compileWith(t, c.begun.kinds(), file, []byte(src), parts)
			var want string
			synctest.Test(t, func(t *testing.T) {
				r, err := executor.Run(context.Background(), c.plan, c.options(c.folder))
				want = document(t, r, err)
			})
			times := maps.Clone(c.begun.times)
			whole := read(t, filepath.Join(c.folder, "journal.ndjson"))
			lines := slices.Collect(bytes.Lines(whole))
			cut := bytes.Count(whole[:len(whole)/2], []byte("\n"))
			most := 1
			if os.Getenv("FLOWRUN_LONG") != "" {
				most = len(lines)
			}
			at := len(lines[0]) + len(lines[1])
			for n := 2; n < len(lines); n++ {
				if at += len(lines[n]); len(lines) <= most || (n+i)%(len(lines)/most+1) == 0 || n == cut {
					c.dies(t, whole[:at], want, times)
					c.dies(t, whole[:at-len(lines[n])/2], want, times)
				}
			}
		})
	}
}

// dies has the run die with that journal, and go on.
func (c *crashed) dies(t *testing.T, left []byte, want string, whole map[string]int) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "R")
	if err := os.CopyFS(folder, os.DirFS(c.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "result.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "journal.ndjson"), left, 0o600); err != nil {
		t.Fatal(err)
	}
	ended, atWork := finished(t, c.plan, folder)
	clear(c.begun.times)
	var got string
	var seqs []int64
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Duration(len(left)%7) * 300 * time.Millisecond)
		opt := c.options(folder)
		opt.Inputs, opt.RunID = nil, ""
		tell := func(e event.Event) { seqs = append(seqs, e.Seq) }
		opt.Past, opt.Observe = []func(event.Event){tell}, []func(event.Event){tell}
		r, err := executor.Resume(context.Background(), c.plan, opt)
		got = document(t, r, err)
	})
	for i, n := range seqs {
		if n != int64(i+1) {
			t.Fatalf("event %d is told as the %dth", n, i+1)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.begun.times)) {
		now, before, all := c.begun.times[name], ended[name], whole[name]
		if atWork == 0 && now+before > all || all == 1 && now+before != 1 {
			t.Errorf("%s had ended %d times of %d, and has begun %d times since", name, before, all, now)
		}
	}
	if shared(c.plan) { // a permit that was not there yet comes later
		want, got = someTime.ReplaceAllString(want, ""), someTime.ReplaceAllString(got, "")
	}
	if len(whole) == 0 && got != want {
		t.Errorf("after %d of its bytes the run comes to something else:\n%s", len(left), gocmp.Diff(want, got))
	}
	// What is there now is the whole journal of one run.
	if _, left := finished(t, c.plan, folder); left != 0 {
		t.Errorf("%d attempts at work have no end", left)
	}
}
