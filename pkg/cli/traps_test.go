package cli

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTraps: what urfave/cli v2 does by itself with a command line, each a trap that people have fallen into. The
// workflow makes the file `ran` when it runs.
func TestTraps(t *testing.T) {
	const (
		flow   = "flowrun: 1\ninputs: {a: {type: string, default: x}}\nsteps: [{run: 'touch ran; echo \"a is ${{ inputs.a }}\"'}]\n"
		plan   = `^workflow`
		helped = `^flowrun run - check everything, then run\n\nEXAMPLES:\n`
	)
	for _, c := range []struct {
		trap, line, env string
		code            int
		ran             bool
		stdout, stderr  string // regular expressions; "" is nothing
	}{
		{"1: flags behind an argument are silently ignored", "run f.yaml --dry-run", "", 0, false, plan, ""},
		{"1: flags behind an argument are silently ignored", "run f.yaml -n", "", 0, false, plan, ""},
		{"1: flags behind an argument are silently ignored", "run f.yaml -j 4 -n", "", 0, false, plan, ""},
		{"1: flags behind an argument are silently ignored", "run --jobs 3 f.yaml --dry-run", "", 0, false, plan, ""},
		{"1: flags behind an argument are silently ignored", "run f.yaml --nosuch", "", 2, false, "", "^flowrun: unknown flag --nosuch \\(.*\\)\n$"},
		{"1: behind -- is no flag", "run -- f.yaml -n", "", 2, false, "", "^flowrun: run takes one FILE, not 2: f.yaml -n \\(.*\\)\n$"},
		{"1: behind -- is no flag", "run -n -- f.yaml", "", 0, false, plan, ""},

		{"2: a TAB runs the command", "run f.yaml -- --generate-bash-completion", "", 2, false, "", "."},
		{"2: a TAB runs the command", "run f.yaml --generate-bash-completion", "", 2, false, "", "."},
		{"2: a TAB runs the command", "--generate-bash-completion", "", 2, false, "", "."},
		{"2: a TAB panics behind joined letters", "run --d --generate-bash-completion", "", 2, false, "", "."},
		{"2: a TAB runs the command", "__complete bash flowrun\u00a0run\u00a0f f", "", 0, false, "^yaml\nf.yaml\n$", ""},
		{"2: a TAB runs the command", "__complete fish run f.yaml --d", "", 0, false, "^none \n--dry-run\t", ""},

		{"3: no script of its own", "completion bash", "", 0, false, `complete .* -F _flowrun flowrun\n$`, ""},
		{"3: no script of its own", "completion zsh", "", 0, false, `^#compdef flowrun\n`, ""},
		{"3: no script of its own", "completion fish", "", 0, false, `complete -c flowrun .*\n$`, ""},
		{"3: no script of its own", "completion powershell", "", 0, false, `Register-ArgumentCompleter -Native`, ""},
		{"3: no script of its own", "completion", "", 2, false, "", "^flowrun: completion takes the name of one shell \\(shells are bash, .*\\)\n$"},
		{"3: no script of its own", "completion tcsh", "", 2, false, "", "^flowrun: there is no completion for tcsh \\(shells are bash, .*\\)\n$"},

		{"4: -j4 is unknown", "run -j4 -n f.yaml", "", 0, false, plan, ""},
		{"4: -j4 is unknown", "run -j=4 -n f.yaml", "", 0, false, plan, ""},
		{"4: joined letters", "run -vnj4 f.yaml", "", 0, false, plan, ""},
		{"4: values are split on commas", "run --input a=1,2 f.yaml", "", 0, true, "a is 1,2", ""},
		{"4: values are split on commas", "run f.yaml", "FLOWRUN_INPUT=a=1,2", 0, true, "a is 1,2", ""},

		{"5: global flags are rejected behind the command", "run --color never f.yaml -n", "", 0, false, plan, ""},
		{"5: global flags are rejected behind the command", "version --color=never -C .", "", 0, false, "^flowrun ", ""},
		{"5: and in front of it", "--color never -C . run -n f.yaml", "", 0, false, plan, ""},

		{"6: No help topic for 'rnu', exit 3", "rnu", "", 2, false, "", "^flowrun: unknown command \"rnu\" \\(did you mean run\\?\\)\n$"},
		{"6: No help topic for 'rnu', exit 3", "help rnu", "", 2, false, "", "^flowrun: unknown command \"rnu\" \\(did you mean run\\?\\)\n$"},
		{"6: No help topic for 'rnu', exit 3", "f.yaml", "", 2, false, "", "^flowrun: unknown command \"f.yaml\" \\(flowrun run f.yaml runs a file\\)\n$"},
		{"6: a usage error prints all of the help", "run f.yaml --jobs x", "", 2, false, "", "^flowrun: --jobs: .*\n$"},
		{"6: a usage error prints all of the help", "run f.yaml --jobs", "", 2, false, "", "^flowrun: --jobs needs a value \\(.*\\)\n$"},
		{"6: a usage error prints all of the help", "plan f.yaml --grace 3s", "", 2, false, "", "^flowrun: plan has no flag --grace \\(it belongs to run\\)\n$"},
		{"6: -h loses against a mistake", "run f.yaml --jobs x --nosuch -h", "", 0, false, helped, ""},
		{"6: -h loses against a mistake", "help run --nosuch", "", 0, false, helped, ""},

		{"7: any word is like another", "run --nodry f.yaml", "", 2, false, "", "^flowrun: unknown flag --nodry \\([^?]*\\)\n$"},
		{"7: any word is like another", "nosuch", "", 2, false, "", "^flowrun: unknown command \"nosuch\" \\([^?]*\\)\n$"},
		{"7: any word is like another", "run --dryrun f.yaml", "", 2, false, "", "^flowrun: unknown flag --dryrun \\(did you mean --dry-run\\?\\)\n$"},

		{"a bool that is bound to NO_COLOR takes true and false only", "run -n f.yaml", "NO_COLOR=yesplease", 0, false, plan, ""},
	} {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("f.yaml", []byte(flow), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		words := strings.Split(c.line, " ")
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "\u00a0", " ")
		}
		code := Main(append([]string{"flowrun"}, words...), System{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Notify: func(chan<- os.Signal) func() { return func() {} },
			Env: []string{"PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + t.TempDir(), c.env},
		})
		_, err := os.Stat("ran")
		if ran := err == nil; ran != c.ran || code != c.code {
			t.Errorf("%s\nflowrun %s: exit code %d, ran: %t", c.trap, c.line, code, ran)
		}
		for _, s := range []struct{ want, got string }{{c.stdout, out.String()}, {c.stderr, errs.String()}} {
			if s.want == "" && s.got != "" || !regexp.MustCompile(s.want).MatchString(s.got) {
				t.Errorf("%s\nflowrun %s\ngot  %s\nwant %s", c.trap, c.line, s.got, s.want)
			}
		}
	}
}
