package ndjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// TestInert: a line holds no command of a CI, and says the same.
func TestInert(t *testing.T) {
	var out bytes.Buffer
	w := New(&out, &plan.Plan{Steps: []*plan.Step{{Kind: "run"}}}, "01")
	const text = "::error::x ##[error]x ##vso[x] #1 \\# \u2028 section_end:1:x\r\x1b[0K\n"
	for range 2 {
		w.Observe(event.Event{Type: event.StepOutput, Where: event.Where{Parent: -1}, Stream: "stdout", Text: text})
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, l := range lines {
		var e struct{ Text string }
		if err := json.Unmarshal([]byte(l), &e); err != nil || e.Text != text {
			t.Errorf("%v: %q, want %q", err, e.Text, text)
		}
		if strings.ContainsAny(l, "#\r\x1b\u2028") {
			t.Errorf("raw: %s", l)
		}
	}
}
