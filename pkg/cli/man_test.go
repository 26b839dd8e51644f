package cli

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestManual: the page has all that the tables have, and is in order.
func TestManual(t *testing.T) {
	app := newApp(&session{})
	text := manual(app)
	var want []string
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES"} {
		want = append(want, `.SH "`+section+`"`)
	}
	for _, c := range app.Commands {
		want = append(append(want, `.SS "`+escape(c.UsageText)+`"`), c.Aliases...)
		for _, f := range c.Flags {
			word, _ := valueOf(f)
			want = append(want, variable(f.Names()[0]), escape(dashed(f.Names()[0])+" "+word))
		}
		for _, r := range commandExamples(c) {
			want = append(want, `.B "`+escape(r.name)+`"`)
		}
	}
	for _, r := range append(append(exitCodes(), examples()...), append(environment(), filesRead()...)...) {
		want = append(want, `.B "`+escape(r.name)+`"`)
	}
	for _, w := range want {
		if !strings.Contains(text, strings.TrimSpace(w)) {
			t.Errorf("the manual lacks %s", w)
		}
	}
	for _, c := range []struct {
		tool  string
		args  []string
		known string // this text has no date
	}{
		{"mandoc", []string{"-Tlint", "-Wstyle"}, "missing date"},
		{"groff", []string{"-man", "-ww", "-z", "-Tutf8"}, ""},
	} {
		t.Run(c.tool, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skipf("%s is not installed", c.tool)
			}
			cmd := exec.Command(c.tool, c.args...)
			cmd.Stdin = strings.NewReader(text)
			out, _ := cmd.CombinedOutput() // mandoc's exit code is that of the worst that it says
			for line := range bytes.Lines(out) {
				if c.known == "" || !bytes.Contains(line, []byte(c.known)) {
					t.Errorf("%s", line)
				}
			}
		})
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a-b": `a\-b`, `\n`: `\en`, ".TH": `\&.TH`, "'x": `\(aqx`, `"a"`: `\(dqa\(dq`, "~/`^": `\(ti/\(ga\(ha`,
	} {
		if got := escape(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
