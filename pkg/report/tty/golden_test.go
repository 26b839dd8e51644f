package tty

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/played"
	"github.com/flowrun/flowrun/pkg/report/tty/vt"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the screens that the tests want")

// TestGolden runs the workflow of each testdata/*.txtar on the virtual clock, shows it on a terminal, and compares what is seen:
//
//	flow.yaml    the workflow
//	options      a word a line, with what it is given:
//	             size 80x24, ascii, quiet, verbose, jobs 2
//	             at 1.5s             the screen then is compared
//	             resize 60x12 2s     the terminal has another size from then on
//	             interrupt 3s        SIGINT
//	             usual PATH 4s 6s    how long the step took in earlier runs, and from when on it is slow
//	             left 10s            how long the run took in earlier runs
//	work/PATH    how long the process of that step works, and its exit code, for each attempt: 1.2s 3 (default: 1s 0)
//	output/PATH  what it prints: DURATION TEXT, a line each; a text in quotes is Go's
//	want         the screens, and at the end all that was ever above them; the end of the run is told by package plain,
//	             which is only there with verbose
func TestGolden(t *testing.T) {
	played.Golden(t, *update, func(t *testing.T, parts map[string]string) (got string) {
		synctest.Test(t, func(t *testing.T) { got = screens(t, parts) })
		return got
	})
}

// moment is something that happens at a time.
type moment struct {
	at time.Duration
	do func()
}

// past is the History of a case.
type past struct {
	start time.Time
	steps map[string][2]time.Duration
	run   time.Duration
	mu    sync.Mutex
	begun map[int32]event.Event
}

// observe sees when steps begin.
func (p *past) observe(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Type == event.StepStart {
		p.begun[e.Where.Step] = e
	}
}

// begin is when a step began.
func (p *past) begin(step int32) event.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun[step]
}

func (p *past) Usual(step int32) (time.Duration, bool) {
	d, known := p.steps[p.begin(step).Path]
	return d[0], known
}

func (p *past) Slow(step int32, now time.Time) bool {
	e := p.begin(step)
	return now.Sub(e.Time) > p.steps[e.Path][1]
}

func (p *past) Left(now time.Time) (time.Duration, bool) {
	return max(0, p.run-now.Sub(p.start)), p.run > 0
}

func compile(t testing.TB, text string, opt plan.Options) *plan.Plan {
	t.Helper()
	f, err := spec.Parse("flow.yaml", []byte(text), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parse(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// size reads 80x24.
func size(s string) (cols, rows int) {
	fmt.Sscanf(s, "%dx%d", &cols, &rows)
	return cols, rows
}

func screens(t *testing.T, parts map[string]string) string {
	start := time.Now()
	term := vt.New(80, 24)
	var out strings.Builder
	show := func(title string, all bool) {
		cursor := ""
		if term.Hidden() {
			cursor = ", no cursor"
		}
		cols, rows := term.Size()
		fmt.Fprintf(&out, "=== %s, %dx%d%s\n%s", title, cols, rows, cursor, term.Text(all))
	}
	opt := Options{Size: term.Size, Run: "01KDYQ5T9YQZ8M3N4P5R6S7T8V"}
	history := &past{start: start, steps: map[string][2]time.Duration{}, begun: map[int32]event.Event{}}
	var limits plan.Options
	var moments []moment // in the order of time
	var inputs []sim.At
	for line := range strings.Lines(parts["options"]) {
		w := append(strings.Fields(line), "", "", "")
		switch w[0] {
		case "size":
			term.Resize(size(w[1]))
		case "ascii":
			opt.ASCII = true
		case "quiet":
			opt.Silent = true
		case "verbose":
			opt.Verbose = true
		case "jobs":
			fmt.Sscan(w[1], &limits.Jobs)
		case "at":
			moments = append(moments, moment{parse(t, w[1]), func() { show(w[1], false) }})
		case "resize":
			moments = append(moments, moment{parse(t, w[2]), func() { term.Resize(size(w[1])) }})
		case "interrupt":
			cause := &event.Cause{Why: event.WhySignal, By: "SIGINT"}
			inputs = append(inputs, sim.At{Time: parse(t, w[1]), Input: kernel.Input{Kind: kernel.Cancel, Cause: cause}})
		case "usual":
			history.steps[w[1]] = [2]time.Duration{parse(t, w[2]), parse(t, w[3])}
			opt.History = history
		case "left":
			history.run = parse(t, w[1])
			opt.History = history
		default:
			t.Fatalf("unknown option %s", line)
		}
	}
	p := compile(t, parts["flow.yaml"], limits)
	screen := New(term, p, opt)
	defer screen.Close()
	lines := plain.New(screen, p, plain.Options{Verbose: true})
	w := &world{t: t, parts: parts, start: start, tries: map[string]int{}}
	w.tell = func(e event.Event) {
		for len(moments) > 0 && start.Add(moments[0].at).Before(e.Time) {
			time.Sleep(time.Until(start.Add(moments[0].at)))
			synctest.Wait()
			moments[0].do()
			moments = moments[1:]
		}
		if e.Type != event.RunStart { // so that none comes at the time of a frame
			time.Sleep(time.Until(e.Time.Add(7 * time.Millisecond)))
		}
		history.observe(e)
		screen.Observe(e)
		if opt.Verbose {
			lines.Observe(e)
		}
	}
	sim.Run(p, sim.Options{
		Kernel: kernel.Options{Start: start, RunID: opt.Run}, Inputs: inputs,
		Observe: w.observe, Work: w.work, Grace: func(*kind.Kind, kind.Call) time.Duration { return 300 * time.Millisecond },
		Ready: func(*kind.Kind, kind.Call) (time.Duration, bool) { return 500 * time.Millisecond, true },
	})
	if len(moments) > 0 {
		t.Errorf("the run ended before %s", moments[0].at)
	}
	show("end", true)
	for _, w := range term.Wrong() {
		t.Error(w)
	}
	return out.String()
}

// world has steps work, and print what they are to print.
type world struct {
	t       *testing.T
	parts   map[string]string
	start   time.Time
	tries   map[string]int
	printed []event.Event // to come, in the order of time
	tell    func(event.Event)
}

// observe tells events, with the output that was to come before them.
func (w *world) observe(e event.Event) {
	for len(w.printed) > 0 && w.printed[0].Time.Before(e.Time) {
		w.tell(w.printed[0])
		w.printed = w.printed[1:]
	}
	w.tell(e)
	if e.Type != event.StepStart {
		return
	}
	for l := range strings.Lines(w.parts["output/"+e.Path]) {
		after, text, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		if strings.HasPrefix(text, `"`) {
			if _, err := fmt.Sscanf(text, "%q", &text); err != nil {
				w.t.Fatal(err)
			}
		} else {
			text += "\n"
		}
		x := e
		x.Type, x.Stream, x.Text = event.StepOutput, "stdout", text
		x.Time = e.Time.Add(parse(w.t, after))
		at := len(w.printed)
		for at > 0 && x.Time.Before(w.printed[at-1].Time) {
			at--
		}
		w.printed = append(w.printed[:at], append([]event.Event{x}, w.printed[at:]...)...)
	}
}

func (w *world) work(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	if k.Instant != nil || k.Name == "sleep" {
		return 0, k.Run(w.t.Context(), call)
	}
	took, code := "1s", 0
	lines := strings.Split(strings.TrimSpace(w.parts["work/"+call.Step]), "\n")
	fmt.Sscan(lines[min(w.tries[call.Step], len(lines)-1)], &took, &code)
	w.tries[call.Step]++
	if code == 0 {
		return parse(w.t, took), event.Success("")
	}
	e := event.Errorf(event.ExitError, "exit status %d", code)
	e.Fields = map[string]any{"exit_code": code}
	return parse(w.t, took), event.Failure(e)
}
