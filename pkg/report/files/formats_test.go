package files_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// element is what a JUnit file may have, as the schemas of Jenkins' xUnit plugin and of Surefire say in common: the stricter of
// both, but for timestamp.
type element struct {
	required, optional string // attributes
	children           string // in this order
}

func junitElements() map[string]element {
	rerun := element{required: "type", optional: "message", children: "stackTrace system-out system-err"}
	return map[string]element{
		"testsuites":   {optional: "name time tests failures errors", children: "testsuite"},
		"testsuite":    {required: "name tests failures errors skipped", optional: "time timestamp", children: "properties testcase"},
		"properties":   {children: "property"},
		"property":     {required: "name value"},
		"testcase":     {required: "name time", optional: "classname", children: "failure rerunFailure flakyFailure skipped error rerunError system-out system-err"},
		"failure":      {required: "type", optional: "message"},
		"error":        {required: "type", optional: "message"},
		"skipped":      {optional: "message"},
		"rerunFailure": rerun, "rerunError": rerun, "flakyFailure": rerun,
		"stackTrace": {}, "system-out": {}, "system-err": {},
	}
}

var junitTime = regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`)

func checkJUnit(t *testing.T, r *model.Run, b []byte) {
	t.Helper()
	rules := junitElements()
	dec := xml.NewDecoder(bytes.NewReader(b))
	type open struct {
		name string
		at   int // of the last child in the order of children
	}
	stack := []open{{name: ""}}
	counts := map[string]int{}
	names := map[string]bool{}
	var said map[string]string
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("junit: %v\n%s", err, b)
		}
		switch x := token.(type) {
		case xml.StartElement:
			name := x.Name.Local
			rule, known := rules[name]
			up := &stack[len(stack)-1]
			if up.name != "" {
				order := strings.Fields(rules[up.name].children)
				at := slices.Index(order, name)
				if at < up.at {
					t.Errorf("junit: %s in %s is not allowed there", name, up.name)
				}
				up.at = at
			} else if name != "testsuites" {
				t.Errorf("junit: the root is %s", name)
			}
			has := map[string]string{}
			for _, a := range x.Attr {
				has[a.Name.Local] = a.Value
				if !slices.Contains(strings.Fields(rule.required+" "+rule.optional), a.Name.Local) {
					t.Errorf("junit: %s has the attribute %s", name, a.Name.Local)
				}
			}
			for _, a := range strings.Fields(rule.required) {
				if _, ok := has[a]; !ok {
					t.Errorf("junit: %s has no attribute %s", name, a)
				}
			}
			if s, ok := has["time"]; ok && !junitTime.MatchString(s) {
				t.Errorf("junit: the time %q", s)
			}
			switch name {
			case "testsuites":
				said = has
			case "testcase":
				if names[has["name"]] {
					t.Errorf("junit: two cases are %q", has["name"])
				}
				names[has["name"]] = true
			}
			if !known {
				t.Errorf("junit: the element %s", name)
			}
			counts[name]++
			stack = append(stack, open{name: name})
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if name := stack[len(stack)-1].name; len(strings.TrimSpace(string(x))) > 0 && rules[name].children != "" {
				t.Errorf("junit: text in %s", name)
			}
		}
	}
	for attribute, name := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error"} {
		if said[attribute] != strconv.Itoa(counts[name]) {
			t.Errorf("junit: %s=%s, and there are %d", attribute, said[attribute], counts[name])
		}
	}
	good := r.Word() == "succeeded" || r.Word() == "skipped"
	if red := counts["failure"]+counts["error"] > 0; red == good && r.Root != nil {
		t.Errorf("junit: a run that is %s has %d failures and errors\n%s", r.Word(), counts["failure"]+counts["error"], b)
	}
}

// checkMarkdown: whatever is the run's own stands in code, and every row has the cells of its table.
func checkMarkdown(t *testing.T, _ *model.Run, b []byte) {
	t.Helper()
	fence, cells := "", 0
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if line == ticks && len(ticks) >= len(fence) {
				fence = ""
			}
			continue
		case len(ticks) >= 3 && !strings.Contains(line[len(ticks):], "`"):
			fence = ticks
			continue
		}
		outside := spans(line)
		if strings.Contains(outside, "EVIL") || strings.ContainsAny(outside, "`@") {
			t.Errorf("md: outside of code: %q", outside)
		}
		if tags := strings.NewReplacer("<details>", "", "</details>", "", "<summary>", "", "</summary>", "").Replace(outside); strings.ContainsAny(tags, "<>") {
			t.Errorf("md: HTML: %q", outside)
		}
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := len(bar.FindAllString(line, -1))
		if cells == 0 {
			cells = n
		}
		if n != cells {
			t.Errorf("md: %d cells, want %d: %q", n, cells, line)
		}
	}
	if fence != "" {
		t.Error("md: a block does not end")
	}
	if len(b) > 200<<10 {
		t.Errorf("md: %d bytes", len(b))
	}
}

// bar is one of a table, or what is none.
var bar = regexp.MustCompile(`\\[\\|]|\|`)

// spans is a line without its code spans, as CommonMark finds them.
func spans(line string) string {
	var b strings.Builder
	for line != "" {
		text, rest, _ := strings.Cut(line, "`")
		b.WriteString(text)
		if len(text) == len(line) {
			break
		}
		rest = "`" + rest
		n := len(rest) - len(strings.TrimLeft(rest, "`"))
		end := -1
		for i := n; i < len(rest); {
			m := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
			if m == n {
				end = i + m
				break
			}
			i += max(m, 1)
		}
		if end < 0 {
			b.WriteString(rest[:n])
			line = rest[n:]
			continue
		}
		line = rest[end:]
	}
	return b.String()
}

func checkTrace(t *testing.T, _ *model.Run, b []byte) {
	t.Helper()
	var doc struct {
		DisplayTimeUnit string            `json:"displayTimeUnit"`
		OtherData       map[string]any    `json:"otherData"`
		TraceEvents     []json.RawMessage `json:"traceEvents"`
	}
	strictly(t, "trace", b, &doc)
	ends := map[[2]int]float64{}
	for _, raw := range doc.TraceEvents {
		var e struct {
			Ph, Name, Cat, S string
			Pid, Tid         int
			Ts, Dur          *float64
			Args             map[string]any
		}
		strictly(t, "trace", raw, &e)
		switch e.Ph {
		case "X":
			lane := [2]int{e.Pid, e.Tid}
			if e.Ts == nil || e.Dur == nil || *e.Dur < 0 || *e.Ts < 0 || *e.Ts < ends[lane]-0.001 {
				t.Fatalf("trace: %s begins before its lane is free, at %v", raw, ends[lane])
			}
			ends[lane] = *e.Ts + *e.Dur
		case "M":
			if e.Args["name"] == nil && e.Args["sort_index"] == nil {
				t.Errorf("trace: %s", raw)
			}
		case "C", "i":
			if e.Ts == nil || *e.Ts < 0 {
				t.Errorf("trace: %s", raw)
			}
		default:
			t.Errorf("trace: %s", raw)
		}
	}
}

func strictly(t *testing.T, kind string, b []byte, into any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v\n%s", kind, err, b)
	}
}

// checkOTLP reads what the collector reads, and says what it would not.
func checkOTLP(t *testing.T, r *model.Run, b []byte) {
	t.Helper()
	type attributes []struct {
		Key   string
		Value map[string]any
	}
	ids, parents := map[string]bool{}, map[string]string{}
	hexadecimal := regexp.MustCompile(`^([0-9a-f]{16}){1,2}$`)
	trace := event.TraceOf(r.ID, r.About.Traceparent)
	for line := range bytes.Lines(b) {
		var request struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes attributes }
				ScopeSpans []struct {
					Scope struct{ Name, Version string }
					Spans []struct {
						TraceID, SpanID, ParentSpanID      string
						Name                               string
						Kind                               int
						StartTimeUnixNano, EndTimeUnixNano string
						Attributes                         attributes
						Events                             []struct {
							TimeUnixNano, Name string
							Attributes         attributes
						}
						Status struct {
							Code    int
							Message string
						}
					}
				}
			}
		}
		strictly(t, "otlp", line, &request)
		for _, s := range request.ResourceSpans[0].ScopeSpans[0].Spans {
			from, err1 := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
			to, err2 := strconv.ParseInt(s.EndTimeUnixNano, 10, 64)
			if err1 != nil || err2 != nil || from > to || from < 0 {
				t.Errorf("otlp: %s lasts from %s to %s", s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano)
			}
			if s.TraceID != trace.ID || len(s.SpanID) != 16 || !hexadecimal.MatchString(s.SpanID) || ids[s.SpanID] {
				t.Errorf("otlp: %s has the ids %s and %s", s.Name, s.TraceID, s.SpanID)
			}
			ids[s.SpanID] = true
			parents[s.SpanID] = s.ParentSpanID
			for _, a := range s.Attributes {
				if len(a.Value) != 1 {
					t.Errorf("otlp: %s of %s", a.Key, s.Name)
				}
			}
		}
	}
	for span, parent := range parents { // errors only: the order does not matter
		if !ids[parent] && parent != trace.Parent {
			t.Errorf("otlp: %s is in %q, which is not there", span, parent)
		}
	}
}

// TestCollector has the decoder of OpenTelemetry's collector read the spans.
func TestCollector(t *testing.T) {
	t.Parallel()
	decoder, err := exec.LookPath("otlpdecode")
	if err != nil {
		t.Skip("otlpdecode is not in PATH: .ci/run builds it (.ci/tools)")
	}
	for _, name := range []string{"hostile", "retries", "crash"} {
		text := load(t, name).report(t, "otlp")
		cmd := exec.Command(decoder)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if want := strings.Count(text, `"spanId":`); err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(want) {
			t.Errorf("%s: it reads %s of %d spans: %v", name, out, want, err)
		}
	}
}

var promSample = regexp.MustCompile(`^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)+)\} (-?[0-9.]+)$`)

// checkProm reads Prometheus' text format: a family has its help, then its type, then its samples, and no two are one series.
func checkProm(t *testing.T, _ *model.Run, b []byte) {
	t.Helper()
	family, series := "", map[string]bool{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			if family = words[2]; series[family] || len(words) < 4 {
				t.Errorf("prom: %s", line)
			}
			series[family] = true
		case strings.HasPrefix(line, "# TYPE "):
			if words[2] != family || words[3] != "gauge" {
				t.Errorf("prom: %s", line)
			}
		default:
			m := promSample.FindStringSubmatch(line)
			if m == nil || m[1] != family || series[m[1]+m[2]] {
				t.Fatalf("prom: %s", line)
			}
			series[m[1]+m[2]] = true
			if v, err := strconv.ParseFloat(m[3], 64); err != nil || v < 0 {
				t.Errorf("prom: %s", line)
			}
		}
	}
	if family == "" {
		t.Error("prom: there is nothing")
	}
}

func checkEvents(t *testing.T, _ *model.Run, b []byte) {
	t.Helper()
	seq := int64(0)
	for line := range bytes.Lines(b) {
		var e event.Event
		if err := json.Unmarshal(line, &e); err != nil || e.Seq != seq+1 {
			t.Fatalf("events: %v: %s", err, line)
		}
		seq = e.Seq
	}
}
