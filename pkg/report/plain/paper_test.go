package plain

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

func TestInert(t *testing.T) {
	for _, c := range [][2]string{
		{"text", "text"},
		{"::error file=a.go::text", ": :error file=a.go::text"},
		{" \t::error::text", " \t: :error::text"},
		{"\u00a0::error::text", "\u00a0: :error::text"},
		{"\x1b[31m::error::text\x1b[0m", "\x1b[31m: :error::text\x1b[0m"},
		{"::token::", ": :token::"},
		{"::::", ": :::"},
		{"\u200b:\u00ad:error:\u00ad:x", "\u200b: \u00ad:error:\u00ad:x"},
		{"std::vector<std::string>", "std::vector<std::string>"},
		{"::1 is an address", "::1 is an address"},
		{"::ns is a name", "::ns is a name"},
		{"a ::error::", "a ::error::"},
		{"##[set-env name=X]y", "## [set-env name=X]y"},
		{"a ##vso[task.setvariable variable=X]y ##VSO[x]", "a ##vso [task.setvariable variable=X]y ##VSO [x]"},
		{"##teamcity[testFailed]", "##teamcity [testFailed]"},
		{"##vso\u00ad[x] ##\u200b[x] #\u200b#[x] ##v\u0301so[x]", "##vso\u00ad [x] ##\u200b [x] #\u200b# [x] ##v\u0301so [x]"},
		{"###[x]", "### [x]"},
		{"# [x] #[x] ## [x] a##b[0] ## title", "# [x] #[x] ## [x] a##b[0] ## title"},
		{"--- group", " --- group"},
		{"+++ group", " +++ group"},
		{"~~~", " ~~~"},
		{"^^^ +++", " ^^^ +++"},
		{"\x1b[1m--- group", " \x1b[1m--- group"},
		{" --- group", " --- group"},
		{"----", "----"},
		{"--x --- y", "--x --- y"},
	} {
		if got := inert(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		} else if again := inert(got); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	}
	if got, want := Inert("a\n::error::x\r\n\x1b[2J##vso[x]"), "a\n: :error::x\n##vso [x]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var (
	colours  = regexp.MustCompile("\x1b\\[[0-9;:]*m")
	commands = regexp.MustCompile(`(?mi)##(vso|teamcity)?\[|^[\s]*::.*::|^(---|\+\+\+|~~~|\^\^\^)(\s|$)|section_(start|end).*\r`)
)

// harmless says what of a text may not be on a terminal or in the log of a CI.
func harmless(text string, color bool) string {
	if color {
		text = colours.ReplaceAllString(text, "")
	}
	for _, r := range text {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return "the character " + string(r)
		}
	}
	if !utf8.ValidString(text) {
		return "no UTF-8"
	}
	return commands.FindString(text)
}

// evil are pieces of what drives terminals and CIs.
func evil() *rapid.Generator[string] {
	pieces := []string{
		"\x1b", "[", "]", "P", "\\", "\a", "m", "31", ";", "2J", "\u009b", "\u0090", "\x9b", "\xc2", "\r", "\n", "\b", "\x00", "\u202e", "\u2028", "\ufeff",
		":", "::", "error", "#", "##", "vso", "VSO", "teamcity", "---", "+++", "~~~", "^^^", " ", "\u00a0", "\u00ad", "section_start:1:x\r\x1b[0K", "section_end:", "\x1b]0;", "text",
	}
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String()), 0, 12).Draw(t, "pieces"), "")
	})
}

// TestNothingDrivesTerminalOrCI: whatever texts a run has, in whatever pieces.
func TestNothingDrivesTerminalOrCI(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		color := rapid.Bool().Draw(t, "color")
		text := evil()
		p := &plan.Plan{Name: text.Draw(t, "workflow"), File: text.Draw(t, "file"), Steps: []*plan.Step{
			{Kind: "steps", Body: &plan.Sequence{}}, {ID: "a", Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}},
		}}
		var out bytes.Buffer
		again := text.Draw(t, "again")
		r := New(&out, p, Options{Color: color, Verbose: true, Again: func() string { return again }})
		step := event.Event{Path: "a", Attempt: 1, Where: event.Where{Step: 1, Node: 1}}
		tell := func(typ event.Type, change func(e *event.Event)) {
			e := step
			e.Type = typ
			change(&e)
			r.Observe(e)
		}
		fault := func() *event.Error {
			return &event.Error{
				Type: text.Draw(t, "type"), Message: text.Draw(t, "message"), Step: "a",
				Fields: map[string]any{"exit_code": 1, "signal": text.Draw(t, "signal")},
			}
		}
		r.Observe(event.Event{Type: event.RunStart, Time: time.Unix(0, 0), Where: event.Where{Parent: -1}})
		r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}})
		tell(event.StepQueued, func(e *event.Event) { e.Why = text.Draw(t, "why") })
		tell(event.StepStart, func(e *event.Event) { e.Name = text.Draw(t, "name") })
		for range rapid.IntRange(0, 6).Draw(t, "outputs") {
			tell(event.StepOutput, func(e *event.Event) {
				e.Stream = rapid.SampledFrom([]string{"stdout", "stderr", "echo"}).Draw(t, "stream")
				e.Text = text.Draw(t, "text")
			})
		}
		tell(event.StepRetry, func(e *event.Event) { e.Err = fault() })
		tell(event.StepEnd, func(e *event.Event) { e.Outcome = event.Failure(fault()) })
		group := event.Group([]*event.Error{fault(), fault()})
		group.Cause, group.Cleanup = fault(), fault()
		r.Observe(event.Event{Type: event.RunEnd, Time: time.Unix(1, 0), Outcome: event.Failure(group)})
		if bad := harmless(out.String(), color); bad != "" {
			t.Fatalf("%q in %q", bad, out.String())
		}
	})
}

// Lines that were made to be slow are not: each of these would take many minutes if the time were quadratic in the length.
func TestLongLines(t *testing.T) {
	for _, piece := range []string{"\x1b]", "\x1b[", "##[", "\u00ad", "##\u00ad", "\r", "\x1b[m"} {
		line := strings.Repeat(piece, 1<<20/len(piece))
		done := make(chan struct{})
		go func() { Inert(line); passed(line, true); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%q many times is slow", piece)
		}
	}
}

func FuzzInert(f *testing.F) {
	for _, s := range []string{
		"\x1b[31mred\x1b[2J", "\x1b]52;c;x\a", "\u009b2J::error::", " ::set-env name=x::y", "##v\u00adso[x]", "\x1b##\x1b[[", "--\x1b[m- x", "a\r\nb\u2028::a::", "\xff\xfe\x1b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Inert(s)
		if bad := harmless(got, false); bad != "" {
			t.Errorf("%q in %q", bad, got)
		}
		if again := Inert(got); again != got {
			t.Errorf("%q becomes %q the second time", got, again)
		}
	})
}

// What a step with `ci_commands: pass` prints is for the CI: at the begin of the line, and as it is; terminals stay safe.
func TestPassedCommands(t *testing.T) {
	f, err := spec.Parse("flow.yaml", []byte("flowrun: 1\nsteps: [{id: a, run: [x], ci_commands: pass}, {id: b, run: [x]}]\n"), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := New(&out, p, Options{})
	for _, id := range []string{"a", "b"} {
		for n, s := range p.Steps {
			if s.ID != id {
				continue
			}
			for _, text := range []string{
				"::group::x\nplain ##vso[task.x]\n\x1b[0Ksection_start:12:name[collapsed=true]\r\x1b[0KHea", "der\x1b[2J\n10%\r20%\n--- group\n",
				"section_end:12:name\r\x1b[0K\x1b[0Ksection_start:12:name\r\x1b[0K\nsection_end:x\r\x1b[0K\n",
			} {
				r.Observe(event.Event{Type: event.StepOutput, Path: id, Where: event.Where{Step: int32(n), Node: int32(n)}, Stream: "stdout", Text: text})
			}
		}
	}
	want := "::group::x\nplain ##vso[task.x]\nsection_start:12:name[collapsed=true]\r\x1b[0KHeader\n20%\n--- group\n" +
		"section_end:12:name\r\x1b[0Ksection_start:12:name\r\x1b[0K\n\n" +
		"b | ::group::x\nb | plain ##vso [task.x]\nb | Header\nb | 20%\nb | --- group\nb | \nb | \n"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := passed("::error::\x1b[31mred", true), "::error::\x1b[31mred\x1b[0m"; got != want {
		t.Errorf("in colour: %q, want %q", got, want)
	}
}

func BenchmarkOutput(b *testing.B) {
	p := &plan.Plan{Steps: []*plan.Step{{Kind: "steps", Body: &plan.Sequence{}}, {ID: "a", Kind: "run", Body: &plan.Leaf{Kind: &kind.Kind{Name: "run"}}}}}
	text := strings.Repeat("2026-01-02T03:04:05.678Z INFO  pkg/server/handler.go:12: GET /api/v1/items/42 [took 12ms] #7\n", 300)
	r := New(io.Discard, p, Options{})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Observe(event.Event{Type: event.StepOutput, Path: "a", Where: event.Where{Step: 1, Node: 1}, Stream: "stdout", Text: text})
	}
}
