package executor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// cutWorkflow has what a journal can hold: queues, attempts, handlers, background tasks, values of all types.
const cutWorkflow = `
flowrun: 1
semaphores: {one: 1}
steps:
  - {id: first, run: [after 10ms]}
  - {id: back, background: true, run: [after 1h]}
  - id: g
    gather: {for: i, in: range(5), do: {id: x, run: ["after ${{ 10 + i }}ms"]}}
    limit: 2
  - {id: again, run: [after 10ms, "1: exit 3"], retry: {attempts: 3, delay: 1s}}
  - id: handled
    taskgroup:
      - {id: bad, run: [after 10ms, exit 4]}
      - {id: slow, run: [after 1h, grace 10ms]}
      - {id: held, semaphore: one, run: [after 5ms]}
    except: [{run: [after 10ms]}]
    finally: [{run: [after 10ms]}]
  - {id: v, value: {a: [1, 0.5, null, "text"], of: "${{ steps.g.value }}"}}
result: ${{ steps.v.value }}
`

// world is what steps did, outside of flowrun.
type world struct {
	mu   sync.Mutex
	runs map[string]int
}

// kinds are the fakes; each attempt leaves its mark, and has its step as its value.
func (w *world) kinds() []*kind.Kind {
	list := fakes()
	for _, k := range list {
		if work := k.Run; work != nil {
			k.Run = func(ctx context.Context, call kind.Call) event.Outcome {
				w.mu.Lock()
				w.runs[call.Step]++
				w.mu.Unlock()
				o := work(ctx, call)
				if o.Status == event.Succeeded {
					o.Value = call.Step
				}
				return o
			}
		}
	}
	return list
}

// keptRun is a run that left a journal, and what is to be compared of it.
type keptRun struct {
	plan    *plan.Plan
	world   *world
	state   string
	journal []byte
	marks   map[string]int // that its steps left
	shape   string
}

// newKept is one of a run that began so long after the clocks of bubbles do.
func newKept(t *testing.T, how journal.Durability, late time.Duration) *keptRun {
	w := &world{runs: map[string]int{}}
	k := &keptRun{world: w, plan: compileWith(t, w.kinds(), "w.yaml", []byte(cutWorkflow), nil), state: t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(late)
		keep := journal.Keep{Folder: journal.Of(k.state, "01A"), Durability: how, Sources: []journal.Source{{Name: "w.yaml", Path: "/w.yaml"}}}
		r, err := executor.Run(t.Context(), k.plan, executor.Options{Keep: keep, RunID: "01A", Env: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		k.shape = shapeOf(r.Root)
	})
	var err error
	if k.journal, err = os.ReadFile(k.file()); err != nil {
		t.Fatal(err)
	}
	k.marks, w.runs = w.runs, map[string]int{}
	return k
}

// shapeOf is what of a result does not hang on the clock, and on how often a step was tried.
func shapeOf(s *executor.Step) string {
	text := fmt.Sprintf("%s %s %s", s.Path, s.Status, jsonText(s.Value))
	if s.Err != nil {
		text += " " + s.Err.Type
	}
	for _, c := range s.Children {
		text += "\n" + shapeOf(c)
	}
	return text
}

func (k *keptRun) file() string { return filepath.Join(journal.Of(k.state, "01A"), "journal.ndjson") }

// put makes the journal that. In its place: to truncate a file to nothing waits for the disk.
func (k *keptRun) put(t *testing.T, b []byte) {
	f, err := os.OpenFile(k.file(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, 0)
	if err = errors.Join(err, f.Truncate(int64(len(b))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// resume goes on with the run of which that journal is left.
func (k *keptRun) resume(t *testing.T, left []byte) (r *executor.Result, ran map[string]int, err error) {
	folder := journal.Of(k.state, "01A")
	for _, name := range []string{"result.json", "process.json"} {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	k.put(t, left)
	k.world.runs = map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		r, err = executor.Resume(t.Context(), k.plan, executor.Options{Keep: journal.Keep{Folder: folder}, Env: []string{}})
	})
	return r, k.world.runs, err
}

// ended counts the attempts that a journal knows the end of, by step.
func (k *keptRun) ended(t *testing.T, left []byte) map[string]int {
	in, err := journal.Open(journal.Of(k.state, "01A"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ended := map[string]int{}
	for {
		e, err := in.Next()
		if err == io.EOF {
			return ended
		}
		if err != nil {
			t.Fatal(err)
		}
		_, leaf := k.plan.Steps[e.Node].Action().(*plan.Leaf)
		if leaf && (e.Type == event.StepEnd || e.Type == event.StepRetry) {
			ended[e.Path]++
		}
	}
}

// check sees that a run that was resumed came to what it had come to, and that nothing ran again that had ended.
func (k *keptRun) check(t *testing.T, name string, left []byte, must bool) {
	t.Helper()
	r, ran, err := k.resume(t, left)
	var unfit *executor.UnfitError
	var problem *journal.Problem
	if err != nil {
		if must || r != nil || !errors.As(err, &unfit) && !errors.As(err, &problem) || len(ran) > 0 {
			t.Errorf("%s: %v, and ran %v", name, err, ran)
		}
		return
	}
	if got := shapeOf(r.Root); got != k.shape {
		t.Errorf("%s: it came to\n%s\nwant\n%s", name, got, k.shape)
	}
	k.put(t, left)
	for step, n := range k.ended(t, left) {
		if ran[step] > max(0, k.marks[step]-n) {
			t.Errorf("%s: %s ran %d times more, and %d of %d had ended", name, step, ran[step], n, k.marks[step])
		}
	}
}

// TestResumeCut: a run whose journal is cut at any byte goes on from there and comes to the same, or says why not: nothing that had
// ended runs again, and no outcome is made up.
func TestResumeCut(t *testing.T) {
	for _, how := range []journal.Durability{journal.Crash, journal.PowerLoss} {
		k := newKept(t, how, 0)
		step := 61
		if os.Getenv("FLOWRUN_LONG") != "" {
			step = 1
		}
		head := bytes.IndexByte(k.journal, '\n') + 1
		given := head + bytes.IndexByte(k.journal[head:], '\n') + 1
		cuts := map[int]bool{}
		for i, c := range k.journal {
			if i%step == 0 || step == 1 && c == '\n' {
				cuts[i+1] = true
			}
		}
		for cut := range len(k.journal) {
			if cuts[cut] {
				k.check(t, fmt.Sprint("cut at ", cut), k.journal[:cut], cut >= given)
			}
		}
	}
}

// TestResumeFlipped: a journal in which bits are not as they were written is refused, or loses its last line.
func TestResumeFlipped(t *testing.T) {
	k := newKept(t, journal.Crash, 0)
	lines := bytes.SplitAfter(k.journal, []byte{'\n'})
	left := bytes.Join(lines[:len(lines)*2/3], nil)
	step := 211
	if os.Getenv("FLOWRUN_LONG") != "" {
		step = 1
	}
	for at := 0; at < len(left); at += step {
		flipped := slices.Clone(left)
		flipped[at] ^= 1 << (at % 8)
		k.check(t, fmt.Sprint("byte ", at), flipped, false)
	}
}

// TestResumeLost: a run whose journal could not be written on goes on from where that was.
func TestResumeLost(t *testing.T) {
	k := newKept(t, journal.Crash, 0)
	lines := bytes.SplitAfter(k.journal, []byte{'\n'})
	lines = lines[:len(lines)-1]
	for n := 2; n < len(lines); n += 7 {
		before := bytes.Join(lines[:n], nil)
		left := sealed(before, `{"journal":{"at":0},"note":"lost","value":"no space left on device"`)
		end, _, _ := bytes.Cut(lines[len(lines)-1], []byte(`,"crc":`))
		left = sealed(left, string(end))
		k.check(t, fmt.Sprint("lost after line ", n), left, true)
		k.resume(t, left)
		if got, err := os.ReadFile(k.file()); err != nil || !bytes.HasPrefix(got, before) || bytes.Contains(got, []byte("no space")) {
			t.Errorf("lost after line %d: what was before it is not there any more, or what was behind it is, %v", n, err)
		}
	}
}

// sealed is a journal with one more line.
func sealed(before []byte, line string) []byte {
	var sum uint32
	last := before[:len(before)-1]
	if _, err := fmt.Sscanf(string(last[len(last)-10:]), `%08x"}`, &sum); err != nil {
		panic(err)
	}
	sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), []byte(line))
	return fmt.Appendf(slices.Clip(before), "%s,\"crc\":\"%08x\"}\n", line, sum)
}

// TestClockSetBackWithin: a run that is resumed when the clock stands before its begin comes to the same, and no time in its journal
// goes back.
func TestClockSetBackWithin(t *testing.T) {
	k := newKept(t, journal.Crash, time.Hour)
	lines := bytes.SplitAfter(k.journal, []byte{'\n'})
	for n := 2; n < len(lines)-1; n += 9 {
		left := bytes.Join(lines[:n], nil)
		k.check(t, fmt.Sprint(n, " lines"), left, true)
		k.resume(t, left)
		in, err := journal.Open(journal.Of(k.state, "01A"))
		if err != nil {
			t.Fatal(err)
		}
		var at time.Duration
		var last time.Time
		for {
			e, err := in.Entry()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e.At < at && e.Note != journal.NoteResumed || e.Event.Type != "" && e.Event.Time.Before(last) || e.Event.Duration < 0 || e.Event.Queued < 0 {
				t.Errorf("%d lines: %v %s %s after %s", n, e.Event.Type, e.Note, e.At, at)
			}
			if at = max(at, e.At); e.Event.Type != "" {
				last = e.Event.Time
			}
		}
		in.Close()
	}
}
