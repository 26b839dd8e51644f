package graph_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/graph"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the golden files")

func compile(t testing.TB, src string) *plan.Plan {
	t.Helper()
	f, err := spec.Parse("flow.yaml", []byte(src), spec.Options{Kinds: steps.Builtin()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(f, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var styles = regexp.MustCompile(`(?s)<style>.*</style>`)

// TestForms draws flow.yaml of each archive in all forms and compares them with the other files in it.
func TestForms(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := compile(t, string(a.Files[0].Data))
			want := map[string]string{}
			for _, f := range a.Files[1:] {
				want[f.Name] = string(f.Data)
			}
			a.Files = a.Files[:1]
			for _, format := range graph.Formats() {
				got := graph.Draw(p, format, nil)
				sound(t, format, got)
				shown := styles.ReplaceAllString(got, "<style/>") // the same in all
				if diff := cmp.Diff(want[format], shown); diff != "" && !*update {
					t.Errorf("%s (-want +got)\n%s", format, diff)
				}
				if again := graph.Draw(compile(t, string(a.Files[0].Data)), format, nil); again != got {
					t.Errorf("%s: a second picture is another one", format)
				}
				a.Files = append(a.Files, txtar.File{Name: format, Data: []byte(shown)})
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// sound holds what is true of every picture.
func sound(t *testing.T, format, got string) {
	t.Helper()
	if !utf8.ValidString(got) || !strings.HasSuffix(got, "\n") {
		t.Errorf("%s is no text of whole lines", format)
	}
	for _, r := range got {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			t.Errorf("%s holds the control character %U", format, r)
		}
	}
	switch format {
	case "mermaid":
		soundMermaid(t, got)
	case "dot":
		soundDot(t, got)
	case "svg":
		soundSVG(t, got)
	}
}

// Mermaid's lines: a step, a subgraph, its end, a direction, an arrow. A label is in quotes and holds nothing that Mermaid reads.
var mermaidLine = regexp.MustCompile(`^ *(flowchart LR|direction TB|end|` +
	`(subgraph )?[sp0-9m]+(\(\[|\[\[|\[)"([^"#&<>;` + "`" + `%\\]|#\d+;|<br/>|#)*"(\]\)|\]\]|\])|left\["\d+ more workflows?"\]|` +
	`s\d+ (-->|-\.->|==>|-\.-x)(\|[a-z]+\|)? s\d+|s\d+ --> s\d+m\d+ --> s\d+|` +
	`classDef [a-z]+ stroke:#[0-9a-f]{6},stroke-width:3px|class s\d+(,s\d+)* [a-z]+)$`)

func soundMermaid(t *testing.T, got string) {
	t.Helper()
	depth, arrows := 0, 0
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if !mermaidLine.MatchString(line) {
			t.Errorf("Mermaid would not read %s", line)
		}
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "subgraph":
			depth++
		case "end":
			depth--
		}
		arrows += strings.Count(line, "-->") + strings.Count(line, "-.-") + strings.Count(line, "==>")
	}
	if depth != 0 {
		t.Error("a subgraph has no end")
	}
	if arrows > 500 || len(got) > 50_000 {
		t.Errorf("Mermaid would not draw %d arrows, %d bytes", arrows, len(got))
	}
}

// Graphviz: outside of quoted texts there are only words, brackets and signs.
var dotText = regexp.MustCompile(`"([^"\\\n]|\\["\\n])*"`)

func soundDot(t *testing.T, got string) {
	t.Helper()
	rest := dotText.ReplaceAllString(got, "T")
	if at := strings.IndexFunc(rest, func(r rune) bool {
		return !(r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune(" \n_[]{}=,->", r))
	}); at >= 0 {
		t.Errorf("Graphviz would not read %.40q", rest[at:])
	}
	if strings.Count(rest, "{") != strings.Count(rest, "}") {
		t.Error("a cluster has no end")
	}
}

// soundSVG: it is XML, nothing in it does or loads anything, and all that is written is text.
func soundSVG(t *testing.T, got string) {
	t.Helper()
	allowed := []string{"svg", "title", "desc", "style", "g", "rect", "text", "path", "line"}
	d := xml.NewDecoder(strings.NewReader(got))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the svg is no XML: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(allowed, e.Name.Local) {
			t.Errorf("the svg has an element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("the svg has %s=%q", a.Name.Local, a.Value)
			}
		}
	}
	if strings.Contains(got, "url(") || strings.Contains(got, "@import") {
		t.Error("the svg loads something")
	}
}

// TestCases draws every workflow of the cases: no form fails, and each picture is sound.
func TestCases(t *testing.T) {
	archives, err := filepath.Glob("../../executor/testdata/cases/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range archives {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range a.Files {
			if file.Name != "flow.yaml" {
				continue
			}
			f, err := spec.Parse("flow.yaml", file.Data, spec.Options{Kinds: steps.Builtin()})
			if err != nil {
				continue
			}
			p, err := plan.Compile(f, plan.Options{})
			if err != nil {
				continue // it calls another file
			}
			n++
			for _, format := range graph.Formats() {
				sound(t, format, graph.Draw(p, format, nil))
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d workflows were drawn", n)
	}
}

// TestLarge: pictures of large files stay small, say what they leave out, and are made at once.
func TestLarge(t *testing.T) {
	list := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	long := strings.Repeat("x", 10_000)
	for _, c := range []struct{ name, src, says string }{
		{"flat", "steps:\n" + list(1000, func(i int) string { return fmt.Sprintf("  - {id: s%d, echo: x}\n", i) }), "970 more steps"},
		{"beside", "gather:\n" + list(1000, func(i int) string { return fmt.Sprintf("  - {id: s%d, echo: x}\n", i) }), " more steps"},
		{"chain", "gather:\n" + list(1000, func(i int) string {
			return fmt.Sprintf("  - {id: s%d, echo: x, needs: [root%s]}\n", i, list(min(i, 3), func(k int) string { return fmt.Sprintf(", s%d", i-k-1) }))
		}) + "  - {id: root, echo: x}\n", " more steps"},
		{"deep", "steps:\n" + list(40, func(i int) string {
			return "  - gather:\n" + list(10, func(int) string { return "      - steps: [{echo: a}, {echo: b}, {echo: c}]\n" })
		}), "steps inside"},
		{"workflows", "workflows:\n" + list(300, func(i int) string { return fmt.Sprintf("  w%d: {steps: [{echo: x}]}\n", i) }) +
			"steps:\n" + list(300, func(i int) string { return fmt.Sprintf("  - call: w%d\n", i) }), " more workflows"},
		{"words", "name: " + long + "\nsteps:\n  - {id: " + long + ", name: " + long + ", run: [" + long + "], if: '\"" + long[:900] + "\" != \"\"'}\n", "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, "flowrun: 1\n"+c.src)
			for _, format := range graph.Formats() {
				got := graph.Draw(p, format, nil)
				sound(t, format, got)
				if format != "mermaid" && format != "svg" {
					continue
				}
				if !strings.Contains(got, c.says) {
					t.Errorf("%s does not say %q", format, c.says)
				}
				if len(got) > 400_000 {
					t.Errorf("%s has %d bytes", format, len(got))
				}
			}
		})
	}
}

// TestRan: what became of steps is there as a word and as a colour.
func TestRan(t *testing.T) {
	p := compile(t, `
flowrun: 1
workflows: {w: {steps: [{id: inner, echo: x}]}}
steps:
  - id: all
    gather: {for: x, in: [1, 2], do: {id: one, echo: x}}
  - {id: last, call: w}
`)
	ran := map[string]event.Status{"": event.Failed, "all": event.Failed, "all[*].one": event.Succeeded, "last": event.Skipped, "inner": event.Failed}
	want := map[string][]string{
		"tree":    {"flow.yaml  steps  [failed]", "all  gather for x in [1, 2]  [failed]", "[*] one  echo x  [succeeded]", "last  call w  [skipped]", "inner  echo x\n"},
		"mermaid": {"class s2 succeeded\n", "class s0,s1 failed\n", "class s3 skipped\n", "<br/>skipped"},
		"dot":     {`graph [color="#e5484d", penwidth=2]`, `s3 [label="last\ncall w\nskipped", color="#8c959f", penwidth=2]`},
		"svg":     {`class="block s-failed"`, `class="card s-succeeded"`, `class="card s-skipped"`, ">skipped</text>"},
	}
	for _, format := range graph.Formats() {
		got := graph.Draw(p, format, ran)
		sound(t, format, got)
		for _, w := range want[format] {
			if !strings.Contains(got, w) {
				t.Errorf("%s has no %q:\n%s", format, w, got)
			}
		}
	}
}

// TestNothingSecret: what stands in env, in the arguments of a call and in dotenv files is not drawn.
func TestNothingSecret(t *testing.T) {
	p := compile(t, `
flowrun: 1
env: {A: hunter22}
workflows: {w: {inputs: {key: {secret: true}}, steps: [{run: [x], env: {K: "${{ inputs.key }}"}}]}}
steps:
  - {call: w, with: {key: hunter22}}
  - {run: [x], env: {B: hunter22}, stdin: hunter22}
`)
	for _, format := range graph.Formats() {
		if strings.Contains(graph.Draw(p, format, nil), "hunter22") {
			t.Errorf("%s shows a value", format)
		}
	}
}
