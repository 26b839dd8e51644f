package ending_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/ending"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/played"
)

var update = flag.Bool("update", false, "write the endings that the tests want")

// TestEndings plays the workflow of each testdata/*.txtar (package played) and compares what is known of its end with the part `want`.
func TestEndings(t *testing.T) {
	played.Golden(t, *update, func(t *testing.T, parts map[string]string) string {
		p, events := played.Events(t, parts)
		r := model.New(p, played.RunID)
		for _, e := range events {
			r.Observe(e)
		}
		return text(r)
	})
}

// text is what is known of the end of a run.
func text(r *model.Run) string {
	var b strings.Builder
	var cause func(c *ending.Cause, indent string)
	cause = func(c *ending.Cause, indent string) {
		fmt.Fprintf(&b, "%s%d", indent, c.Number)
		if c.Siblings {
			b.WriteString(" siblings")
		} else {
			fmt.Fprintf(&b, " %s %s", c.Err.Step, c.Err.Type)
		}
		if len(c.Below) == 0 {
			fmt.Fprintf(&b, " at %v, action %v", c.Place(r.Plan), c.Action(r.Plan))
			if at := ending.Position(c.Step); at != "" {
				b.WriteString(", " + at)
			}
		} else {
			fmt.Fprintf(&b, " causes %d of %d", c.Causes, c.All)
		}
		for _, x := range c.Alike {
			b.WriteString(" = " + x.Err.Step)
		}
		b.WriteString("\n")
		for _, h := range c.Hints() {
			fmt.Fprintf(&b, "%s  hint: %s\n", indent, h)
		}
		for _, x := range c.Below {
			cause(x, indent+"  ")
		}
	}
	if c := ending.Causes(r); c != nil {
		b.WriteString("causes\n")
		cause(c, "  ")
		if n := len(c.Leaves()); n != c.Causes {
			fmt.Fprintf(&b, "%d leaves of %d causes\n", n, c.Causes)
		}
	}
	b.WriteString("rows\n")
	for _, row := range ending.Rows(r, 20) {
		indent := strings.Repeat("  ", row.Depth+1)
		switch {
		case row.Rest > 0:
			fmt.Fprintf(&b, "%s%d %s\n", indent, row.Rest, row.Status)
		case row.Folded:
			fmt.Fprintf(&b, "%s%s %s, folded\n", indent, row.Step.Path, row.Step.At())
		default:
			fmt.Fprintf(&b, "%s%s %s\n", indent, row.Step.Path, row.Step.At())
		}
	}
	b.WriteString("critical\n")
	for _, l := range ending.Critical(r) {
		fmt.Fprintf(&b, "  %s %v, attempts %d, paused %v\n", l.Step.Path, l.Took, l.Attempts, l.Paused)
	}
	if w, any := ending.LongestWait(r); any {
		fmt.Fprintf(&b, "longest wait\n  %s %v for %s\n", w.Step.Path, w.For, w.Why)
	}
	b.WriteString("slowest\n")
	for _, s := range ending.Slowest(r, 3) {
		fmt.Fprintf(&b, "  %s %v\n", s.Path, s.Duration)
	}
	if n := ending.Retried(r); n > 0 {
		fmt.Fprintf(&b, "retried %d\n", n)
	}
	return b.String()
}

// TestHints: what is said of a cause beyond its message.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		typ    string
		fields map[string]any
		output string
		want   string
	}{
		{"ExitError", map[string]any{"exit_code": 127}, "sh: 1: jq: not found", "there is no jq in the PATH of this step: install it, or set PATH in env"},
		{"ExitError", map[string]any{"exit_code": 127}, "bash: line 3: jq: command not found", "there is no jq in the PATH of this step: install it, or set PATH in env"},
		{"ExitError", map[string]any{"exit_code": 127}, "zsh:1: command not found: jq", "there is no jq in the PATH of this step: install it, or set PATH in env"},
		{"ExitError", map[string]any{"exit_code": 127}, "env: ‘jq’: No such file or directory", "there is no jq in the PATH of this step: install it, or set PATH in env"},
		{"ExitError", map[string]any{"exit_code": 127}, "jq: not found\nand more", "there is no jq in the PATH of this step: install it, or set PATH in env"},
		{"ExitError", map[string]any{"exit_code": 127}, "sh: 1: ./x.sh: not found", "there is no ./x.sh where this step runs, or not the program that its first line names"},
		{"ExitError", map[string]any{"exit_code": 127}, "what?", ""},
		{"ExitError", map[string]any{"exit_code": 1}, "sh: 1: jq: not found", ""},
		{"ExitError", map[string]any{"exit_code": 126}, "sh: 1: ./x.sh: Permission denied", "chmod +x ./x.sh"},
		{"ExitError", map[string]any{"exit_code": 137}, "", "when memory is short the system kills what has much of it: dmesg, or the memory limit of the container, tells"},
		{"ExitError", map[string]any{"signal": "KILL"}, "", "when memory is short the system kills what has much of it: dmesg, or the memory limit of the container, tells"},
		{"ExitError", map[string]any{"exit_code": 1}, "cp: x: No space left on device", "a disk, or a quota, was full: df -h and df -i say which"},
		{"ExitError", map[string]any{"exit_code": 1}, "fine", ""},
	} {
		step := &model.Step{Attempts: []model.Attempt{{Output: model.Output{Pieces: []model.Piece{{Stream: "stderr", Text: c.output + "\n"}}}}}}
		cause := &ending.Cause{Err: &event.Error{Type: c.typ, Message: "it failed", Fields: c.fields}, Step: step}
		if got := strings.Join(cause.Hints(), "|"); got != c.want {
			t.Errorf("%v %q: got %q, want %q", c.fields, c.output, got, c.want)
		}
	}
	e := &ending.Cause{Err: event.Errorf(event.OutputError, "its log cannot be written: write 1.stdout: no space left on device")}
	if got := e.Hints(); len(got) != 1 || !strings.HasPrefix(got[0], "a disk") {
		t.Errorf("%q", got)
	}
}
