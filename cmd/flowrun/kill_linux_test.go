package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// author writes random workflows that come to the same whenever, and however often, they die: nothing in them hangs on who is
// faster.
type author struct {
	rng   *rand.Rand
	steps int
	tasks []string // background steps of this list that nobody has awaited
}

// pick is one of the list.
func (a *author) pick(list ...string) string { return list[a.rng.IntN(len(list))] }

func (a *author) id() string {
	a.steps++
	return fmt.Sprintf("s%d", a.steps)
}

// work is a script that says in the log when it begins and ends. It takes up to 10 ms.
func (a *author) work(id, end string) string {
	return fmt.Sprintf("echo begin %s >>log; sleep 0.00%d; echo end %s >>log; %s", id, a.rng.IntN(10), id, end)
}

// leaf is a step that does something itself.
func (a *author) leaf(id, in string) string {
	more := a.pick("", "", ", timeout: 20s", ", semaphore: gpu", ", total_timeout: 1m", ", shield: true")
	switch a.rng.IntN(9) {
	case 0:
		return fmt.Sprintf("%s- {id: %s, sleep: %dms%s}\n", in, id, a.rng.IntN(12), more)
	case 1:
		return fmt.Sprintf("%s- {id: %s, value: [1.5, 1, \"%s\", null]%s}\n", in, id, id, more)
	case 2:
		return fmt.Sprintf("%s- id: %s\n%s  run: '%s'\n%s  retry: {attempts: 9, delay: 2ms, factor: 1.5, jitter: 0.5}\n", in, id, in, a.work(id, `[ "$FLOWRUN_ATTEMPT" -ge 3 ]; echo `+id), in)
	case 3:
		return fmt.Sprintf("%s- id: %s\n%s  run: '%s'\n%s  except: [{match: ExitError, value: \"handled ${{ error.exit_code }}\"}]\n%s  finally: [{run: '%s'}]\n",
			in, id, in, a.work(id, "exit 3"), in, in, a.work(id+"f", "exit 0"))
	case 4:
		return fmt.Sprintf("%s- {id: %s, fail: {type: Odd, message: %s}, except: [{value: caught}]}\n", in, id, id)
	default:
		return fmt.Sprintf("%s- {id: %s, run: '%s'%s}\n", in, id, a.work(id, "echo "+id), more)
	}
}

// list is a list of steps.
func (a *author) list(in string, depth int) string {
	outer := a.tasks
	a.tasks = nil
	var b strings.Builder
	for range 1 + a.rng.IntN(3) {
		b.WriteString(a.step(in, depth, true))
	}
	for _, id := range a.tasks {
		fmt.Fprintf(&b, "%s- {await: %s}\n", in, id)
	}
	a.tasks = outer
	return b.String()
}

// step is a step, in a list or in a block.
func (a *author) step(in string, depth int, inList bool) string {
	id := a.id()
	kind := a.rng.IntN(8)
	switch {
	case depth == 0 || kind < 2:
		return a.leaf(id, in)
	case kind == 2 && inList:
		a.tasks = append(a.tasks, id)
		return fmt.Sprintf("%s- {id: %s, background: true, run: '%s'}\n", in, id, a.work(id, "echo "+id))
	case kind == 3:
		return fmt.Sprintf("%s- id: %s\n%s  %s: {for: x, in: range(%d), do: {run: '%s'}}\n%s  limit: %d\n",
			in, id, in, a.pick("gather", "taskgroup"), 1+a.rng.IntN(4), a.work(id+".${{ x }}", "echo ${{ x }}"), in, 1+a.rng.IntN(3))
	case kind == 4:
		return fmt.Sprintf("%s- id: %s\n%s  steps:\n%s", in, id, in, a.list(in+"    ", depth-1))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s- id: %s\n%s  %s:\n", in, id, in, a.pick("gather", "taskgroup", "gather", "wait"))
	for range 1 + a.rng.IntN(3) {
		b.WriteString(a.step(in+"    ", depth-1, false))
	}
	b.WriteString(a.pick("", in+"  timeout: 30s\n", in+"  finally: [{echo: bye}]\n"))
	return b.String()
}

// write is a workflow.
func (a *author) write() string {
	return "semaphores: {gpu: 1}\nsteps:\n" + a.list("  ", 2) + "finally: [{run: 'echo tidied >>log'}]\n"
}

// outcome is a result document without what a crash may change: times, attempts, the id, and what was first of a wait.
func outcome(t *testing.T, doc []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	strip(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func strip(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			strip(x)
		}
	case map[string]any:
		for _, key := range []string{"run", "started_at", "duration", "queued", "attempts", "first"} {
			delete(v, key)
		}
		for _, x := range v {
			strip(x)
		}
	}
}

// ends are the attempts at work that have an end in the journal of a run that may be dead.
func ends(t *testing.T, r *journal.Run) map[string]bool {
	t.Helper()
	list := map[string]bool{}
	in, err := journal.Open(r.Folder)
	if err != nil {
		return list // it never began
	}
	defer in.Close()
	for {
		e, err := in.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == event.StepEnd && e.Log != "" {
			list[e.Path] = true
		}
	}
}

// TestKilled: a workflow that is killed again and again, and resumed, comes to the same as one that is left alone; nothing that
// had ended is done again, and nothing is left out.
func TestKilled(t *testing.T) {
	t.Parallel()
	workflows, kills := 20, 10
	if testing.Short() {
		workflows, kills = 4, 5
	}
	if long() {
		workflows, kills = 200, 10
	}
	for seed := range workflows {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			a := &author{rng: rand.New(rand.NewPCG(uint64(seed), 1))}
			c := prepare(t, a.write())
			begin := time.Now()
			out, errs, state := c.say("run", "w.yaml", "--format", "json")
			took := time.Since(begin)
			if state != "exit status 0" {
				t.Fatalf("%s: %s", state, errs)
			}
			want := outcome(t, []byte(out))
			lines := len(eventsOf(t, c.run(t)))
			for n := range kills {
				v := &victim{command: c, log: filepath.Join(c.dir, "log")}
				v.removed(t)
				if n%2 == 0 {
					v.at = time.Duration(a.rng.Int64N(int64(took)))
				} else {
					v.lines = 1 + a.rng.IntN(2*lines)
				}
				v.both = a.rng.IntN(2) == 0
				v.dies(t, "run", "w.yaml", "-q")
				if a.rng.IntN(3) == 0 && v.crashed(t) {
					v.at, v.lines = time.Duration(a.rng.Int64N(int64(took))), 0
					v.dies(t, "resume", "-q")
				}
				v.ends(t, want)
				v.gone(t)
			}
		})
	}
}

// victim is a run that is killed.
type victim struct {
	*command
	log   string
	at    time.Duration // when, since it was started
	lines int           // or when its journal has so many
	both  bool          // the supervisor, too
}

// gone waits until nobody works in the folder any more. A supervisor that was killed in the moment in which it starts its engine leaves one that
// is told to end. Both hide their environment from all but root, and so they are known by their command line.
func (v *victim) gone(t *testing.T) {
	t.Helper()
	self := []byte(filepath.Join(filepath.Dir(v.dir), "flowrun") + "\x00")
	until(t, slack, "end of all that was killed", func() bool {
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		return len(marked(v.mark)) == 0 && !slices.ContainsFunc(lines, func(path string) bool {
			line, _ := os.ReadFile(path)
			return bytes.HasPrefix(line, self)
		})
	})
}

// removed is a fresh start.
func (v *victim) removed(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(v.dir, ".state")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(v.log); err != nil {
		t.Fatal(err)
	}
}

// dies starts flowrun and kills it, if it does not end before.
func (v *victim) dies(t *testing.T, args ...string) {
	t.Helper()
	is := v.start(t, v.cmd(args...))
	begin := time.Now()
	for !is() && (v.lines > 0 && v.written() < v.lines || v.lines == 0 && time.Since(begin) < v.at) {
		time.Sleep(100 * time.Microsecond)
	}
	engine, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", v.pid, v.pid))
	if v.both {
		_ = unix.Kill(v.pid, unix.SIGKILL)
	}
	var pid int
	if _, err := fmt.Sscan(string(engine), &pid); err == nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	until(t, slack, "end of what was killed", is)
}

// written are the lines of the journal.
func (v *victim) written() int {
	paths, _ := filepath.Glob(filepath.Join(v.state(), "runs", "*", "journal.ndjson"))
	if len(paths) == 0 {
		return 0
	}
	b, _ := os.ReadFile(paths[0])
	return strings.Count(string(b), "\n")
}

// crashed says whether there is something to resume.
func (v *victim) crashed(t *testing.T) bool {
	t.Helper()
	ids, err := journal.IDs(v.state())
	if err != nil {
		t.Fatal(err)
	}
	return len(ids) == 1 && journal.Look(v.state(), ids[0]).State == journal.Crashed
}

// ends resumes the run to its end, and compares.
func (v *victim) ends(t *testing.T, want string) {
	t.Helper()
	if !v.crashed(t) {
		return // it was over, or it had not begun
	}
	r := v.run(t)
	ended := ends(t, r)
	before := v.begins()
	out, errs, state := v.say("resume", "--format", "json", "-q")
	if state == "exit status 2" && strings.Contains(errs, "it died at its begin") {
		return
	}
	if state != "exit status 0" {
		t.Errorf("resume: %s\n%s%s", state, out, errs)
		return
	}
	if got := outcome(t, []byte(out)); got != want {
		t.Errorf("it comes to\n%s\nnot to\n%s", got, want)
	}
	after := v.begins()
	for _, id := range slices.Sorted(maps.Keys(after)) {
		path, index, generated := strings.Cut(id, ".")
		if generated {
			path += "[" + index + "]"
		}
		if again := after[id] - before[id]; ended[path] && again > 0 {
			t.Errorf("%s had ended, and began %d times again", path, again)
		}
	}
	if left := v.begins(); len(left) < strings.Count(want, `"kind": "run"`)-1 {
		t.Errorf("of %d steps with work only %d began", strings.Count(want, `"kind": "run"`), len(left))
	}
}

// begins counts how often each script began.
func (v *victim) begins() map[string]int {
	count := map[string]int{}
	b, _ := os.ReadFile(v.log)
	for line := range strings.Lines(string(b)) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "begin "); ok {
			count[id]++
		}
	}
	return count
}
