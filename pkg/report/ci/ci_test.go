package ci_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/report/ci"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/played"
)

var update = flag.Bool("update", false, "write the logs that the tests want")

func nothing(string) string { return "" }

// log is the log of a run in a dialect.
func log(t testing.TB, dialect string, parts map[string]string) string {
	p, events := played.Events(t, parts)
	var out bytes.Buffer
	r := plain.New(&out, p, plain.Options{Frame: ci.Frame(dialect, nothing), Again: func() string { return "flowrun run flow.yaml" }})
	for _, e := range events {
		r.Observe(e)
	}
	return out.String()
}

// TestLogs plays the workflow of each testdata/*.txtar (package played) and compares the log in each dialect, up to the verdict, with
// the part of that name, with ESC and CR for these characters. In all dialects it is the same log.
func TestLogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range ar.Files {
				parts[f.Name] = string(f.Data)
			}
			var first string
			for _, dialect := range ci.Names() {
				got := log(t, dialect, parts)
				read, err := parse(dialect, got)
				if err != nil {
					t.Errorf("%s: %v\n%s", dialect, err, got)
				}
				if first == "" {
					first = read
				} else if d := cmp.Diff(first, read); d != "" {
					t.Errorf("-github +%s\n%s", dialect, d)
				}
				got = verdict.FindString(got)
				got = strings.NewReplacer("\x1b", "ESC", "\r", "CR").Replace(got)
				if d := cmp.Diff(parts[dialect], got); d != "" && !*update {
					t.Errorf("%s: -want +got\n%s", dialect, d)
				}
				at := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == dialect })
				if at < 0 {
					at = len(ar.Files)
					ar.Files = append(ar.Files, txtar.File{Name: dialect})
				}
				ar.Files[at].Data = []byte(got)
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// verdict is a log up to the verdict.
var verdict = regexp.MustCompile(`(?s)^.*?\n[^\n]* (failed|succeeded) in [^\n]*\n`)

// A reader reads a log as its CI does. It gives what a line is: of a block ("open TITLE", "folded TITLE", "end"), of a cause ("cause"),
// or nothing for text; an error for a command that flowrun has no reason to give.
type reader func(line string) (string, error)

var (
	githubCommand   = regexp.MustCompile(`^\s*::([a-zA-Z_-]+)(?: ([^:]*))?::(.*)$`)
	bracketCommand  = regexp.MustCompile(`(?i)##(vso|teamcity)?\[([^ \]]*)`)
	gitlabCommand   = regexp.MustCompile(`^\x1b\[0Ksection_(start|end):([0-9]+):([a-zA-Z0-9_.-]+)(\[collapsed=true\])?\r\x1b\[0K(.*)$`)
	teamcityCommand = regexp.MustCompile(`^##teamcity\[(blockOpened name|blockClosed name|buildProblem description)='((?:[^|'\n\[\]]|\|.|\|0x[0-9A-F]{4})*)'\]$`)
	azureCommand    = regexp.MustCompile(`^##(?:\[(group)\](.*)|\[(endgroup)\]|vso\[(task\.logissue) type=error;(?:sourcepath=[^;\]]*;linenumber=\d+;columnnumber=\d+;)?\].*)$`)
)

// readers make a new reader for each log.
func readers() map[string]func() reader {
	return map[string]func() reader{
		"github": func() reader {
			return func(line string) (string, error) {
				m := githubCommand.FindStringSubmatch(line)
				switch {
				case m == nil && bracketCommand.MatchString(line):
					return "", fmt.Errorf("a command of the old form: %q", line)
				case m == nil:
					return "", nil
				case m[1] == "group":
					return "folded " + strings.ReplaceAll(m[3], "%25", "%"), nil
				case m[1] == "endgroup":
					return "end", nil
				case m[1] == "error" && regexp.MustCompile(`^(file=[^:,]*,line=\d+,col=\d+,)?title=[^:,]*$`).MatchString(m[2]):
					return "cause", nil
				}
				return "", fmt.Errorf("a command: %q", line)
			}
		},
		"gitlab": func() reader {
			known := map[string]bool{}
			open := ""
			return func(line string) (string, error) {
				m := gitlabCommand.FindStringSubmatch(line)
				switch {
				case m == nil && strings.ContainsAny(line, "\r\x1b"):
					return "", fmt.Errorf("a control character: %q", line)
				case m == nil:
					return "", nil
				case m[1] == "end" && m[3] == open:
					open = ""
					return "end", nil
				case m[1] == "end" || known[m[3]] || open != "":
					return "", fmt.Errorf("section %s: %q", m[3], line)
				}
				known[m[3]], open = true, m[3]
				if m[4] == "" {
					return "open " + m[5], nil
				}
				return "folded " + m[5], nil
			}
		},
		"buildkite": func() reader {
			return func(line string) (string, error) {
				sign, title, _ := strings.Cut(line, " ")
				switch sign {
				case "---":
					return "folded " + title, nil
				case "+++":
					return "open " + title, nil
				case "~~~", "^^^":
					return "", fmt.Errorf("a command: %q", line)
				}
				return "", nil
			}
		},
		"teamcity": func() reader {
			open := ""
			return func(line string) (string, error) {
				m := teamcityCommand.FindStringSubmatch(line)
				switch {
				case m == nil && bracketCommand.MatchString(line):
					return "", fmt.Errorf("a command: %q", line)
				case m == nil:
					return "", nil
				}
				verb, _, _ := strings.Cut(m[1], " ")
				switch {
				case verb == "buildProblem":
					return "cause", nil
				case verb == "blockOpened" && open == "":
					open = m[2]
					return "folded " + unescaped(m[2]), nil
				case verb == "blockClosed" && open == m[2]:
					open = ""
					return "end", nil
				}
				return "", fmt.Errorf("a block in a block: %q", line)
			}
		},
		"azure": func() reader {
			return func(line string) (string, error) {
				m := azureCommand.FindStringSubmatch(line)
				switch {
				case m == nil && bracketCommand.MatchString(line):
					return "", fmt.Errorf("a command: %q", line)
				case m == nil:
					return "", nil
				case m[1] != "":
					return "folded " + m[2], nil
				case m[3] != "":
					return "end", nil
				}
				return "cause", nil
			}
		},
	}
}

// unescaped is a value of TeamCity.
func unescaped(s string) string {
	s = regexp.MustCompile(`\|0x([0-9A-F]{4})`).ReplaceAllStringFunc(s, func(m string) string {
		var r rune
		fmt.Sscanf(m, "|0x%X", &r)
		return string(r)
	})
	return strings.NewReplacer("||", "|", "|'", "'", "|[", "[", "|]", "]").Replace(s)
}

// parse reads a log as its CI does, and writes what people see there in a form that all dialects have: what is in a folded block stands
// behind a bar. Blocks must be balanced and none may be in another one.
func parse(dialect, log string) (string, error) {
	read := readers()[dialect]()
	var b strings.Builder
	inside := false
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		what, err := read(line)
		if err != nil {
			return "", err
		}
		verb, title, _ := strings.Cut(what, " ")
		switch {
		case verb == "cause" && inside, verb == "end" && !inside, (verb == "folded" || verb == "open") && inside && dialect != "buildkite":
			return "", fmt.Errorf("%s in the wrong place: %q", verb, line)
		case verb == "cause":
		case verb == "end":
			inside = false
		case verb == "folded":
			b.WriteString(title + "\n")
			inside = true
		case verb == "open":
			b.WriteString(title + "\n")
			// GitLab's open section has an end, but nothing of it is hidden; what is behind Buildkite's is in it.
			inside = dialect == "gitlab"
		case line == "":
		default:
			b.WriteString(line + "\n")
		}
	}
	if inside && dialect != "buildkite" {
		return "", fmt.Errorf("a block has no end:\n%s", log)
	}
	return b.String(), nil
}

// TestHostile: whatever steps print, in whatever pieces, the blocks are those of flowrun.
func TestHostile(t *testing.T) {
	pieces := []string{
		"::group::x", "::endgroup::", "::set-output name=a::b", "::stop-commands::t", "::error::", "::add-mask::*", "::", "\x1b[0Ksection_start:1:x\r\x1b[0K",
		"\x1b[0Ksection_end:1:x\r\x1b[0K", "section_start:1:x", "--- x", "+++ x", "~~~ x", "^^^ +++", "##teamcity[blockClosed name='x']", "##teamcity[",
		"##vso[task.setvariable variable=x]y", "##vso[", "##[group]x", "##[endgroup]", "##[error]", "##", "[", "]", "|", "'", "\n", "\r", "\x1b[31m", "\x1b", "\u2028",
		"\u200b", "\u00a0", "%0A::error::", "%25", " ", "text", "\xff", "\x00", "\u202e",
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.Custom(func(rt *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(rt, "pieces"), "")
		})
		quote := func(s string) string { return fmt.Sprintf("%q\n", s) }
		parts := map[string]string{
			"flow.yaml": fmt.Sprintf("flowrun: 1\nname: %q\nsteps:\n  - gather:\n      - {id: good, run: x, name: y}\n      - {id: bad, run: x}\n      - {id: raised, fail: %q}\n    errors: group\n",
				"w", strings.ToValidUTF8(strings.Map(printable, text.Draw(rt, "message")), "")+"."),
			"stdout/good": quote(text.Draw(rt, "good")), "stdout/bad": quote(text.Draw(rt, "bad")), "stderr/bad": quote(text.Draw(rt, "stderr")),
			"work/bad": "1s 3",
		}
		for _, dialect := range ci.Names() {
			got := log(t, dialect, parts)
			if _, err := parse(dialect, got); err != nil {
				rt.Fatalf("%s: %v\n%q", dialect, err, got)
			}
			if !strings.Contains(got, "✗ failed     bad") {
				rt.Fatalf("%s: %q", dialect, got)
			}
		}
	})
}

// printable leaves out what a YAML file may not hold.
func printable(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r >= '\u2028' && r <= '\u202e' || r == '$' {
		return -1
	}
	return r
}

// TestDialect: the environment says in which CI flowrun is.
func TestDialect(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"", ""},
		{"GITHUB_ACTIONS=true", "github"},
		{"GITLAB_CI=true", "gitlab"},
		{"BUILDKITE=true", "buildkite"},
		{"TEAMCITY_VERSION=2024.12", "teamcity"},
		{"TF_BUILD=True", "azure"},
		{"GITHUB_ACTIONS=false", ""},
		{"TF_BUILD=False", ""},
		{"CI=true", ""},
		{"GITHUB_ACTIONS=true FLOWRUN_RUN_ID=01KDYQ5T9YQZ8M3N4P5R6S7T8V", ""},
	} {
		lookup := func(name string) string {
			for _, v := range strings.Fields(c.env) {
				if value, ok := strings.CutPrefix(v, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := ci.Dialect(lookup); got != c.want {
			t.Errorf("%q: %q, want %q", c.env, got, c.want)
		}
	}
	for _, name := range ci.Names() {
		if ci.Frame(name, nothing) == nil {
			t.Errorf("%s has no frame", name)
		}
	}
	if ci.Frame("", nothing) != nil {
		t.Error("no dialect has a frame")
	}
}

// TestPlaces: GitHub and Azure know files from the top of what they have checked out.
func TestPlaces(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ root, file, want string }{
		{filepath.Dir(here), "flow.yaml", "ci/flow.yaml"},
		{filepath.Dir(here), filepath.Join(here, "a", "flow.yaml"), "ci/a/flow.yaml"},
		{filepath.Join(here, "elsewhere"), "flow.yaml", "flow.yaml"},
		{"", "./a,b:c%.yaml", "./a%2Cb%3Ac%25.yaml"},
	} {
		lookup := func(name string) string {
			if name == "GITHUB_WORKSPACE" {
				return c.root
			}
			return ""
		}
		want := "::error file=" + c.want + ",line=3,col=5,title=a, b failed::x%0Ay"
		want = strings.Replace(want, "a, b", "a%2C b", 1)
		if got := ci.Frame("github", lookup).Cause(c.file, 3, 5, "a, b failed", "x\ny"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestSettle: what a step that may speak to the CI has begun is ended.
func TestSettle(t *testing.T) {
	const clear = "\x1b[0K"
	for _, c := range []struct{ dialect, output, want string }{
		{"github", "::group::a\nx\n::endgroup::\n", ""},
		{"github", "::group::a\n::endgroup::\n::group::b\nx\n", "::endgroup::"},
		{"github", "##[group]a\n", "::endgroup::"},
		{"github", "::stop-commands::t\n::group::a\n", "::t::"},
		{"github", "::group::a\n::stop-commands::t\n::endgroup::\n::t::\n", "::endgroup::"},
		{"gitlab", "section_start:12:a\r" + clear + "A\nsection_start:13:b[collapsed=true]\r" + clear + "B\nsection_end:14:b\r" + clear + "\n", clear + "section_end:12:a\r" + clear},
		{"gitlab", "section_end:14:b\r" + clear + "\n", ""},
		{"buildkite", "--- a\n", ""},
		{"teamcity", "##teamcity[blockOpened name='a']\n##teamcity[blockOpened name='b|'']\n##teamcity[blockClosed name='a']\n", "##teamcity[blockClosed name='b|'']"},
		{"azure", "##[group]a\n", "##[endgroup]"},
		{"azure", "##[group]a\n##[endgroup]\n", ""},
	} {
		if got := ci.Frame(c.dialect, nothing).Settle(c.output); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.dialect, c.output, got, c.want)
		}
	}
}
