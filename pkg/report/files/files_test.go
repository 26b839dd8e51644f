package files_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/played"
)

var update = flag.Bool("update", false, "write the texts that the tests want")

// checks are what each kind is held to, besides the golden texts.
func checks() map[string]func(t *testing.T, r *model.Run, b []byte) {
	return map[string]func(t *testing.T, r *model.Run, b []byte){
		"html":   checkHTML,
		"junit":  checkJUnit,
		"md":     checkMarkdown,
		"trace":  checkTrace,
		"otlp":   checkOTLP,
		"prom":   checkProm,
		"events": checkEvents,
	}
}

// scene is a run that was played, as far as it came.
type scene struct {
	path   string // for reports
	plan   *plan.Plan
	events []event.Event
	about  model.About
}

// TestKinds plays the workflow of each testdata/*.txtar (package played), writes every kind of report of it, checks each as its
// format wants it, and compares it with the part of its name, if there is one. With a part crash the events end at that time.
func TestKinds(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c := play(t, ar)
			wrong := false
			for _, kind := range files.Names() {
				got := c.report(t, kind)
				i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == kind })
				if i < 0 {
					continue
				}
				if d := cmp.Diff(string(ar.Files[i].Data), got); d != "" && !*update {
					t.Errorf("%s: -want +got:\n%s", kind, d)
				} else if d != "" {
					ar.Files[i].Data, wrong = []byte(got), true
				}
			}
			if wrong {
				if err := os.WriteFile(name, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func load(t *testing.T, name string) scene {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return play(t, ar)
}

func play(t *testing.T, ar *txtar.Archive) scene {
	parts := map[string]string{}
	for _, f := range ar.Files {
		parts[f.Name] = string(f.Data)
	}
	c := scene{path: filepath.Join(t.TempDir(), "sub", "report"), about: model.About{Flowrun: "1.2.3", Again: "flowrun run flow.yaml"}}
	c.plan, c.events = played.Events(t, parts)
	if text := strings.TrimSpace(parts["crash"]); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		c.about.Crashed = true
		c.events = slices.DeleteFunc(c.events, func(e event.Event) bool { return e.Time.Sub(played.Start) > d })
	}
	return c
}

// report writes one kind of report, through a file, and checks it.
func (c scene) report(t *testing.T, kind string) string {
	t.Helper()
	r := model.New(c.plan, played.RunID)
	r.Started, r.About = played.Start, c.about
	set, err := files.Open([]string{kind + "=" + c.path}, r, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.events {
		set.Observe(e)
	}
	if problems := set.Write(); len(problems) > 0 {
		t.Fatal(problems)
	}
	if kind == "events" && len(c.events) == 0 {
		return "" // there is no file then
	}
	b, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	check := checks()[kind]
	if check == nil {
		t.Fatalf("there is no check of the kind %s", kind)
	}
	tame(t, kind, b)
	check(t, r, b)
	return string(b)
}

// tame says that nothing in a report can drive a terminal.
func tame(t *testing.T, kind string, b []byte) {
	t.Helper()
	if !utf8.Valid(b) {
		t.Errorf("%s is no UTF-8", kind)
	}
	for _, c := range string(b) {
		switch {
		case c == '\n', c == '\t':
		case unicode.IsControl(c), kind != "events" && unicode.Is(unicode.Bidi_Control, c):
			t.Fatalf("%s has the character %U: %q", kind, c, b)
		}
	}
}

// TestEveryInstant: a report can be made of any part of a run. Without FLOWRUN_LONG of every fifth.
func TestEveryInstant(t *testing.T) {
	t.Parallel()
	step := 5
	if os.Getenv("FLOWRUN_LONG") != "" {
		step = 1
	}
	for _, name := range []string{"hostile", "retries"} {
		c := load(t, name)
		all := c.events
		for n := 0; n <= len(all); n += step {
			c.events, c.about.Crashed = all[:n], n%2 == 0
			for _, kind := range files.Names() {
				c.report(t, kind)
			}
			if t.Failed() {
				t.Fatalf("%s, after %d events", name, n)
			}
		}
	}
}

// TestStandardOutput: what is written there is no command for a CI.
func TestStandardOutput(t *testing.T) {
	t.Parallel()
	c := load(t, "hostile")
	for _, kind := range files.Names() {
		r := model.New(c.plan, played.RunID)
		var out bytes.Buffer
		set, err := files.Open([]string{kind + "=-"}, r, files.Options{Stdout: &out})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.events {
			set.Observe(e)
		}
		if problems := set.Write(); len(problems) > 0 {
			t.Fatal(problems)
		}
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") || strings.Contains(line, "##vso[") {
				t.Errorf("%s: %s", kind, line)
			}
		}
		if out.Len() == 0 || !set.Stdout() {
			t.Errorf("%s wrote nothing", kind)
		}
	}
}
