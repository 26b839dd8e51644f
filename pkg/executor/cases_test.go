package executor_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestCases runs the cases of the language, written from its rules (the format is in docs/testing.md).
func TestCases(t *testing.T) {
	for _, file := range files(t, "testdata/cases/*.txtar") {
		t.Run(stem(file), func(t *testing.T) {
			src, inputs, parts := readCase(t, file)
			p := compile(t, file, []byte(src), parts)
			eachDriver(t, p, inputs, func(t *testing.T, r *ran) {
				got := r.wanted(t, parts["want"])
				if got != parts["want"] {
					t.Errorf("want:\n%sgot:\n%s", parts["want"], got)
				}
				if want, ok := parts["timeline"]; ok {
					want = inOrder(t, want)
					if got := r.timeline(want); got != want {
						t.Errorf("timeline, want:\n%sgot:\n%s", want, got)
					}
				}
			})
		})
	}
}

// readCase is a case: its workflow, its inputs, and all its parts by name.
func readCase(t *testing.T, file string) (src string, inputs map[string]any, parts map[string]string) {
	t.Helper()
	parts, inputs = map[string]string{}, map[string]any{}
	for _, f := range txtar.Parse(read(t, file)).Files {
		parts[f.Name] = string(f.Data)
	}
	if src, ok := parts["inputs.json"]; ok {
		v, err := event.Decode([]byte(src))
		if err != nil {
			t.Fatal(err)
		}
		inputs = v.(map[string]any)
	}
	return parts["flow.yaml"], inputs, parts
}

// wanted writes what the run gave in the form of a want section, with the lines that the section has.
func (r *ran) wanted(t *testing.T, want string) string {
	t.Helper()
	var b strings.Builder
	hasError := false
	for line := range strings.Lines(want) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		rest = strings.TrimPrefix(rest, " ")
		hasError = hasError || key == "error"
		switch key {
		case "status":
			fmt.Fprintf(&b, "status: %s\n", r.outcome.Status)
		case "value":
			v, err := event.Decode([]byte(rest))
			if err != nil {
				t.Fatalf("value: %v", err)
			}
			if jsonText(v) == jsonText(r.outcome.Value) {
				b.WriteString(line) // however it is spaced
			} else {
				fmt.Fprintf(&b, "value: %s\n", jsonText(r.outcome.Value))
			}
		case "error":
			if r.outcome.Err != nil && rest == types(r.outcome.Err) {
				b.WriteString(line) // a type without a message stands for any message
			} else {
				fmt.Fprintf(&b, "error: %s\n", shape(r.outcome.Err))
			}
		case "elapsed":
			fmt.Fprintf(&b, "elapsed: %s\n", event.FormatDuration(r.took))
		case "states":
			ends := r.last()
			fmt.Fprintf(&b, "states:")
			for _, s := range strings.Fields(rest) {
				path, _, _ := strings.Cut(s, "=")
				if e, ok := ends[path]; ok {
					fmt.Fprintf(&b, " %s=%s", path, e.Status)
				} else {
					fmt.Fprintf(&b, " %s=?", path)
				}
			}
			b.WriteByte('\n')
		case "echo":
			var said []string
			for _, e := range r.events {
				if e.Type == event.StepOutput && e.Stream == "echo" {
					said = append(said, strings.ReplaceAll(strings.TrimSuffix(e.Text, "\n"), "\n", "|"))
				}
			}
			b.WriteString(strings.TrimSuffix("echo: "+strings.Join(said, "|"), " ") + "\n")
		default:
			t.Fatalf("a want section has no line %q", key)
		}
	}
	if !hasError && r.outcome.Err != nil {
		fmt.Fprintf(&b, "error: %s\n", shape(r.outcome.Err))
	}
	return b.String()
}

// types is an error in one line without its messages.
func types(e *event.Error) string {
	if !e.IsGroup() {
		return e.Type
	}
	parts := make([]string, len(e.Errors))
	for i, m := range e.Errors {
		parts[i] = types(m)
	}
	return "ExceptionGroup[" + strings.Join(parts, ", ") + "]"
}

// line is one line of a timeline.
type line struct {
	at   time.Duration
	text string
}

// inOrder is a timeline with the lines of one instant sorted.
func inOrder(t *testing.T, s string) string {
	t.Helper()
	var lines []line
	for l := range strings.Lines(s) {
		when, text, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok {
			continue
		}
		at, err := time.ParseDuration(when)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line{at, text})
	}
	return written(lines)
}

func written(lines []line) string {
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.text, b.text)) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s\n", event.FormatDuration(l.at), l.text)
	}
	return b.String()
}

// timeline is what happened to the steps that want mentions.
func (r *ran) timeline(want string) string {
	paths, queued := map[string]bool{}, map[string]bool{}
	for l := range strings.Lines(want) {
		f := strings.Fields(l)
		if len(f) < 3 {
			continue
		}
		paths[f[2]] = true
		if f[1] == "queued" {
			queued[f[2]] = true
		}
	}
	var lines []line
	for _, e := range r.events {
		if !paths[e.Path] {
			continue
		}
		switch e.Type {
		case event.StepStart:
			lines = append(lines, line{r.at(e), "start " + e.Path})
		case event.StepEnd:
			lines = append(lines, line{r.at(e), "end " + e.Path + " " + e.Status.String()})
		case event.StepReady:
			lines = append(lines, line{r.at(e), "ready " + e.Path})
		case event.StepRetry:
			lines = append(lines, line{r.at(e), "retry " + e.Path + " " + event.FormatDuration(e.In)})
		case event.StepCancel:
			lines = append(lines, line{r.at(e), "cancel " + e.Path})
		case event.StepQueued:
			if queued[e.Path] {
				lines = append(lines, line{r.at(e), "queued " + e.Path})
			}
		}
	}
	return written(lines)
}
