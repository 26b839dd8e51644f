package docs_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/testenv"
)

var update = flag.Bool("update", false, "write what commands print into the pages")

// TestMain makes this test binary the flowrun command, too, and puts it first in PATH.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"flowrun": func() { cli.Exit(cli.Main(os.Args, cli.OS())) },
	})
}

// tests show the same whatever a person or a CI has set.
type tests struct{ *testing.M }

func (m tests) Run() int {
	testenv.Clean()
	return m.M.Run()
}

// TestConsole does what a page shows, from its top to its end, in one folder and with one folder for runs: a block of YAML with the name of a file
// in the line before is written there, a block of console is run there, command by command. A command prints
// what stands below it; its exit code is 0, or shown by `; echo $?` behind it.
//
//	```console              the lines in this order
//	```console unordered    the lines in any order: steps that run at the same time
//
// After <!-- in the repository --> the commands run at the top of the repository.
func TestConsole(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("sh is not installed")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			folder, state := t.TempDir(), t.TempDir()
			var done []*command
			for _, b := range blocks(t, page) {
				switch {
				case b.file != "":
					path := filepath.Join(folder, b.file)
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(b.text), 0o644)); err != nil {
						t.Fatal(err)
					}
				case b.language() == "console":
					dir := folder
					if b.note == "in the repository" {
						dir = root
					}
					for _, c := range commands(t, b) {
						c.run(t, dir, state, strings.HasSuffix(b.info, " unordered"))
						done = append(done, c)
					}
				}
			}
			total += len(done)
			if *update {
				rewrite(t, page, done)
			}
		})
	}
	if total == 0 {
		t.Error("no page shows a command")
	}
}

// command is one command on a page, with what it should print and what it printed.
type command struct {
	page      string
	at        int // its line
	line      string
	want, got string
}

func commands(t *testing.T, b block) []*command {
	t.Helper()
	var out []*command
	for i, line := range strings.Split(strings.TrimSuffix(b.text, "\n"), "\n") {
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, &command{page: b.page, at: b.line + i, line: text})
			continue
		}
		if len(out) == 0 {
			t.Fatalf("%s:%d: the block must begin with a command", b.page, b.line)
		}
		out[len(out)-1].want += line + "\n"
	}
	return out
}

// run runs c and compares. What fits is not written anew: got is then what the page has.
func (c *command) run(t *testing.T, dir, state string, unordered bool) {
	t.Helper()
	cmd := exec.Command("sh", "-c", c.line)
	cmd.Dir = dir
	cmd.Env = []string{"XDG_STATE_HOME=" + state}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PWD=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.CombinedOutput()
	c.got = swept.ReplaceAllString(string(out), "")
	diff := cmp.Diff(steady(c.want, unordered), steady(c.got, unordered))
	switch {
	case err != nil:
		t.Errorf("%s:%d: %s: %v\n%s", c.page, c.at, c.line, err, out)
	case diff == "":
		c.got = c.want
	case !*update:
		t.Errorf("%s:%d: %s (-page +program)\n%s\nthe program printed:\n%s", c.page, c.at, c.line, diff, out)
	}
}

// rewrite puts what the commands printed into their page.
func rewrite(t *testing.T, page string, done []*command) {
	t.Helper()
	lines := strings.SplitAfter(read(t, page), "\n")
	for _, c := range slices.Backward(done) {
		text := strings.TrimRight(c.got, "\n")
		if text != "" {
			text += "\n"
		}
		lines = slices.Replace(lines, c.at, c.at+strings.Count(c.want, "\n"), text)
	}
	if err := os.WriteFile(page, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// swept is what flowrun says when it has ended what a killed run left behind: tests that kill runs may be at work beside.
var swept = regexp.MustCompile(`(?m)^flowrun: an earlier run was killed;.*\n`)

// What differs from run to run, and what stands for it in a comparison.
var varies = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\b01[0-9A-HJKMNP-TV-Z]{24}\b`), "RUN"},
	{regexp.MustCompile(`"(duration|queued)": ?[0-9.e-]+`), `"$1":SECONDS`},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|µs|s)\b`), "TIME"},
	{regexp.MustCompile(`TIME {3,}`), "TIME  "}, // in a table
	{regexp.MustCompile(` {3,}TIME\b`), "  TIME"},
	// Of a run that is over at once nothing is said of where the time went; on a machine that does other things, too, it may be.
	{regexp.MustCompile(`(?m)^\n?(slowest|critical path|longest wait): .*\n`), ""},
}

// steady is what a command printed without what varies, in lines that can be compared.
func steady(text string, unordered bool) []string {
	for _, v := range varies {
		text = v.form.ReplaceAllString(text, v.as)
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if unordered {
		slices.Sort(lines)
	}
	return lines
}
