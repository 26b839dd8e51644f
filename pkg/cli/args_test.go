package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ name, line, env, want string }{
		{"nothing", "", "", ""},
		{"a file", "run a.yaml", "", "run -- a.yaml"},
		{"a flag behind the file", "run a.yaml --dry-run", "", "run --dry-run=true -- a.yaml"},
		{"a short flag behind the file", "run a.yaml -n", "", "run --dry-run=true -- a.yaml"},
		{"a flag with a value behind the file", "run a.yaml -j 4", "", "run --jobs=4 -- a.yaml"},
		{"a joined value", "run -j4 a.yaml", "", "run --jobs=4 -- a.yaml"},
		{"a joined value with =", "run -j=4 a.yaml", "", "run --jobs=4 -- a.yaml"},
		{"joined flags", "run -nvj4 a.yaml", "", "run --dry-run=true --verbose=true --jobs=4 -- a.yaml"},
		{"long values", "run --jobs 3 a.yaml --timeout=5s", "", "run --jobs=3 --timeout=5s -- a.yaml"},
		{"flags in front of the command", "-C dir --color never run a.yaml", "", "run --directory=dir --color=never -- a.yaml"},
		{"commas stay", "run -i a=1,2 --input b=x,y", "", "run --input=a=1,2 --input=b=x,y --"},
		{"a value that looks like a flag", "run -i -n", "", "run --input=-n --"},
		{"an empty value", "run --input=", "", "run --input= --"},
		{"stdin", "run -", "", "run -- -"},
		{"behind -- is no flag", "run -- -n --dry-run", "", "run -- -n --dry-run"},
		{"a bool with a value", "run --strict=false", "", "run --strict=false --"},
		{"an alias of a command", "lint a b", "", "validate -- a b"},
		{"help wins", "run a.yaml --nosuch -h", "", "run --help"},
		{"help in front", "--help run", "", "run --help"},
		{"help as a command", "help run", "", "run --help"},
		{"help alone", "help", "", "--help"},
		{"help on an unknown command", "help rnu", "", "unknown command \"rnu\" (did you mean run?)"},
		{"help in front of an unknown command", "-h rnu", "", "unknown command \"rnu\" (did you mean run?)"},
		{"help in the value of a flag", "run -i -h", "", "run --input=-h --"},
		{"help behind --", "run -- --help", "", "run -- --help"},
		{"an unknown command with help", "rnu --help", "", "unknown command \"rnu\" (did you mean run?)"},
		{"the last of several", "run -j1 -j2", "", "run --jobs=1 --jobs=2 --"},

		{"a variable", "run", "FLOWRUN_JOBS=4", "run --jobs=4 --"},
		{"the flag wins over the variable", "run -j2", "FLOWRUN_JOBS=4", "run --jobs=2 --"},
		{"an empty variable", "run", "FLOWRUN_JOBS=", "run --"},
		{"inputs, one on a line", "run", "FLOWRUN_INPUT=a=1,2\nb=3", "run --input=a=1,2 --input=b=3 --"},
		{"a wrong variable", "run", "FLOWRUN_STRICT=yesplease", `FLOWRUN_STRICT: "yesplease" is neither true nor false`},
		{"a variable of another command", "version", "FLOWRUN_JOBS=4", "version --"},

		{"unknown command", "rnu a.yaml", "", `unknown command "rnu" (did you mean run?)`},
		{"a file as a command", "a.yaml", "", `unknown command "a.yaml" (flowrun run a.yaml runs a file)`},
		{"nothing like it", "nosuch", "", `unknown command "nosuch" (flowrun --help lists commands)`},
		{"unknown flag", "run --dryrun", "", "unknown flag --dryrun (did you mean --dry-run?)"},
		{"no threshold, no guess", "run --nodry", "", "unknown flag --nodry (flowrun run --help lists the flags)"},
		{"a short name with two dashes", "run --n", "", "unknown flag --n (flowrun run --help lists the flags)"},
		{"an unknown letter", "run -nx", "", "unknown flag -x (flowrun run --help lists the flags)"},
		{"a flag of another command", "plan --grace=1s", "", "plan has no flag --grace (it belongs to run)"},
		{"no value", "run -j", "", "-j needs a value (flowrun run --help lists the flags)"},
		{"no number", "run -jx", "", `-j: "x" is not a number from 1 on`},
		{"zero", "run --jobs=0", "", `--jobs: "0" is not a number from 1 on`},
		{"no duration", "run --timeout 5", "", `--timeout: "5" is not a duration such as 500ms, 30s or 1h30m`},
		{"none of the values", "run --format xml", "", `--format: "xml" is none of text, json, ndjson`},
		{"nearly one of the values", "run --format jsn", "", `--format: "jsn" is none of text, json, ndjson (did you mean json?)`},
		{"no command", "-n", "", "there is no command (flowrun --help lists commands)"},
		{"completion of a shell", "run a.yaml --generate-bash-completion", "", "unknown flag --generate-bash-completion (flowrun run --help lists the flags)"},
		{"completion behind --", "run a.yaml -- --generate-bash-completion", "", "run -- a.yaml --generate-bash-completion"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var env []string
			if c.env != "" {
				env = []string{c.env}
			}
			argv, err := normalize(newApp(&session{}), append([]string{"flowrun"}, strings.Fields(c.line)...), env)
			got := ""
			if err != nil {
				var b bytes.Buffer
				(&session{System: System{Stderr: &b}}).report(err)
				got = strings.TrimSuffix(strings.TrimPrefix(b.String(), "flowrun: "), "\n")
			} else {
				got = strings.Join(argv[1:], " ")
			}
			if got != c.want {
				t.Errorf("flowrun %s\ngot  %s\nwant %s", c.line, got, c.want)
			}
		})
	}
}

// One name means one thing in every command, or flags in front of the command could not be read.
func TestFlagsAgree(t *testing.T) {
	takes := map[string]bool{}
	long := map[string]string{}
	for _, c := range newApp(&session{}).Commands {
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				if was, ok := takes[name]; ok && was != takesValue(f) || ok && long[name] != f.Names()[0] {
					t.Errorf("--%s of %s is another one elsewhere", name, c.Name)
				}
				takes[name], long[name] = takesValue(f), f.Names()[0]
			}
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"a.yaml": "a.yaml", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "k=v,w": "k=v,w", "~x": "'~x'",
		"a\n\tb": "'a\n\tb'", "a\x1bb": `'a'"$(printf '\033')"'b'`, "\u009b\xff": `''"$(printf '\302\233')"''"$(printf '\377')"''`,
	} {
		if got := quote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
