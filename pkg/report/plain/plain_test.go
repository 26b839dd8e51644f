package plain

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/sim"
	"github.com/flowrun/flowrun/pkg/report/played"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the texts that the tests want")

// TestGolden runs the workflow of each testdata/*.txtar on the virtual clock and compares the text:
//
//	flow.yaml    the workflow
//	options      words: color, quiet, verbose, interrupt=DURATION
//	work/PATH    how long the process of that step works, and its exit code: 1.2s 3 (default: 1s 0)
//	output/PATH  what it prints
//	want         the text, with ESC for the escape character
func TestGolden(t *testing.T) {
	played.Golden(t, *update, func(t *testing.T, parts map[string]string) string {
		return strings.ReplaceAll(show(t, parts), "\x1b", "ESC")
	})
}

func show(t *testing.T, parts map[string]string) string {
	f, err := spec.Parse("flow.yaml", []byte(parts["flow.yaml"]), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Again: func() string { return "flowrun run flow.yaml" }, Failed: "flowrun resume RUN --failed", Logs: "flowrun logs RUN", Artifacts: "flowrun artifacts RUN"}
	var inputs []sim.At
	for _, w := range strings.Fields(parts["options"]) {
		switch w {
		case "color":
			opt.Color = true
		case "quiet":
			opt.Quiet = true
		case "verbose":
			opt.Verbose = true
		default:
			d, err := time.ParseDuration(strings.TrimPrefix(w, "interrupt="))
			if err != nil {
				t.Fatalf("unknown option %s", w)
			}
			cause := &event.Cause{Why: event.WhySignal, By: "SIGINT"}
			inputs = append(inputs, sim.At{Time: d, Input: kernel.Input{Kind: kernel.Cancel, Cause: cause}})
		}
	}
	var out bytes.Buffer
	printer := New(&out, p, opt)
	sim.Run(p, sim.Options{
		Kernel: kernel.Options{Start: time.Unix(0, 0)},
		Inputs: inputs,
		Observe: func(e event.Event) {
			printer.Observe(e)
			if text := parts["output/"+e.Path]; e.Type == event.StepStart && text != "" {
				e.Type, e.Stream, e.Text = event.StepOutput, "stdout", strings.ReplaceAll(text, "ESC", "\x1b")
				printer.Observe(e)
			}
		},
		Work: func(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
			took, code, whose := "1s", 0, "work/"
			if k.Probe {
				whose = "probe/"
			}
			fmt.Sscan(parts[whose+call.Step], &took, &code)
			d, err := time.ParseDuration(took)
			if err != nil {
				t.Fatal(err)
			}
			if code == 0 {
				o := event.Success("")
				for path := range strings.FieldsSeq(parts["artifacts/"+call.Step]) {
					list, _ := o.Extra[event.ExtraArtifacts].([]any)
					a := event.Artifact{Path: strings.ReplaceAll(path, "ESC", "\x1b"), Size: int64(len(path)) << 9}
					o.Extra = map[string]any{event.ExtraArtifacts: append(list, a.Value())}
				}
				return d, o
			}
			if k.Probe {
				return d, event.Failure(event.Errorf(event.TimeoutError, "not ready within %s; last answer: exit status %d", took, code))
			}
			e := event.Errorf(event.ExitError, "exit status %d", code)
			e.Fields = map[string]any{"exit_code": code}
			return d, event.Failure(e)
		},
	})
	return out.String()
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, plain, color string }{
		{"text\twith tabs, ü", "text\twith tabs, ü", "text\twith tabs, ü"},
		{"\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m"},
		{"\x1b[2J\x1b[Hclear", "clear", "clear"},
		{"\x1b]0;title\atext", "text", "text"},
		{"\x1b]8;;http://x\x1b\\link", "link", "link"},
		{"a\rb\bc\x00d", "abcd", "abcd"},
		{"cut \x1b[3", "cut ", "cut "},
		{"\x1bP1;2|device\x1b\\text", "text", "text"},
		{"\x1b_apc\x1b\\ \x1b^pm\x1b\\ \x1bXsos\x1b\\text", "  text", "  text"},
		{"\x1b]0;title without an end", "0;title without an end", "0;title without an end"},
		{"\x1b[31é\x1b[mlost", "élost", "é\x1b[mlost"},
		{"\x1b[>4;1m\x1b[?1m\x1b[1 m no colours", " no colours", " no colours"},
		{"\x1b[8mhidden\x1b[1;08mhidden", "hiddenhidden", "hiddenhidden"},
		{"\x1b[38;5;8;1m\x1b[48;2;8;8;8mgrey", "grey", "\x1b[38;5;8;1m\x1b[48;2;8;8;8mgrey"},
		{"\x1b[38;5;8;8mhidden", "hidden", "hidden"},
		{"\x1b(0charset\x1b#8", "charset", "charset"},
		{"\x1b\x1b[31mtwice", "twice", "\x1b[31mtwice"},
		{"\u009d0;title\u009c \u0090x", "0;title x", "0;title x"},
		{"del\x7f", "del", "del"},
		{"one\u2028two\u2029\u0085three", "one two three", "one two three"},
		{"\u202eright to left\u2066\u2069", "right to left", "right to left"},
		{"\u200fعربي", "\u200fعربي", "\u200fعربي"},
		{"end \x1b", "end ", "end "},
		{"\x1bcreset", "reset", "reset"},
		{"C1 \u009b2J", "C1 2J", "C1 2J"},
		{"bad \xff", "bad \ufffd", "bad \ufffd"},
	} {
		if got := clean(c.in, false); got != c.plain {
			t.Errorf("%q plain: %q, want %q", c.in, got, c.plain)
		}
		if got := clean(c.in, true); got != c.color {
			t.Errorf("%q in colour: %q, want %q", c.in, got, c.color)
		}
	}
}

func TestDrawn(t *testing.T) {
	for _, c := range [][2]string{
		{"text", "text"},
		{"text\r", "text"},
		{"10%\r50%\r100%", "100%"},
		{"10%\r100%\r\r", "100%"},
		{"\r10%", "10%"},
	} {
		if got := drawn(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

// A bar that is drawn over for hours is kept as one line.
func TestProgressBar(t *testing.T) {
	p := &plan.Plan{Steps: []*plan.Step{{Kind: "steps", Body: &plan.Sequence{}}, {ID: "a", Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}}}}
	var out bytes.Buffer
	r := New(&out, p, Options{})
	say := func(text string) {
		r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: event.Where{Step: 1, Node: 1}, Stream: "stdout", Text: text})
	}
	for i := range 1000 {
		say(fmt.Sprintf("\r%3d", i))
		say("%")
	}
	if n := len(r.talk[1].part[0]); n > 10 {
		t.Errorf("%d bytes are kept", n)
	}
	say("\r\nnext\r\n")
	if got, want := out.String(), "a | 999%\na | next\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{12345 * time.Microsecond, "12ms"},
		{1234 * time.Millisecond, "1.2s"},
		{63 * time.Second, "1m3s"},
		{2*time.Hour + 5*time.Minute + 9*time.Second, "2h5m"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("%s: %s, want %s", c.d, got, c.want)
		}
	}
}

// A line that never ends is cut, and a failed step shows its last lines only.
func TestLongOutput(t *testing.T) {
	p := &plan.Plan{Steps: []*plan.Step{{Kind: "steps", Body: &plan.Sequence{}}, {ID: "a", Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}}}}
	var out bytes.Buffer
	r := New(&out, p, Options{})
	say := func(text string) {
		r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: event.Where{Step: 1, Node: 1}, Stream: "stdout", Text: text})
	}
	for range 3 {
		say(strings.Repeat("x", maxLine/2))
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	say("\n")
	for i := range 100 {
		say(fmt.Sprintf("%d\n", i))
	}
	talk := r.talk[1]
	if len(talk.last) != tailLines || talk.last[tailLines-1] != "99" || talk.lines != 102 {
		t.Errorf("%d lines kept of %d, the last is %q", len(talk.last), talk.lines, talk.last[len(talk.last)-1])
	}
}

// What was too fast to be told is said to be missing, and where it is when the step fails.
func TestSkippedOutput(t *testing.T) {
	p := &plan.Plan{Steps: []*plan.Step{{Kind: "steps", Body: &plan.Sequence{}}, {ID: "a", Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}}}}
	var out bytes.Buffer
	r := New(&out, p, Options{})
	r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}})
	at := event.Where{Step: 1, Node: 1}
	r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: at, Stream: "stdout", Text: "one"})
	r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: at, Stream: "stderr", Text: "why\n"})
	r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: at, Stream: "stdout", Skipped: 3 << 19, Log: "/state/runs/R/logs/a/1"})
	r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: at, Stream: "stdout", Skipped: 1 << 10})
	r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: at, Stream: "stdout", Text: "last\n"})
	e := event.Errorf(event.ExitError, "exit status 3")
	e.Step = "a"
	r.Observe(event.Event{Type: event.StepEnd, Path: "a", Where: at, Outcome: event.Failure(e), Log: "/state/runs/R/logs/a/1"})
	r.Observe(event.Event{Type: event.RunEnd, Outcome: event.Failure(e)})
	want := `a | why
a | one
… not shown  a  1.5 MiB of its output; its log has all of it
… not shown  a  1.0 KiB of its output
a | last
✗ failed     a  0s  ExitError: exit status 3

✗ workflow failed in 0s: 1 failed

a: ExitError: exit status 3
    0s
    the last lines of its output:
    | why
    | one
    | last
    the last lines of its stderr:
    | why
    all of it: /state/runs/R/logs/a/1.stdout
    all of it: /state/runs/R/logs/a/1.stderr
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
