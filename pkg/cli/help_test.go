package cli

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Help fits a window, and leads with examples that are right.
func TestHelp(t *testing.T) {
	app := newApp(&session{})
	lines := []string{"", "--help"}
	for _, c := range app.Commands {
		lines = append(lines, c.Name+" --help")
		if !slices.Contains(groups(), c.Category) {
			t.Errorf("%s: the Category is %q, and not a group of the help", c.Name, c.Category)
		}
		if !strings.HasPrefix(c.UsageText, "flowrun "+c.Name) {
			t.Errorf("%s: the UsageText is %q", c.Name, c.UsageText)
		}
		for _, f := range commonFlags() {
			if flagOf(c, f.Names()[0]) == nil {
				t.Errorf("%s has not --%s, which every command has", c.Name, f.Names()[0])
			}
		}
	}
	for _, line := range lines {
		var out bytes.Buffer
		if code := Main(append([]string{"flowrun"}, strings.Fields(line)...), System{Stdout: &out, Stderr: &out}); code != 0 {
			t.Errorf("%s: exit code %d", line, code)
		}
		for l := range strings.Lines(out.String()) {
			if len(l) > 81 && line != "" {
				t.Errorf("%s: too long: %s", line, l)
			}
		}
		if line != "" && !strings.HasPrefix(strings.SplitN(out.String(), "\n\n", 2)[1], "EXAMPLES:\n") {
			t.Errorf("%s does not begin with examples", line)
		}
	}
}

// TestExamples: the command lines of the help can be typed.
func TestExamples(t *testing.T) {
	app := newApp(&session{})
	rows := examples()
	for _, c := range app.Commands {
		own := commandExamples(c)
		if len(own) == 0 {
			t.Errorf("%s has no examples", c.Name)
		}
		rows = append(rows, own...)
	}
	for _, r := range rows {
		line := strings.TrimSuffix(strings.TrimPrefix(r.name, `eval "$(`), `)"`)
		line, _, _ = strings.Cut(line, " | ")
		line, _, _ = strings.Cut(line, " > ")
		line, _, _ = strings.Cut(line, " < ")
		words := strings.Fields(line)
		if r.text == "" {
			t.Errorf("%s: two blanks, and what it does, must stand behind it", r.name)
		}
		if words[0] != "flowrun" {
			t.Errorf("%s is no command line of flowrun", r.name)
		}
		if _, err := normalize(app, words, nil); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
}

func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// table is the cells of a table of Markdown, by the title of its first column.
func table(t *testing.T, text, title string) (out [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n| "+title+" |")
	if !ok {
		t.Fatalf("there is no table of %s", title)
	}
	for i, line := range strings.Split(rest, "\n") {
		switch {
		case i < 2:
		case !strings.HasPrefix(line, "|"):
			return out
		default:
			line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
			var cells []string
			for cell := range strings.SplitSeq(line, "|") {
				cells = append(cells, strings.TrimSpace(strings.ReplaceAll(cell, "\x00", "|")))
			}
			out = append(out, cells)
		}
	}
	return out
}

var inBackquotes = regexp.MustCompile("`([^`]*)`")

// TestPage: the tables of docs/cli.md have every command with its synopsis, and every flag with its commands and values.
func TestPage(t *testing.T) {
	app := newApp(&session{})
	text := page(t, "../../docs/cli.md")

	var want, got []string
	for _, c := range app.Commands {
		synopsis := "`" + strings.Replace(c.UsageText, "[flags] ", "", 1) + "`"
		synopsis = strings.Replace(synopsis, " [flags]`", "`", 1)
		if len(c.Aliases) > 0 {
			synopsis += " (`" + strings.Join(c.Aliases, "`, `") + "`)"
		}
		want = append(want, synopsis)
	}
	for _, cells := range table(t, text, "Command") {
		got = append(got, cells[0])
	}
	slices.Sort(want)
	slices.Sort(got)
	same(t, "commands", want, got)

	want, got = nil, nil
	told := map[string]string{}
	for _, cells := range table(t, text, "Flag") {
		got = append(got, cells[0]+" of "+cells[1])
		m := inBackquotes.FindAllStringSubmatch(cells[0], -1)
		told[strings.Fields(m[len(m)-1][1])[0]] = cells[2]
	}
	seen := map[string]bool{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			name := f.Names()[0]
			if f, ok := f.(choiceFlag); ok {
				for _, v := range f.values() {
					if !strings.Contains(text, "`"+v+"`") && !strings.Contains(told["--"+name], v) {
						t.Errorf("docs/cli.md does not speak of --%s %s", name, v)
					}
				}
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			who := strings.Join(owners(app, name), ", ")
			if len(owners(app, name)) == len(app.Commands) {
				who = "all"
			}
			want = append(want, flagCell(f)+" of "+who)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	same(t, "flags", want, got)
}

// flagCell is a flag as the page has it.
func flagCell(f cli.Flag) string {
	names := f.Names()
	word, _ := valueOf(f)
	cell := "`" + strings.TrimSpace(dashed(names[0])+" "+word) + "`"
	for _, short := range names[1:] {
		cell = "`" + dashed(short) + "`, " + cell
	}
	return cell
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the table of %s in docs/cli.md lacks %s", what, w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("the table of %s in docs/cli.md has %s, and flowrun has not", what, g)
		}
	}
}

// TestExitCodes: the pages have the table of the help.
func TestExitCodes(t *testing.T) {
	var want []string
	for _, r := range exitCodes() {
		want = append(want, r.name+": "+r.text)
	}
	for _, name := range []string{"../../docs/cli.md", "../../README.md"} {
		var got []string
		for _, cells := range table(t, page(t, name), "Code") {
			got = append(got, cells[0]+": "+strings.ReplaceAll(cells[1], "`", ""))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s\ngot  %q\nwant %q", name, got, want)
		}
	}
}

// A step has variables that begin with FLOWRUN_, too: they must not be read as flags by a flowrun that it starts.
func TestVariables(t *testing.T) {
	ofSteps := []string{"FLOWRUN_RUN_ID", "FLOWRUN_STEP", "FLOWRUN_ATTEMPT", "FLOWRUN_IDEMPOTENCY_KEY", "FLOWRUN_OUTPUT"}
	for _, c := range newApp(&session{}).Commands {
		for _, f := range c.Flags {
			if name := variable(f.Names()[0]); slices.Contains(ofSteps, name) && f.Names()[0] != flagAttempt { // which is not read
				t.Errorf("--%s of %s would be read from %s", f.Names()[0], c.Name, name)
			}
		}
	}
}
