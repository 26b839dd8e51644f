package spec_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// wrong is all that is wrong with a text, names aside.
func wrong(src []byte) diag.List {
	_, err := spec.Parse("f", src, builtin())
	var list diag.List
	errors.As(err, &list)
	return list
}

func TestMend(t *testing.T) {
	const head = "flowrun: 1\nsteps:\n"
	for _, c := range []struct{ name, text, want string }{
		{"a key", head + "- {slepe: 1s}\n", head + "- {sleep: 1s}\n"},
		{"comments and blanks stay", head + "-   slepe :   1s   # a comment\n", head + "-   sleep :   1s   # a comment\n"},
		{"a byte order mark and the line ends of Windows", "\ufeffflowrun: 1\r\nsteps:\r\n- slepe: 10 minutes\r\n", "\ufeffflowrun: 1\r\nsteps:\r\n- sleep: 10m\r\n"},
		{"wide characters before it", head + "- {name: '漢字 🎉 é', slepe: 1 min}\n", head + "- {name: '漢字 🎉 é', sleep: 1m}\n"},
		{"a tab before it", head + "- sleep: 1s\n  shield:\tyes\n", head + "- sleep: 1s\n  shield:\ttrue\n"},
		{"a key in quotes", head + "- {\"slepe\": 1s}\n", head + "- {sleep: 1s}\n"},
		{"key and value", head + "- {sleep: 1s, \"timeout-minutes\" : 1.5}\n", head + "- {sleep: 1s, timeout: 1.5m}\n"},
		{"a value in quotes", head + "- {run: a, retries: 2, timeout: \"2 min\"}\n", head + "- {run: a, retry: {attempts: 3}, timeout: 2m}\n"},
		{"two that are both near", head + "- {run: a, env: {}, eny: {}}\n", ""},
		{"the right one is there", head + "- {sleep: 1s, timeout: 1s, tiemout: 2s}\n", ""},
		{"an anchor or an alias", head + "- {sleep: &x 1 min}\n- {sleep: *x}\n", ""},
		{"a key that is an alias", head + "- {name: &k slepe, echo: x}\n- {*k : 1s}\n", ""},
		{"a number without a unit", head + "- {sleep: 30}\n", ""},
		{"what has two meanings", head + "- {value: no}\n- {value: 1.10}\n- {value: 012}\n", ""},
		{"an instant is a text", head + "- {value: 2026-01-02}\n", head + "- {value: \"2026-01-02\"}\n"},
		{"an instant that is secret would be told", "flowrun: 1\ninputs: {a: {secret: true, default: 2026-01-02}}\nsteps:\n- {sleep: 1s}\n", ""},
		{"an expression in flow style", head + "- {value: ${{ 1 }}, name: ${{ 'x' }}}\n", head + "- {value: \"${{ 1 }}\", name: \"${{ 'x' }}\"}\n"},
		{"an expression with quotes", head + "- {value: ${{ \"x\" }} }\n", head + "- {value: '${{ \"x\" }}' }\n"},
		{"a text around an expression", head + "- {echo: a ${{ 1 }} b}\n", ""},
		{"a version in quotes", strings.Replace(head, "1", "'1.0'", 1) + "- {sleep: 1s}\n", head + "- {sleep: 1s}\n"},
		{"no version", "# x\nsteps:\n- {sleep: 1s}\n", "# x\nflowrun: 1\nsteps:\n- {sleep: 1s}\n"},
		{"no version, and Windows", "steps:\r\n- {sleep: 1s}\r\n", "flowrun: 1\r\nsteps:\r\n- {sleep: 1s}\r\n"},
		{"no space", head + "- run:make\n- run:test\n  timeout: 1 min\n", head + "- run: make\n- run: test\n  timeout: 1m\n"},
		{"a value that begins like no other", head + "- echo: @home\n- echo: `x`\n", head + "- echo: \"@home\"\n- echo: \"`x`\"\n"},
		{"before a comment", head + "- echo: @home # x\n", ""},
		{"a bracket at the begin", head + "- run: [ -f x ] && make\n", head + "- run: \"[ -f x ] && make\"\n"},
		{"a colon in an expression", head + "- value: ${{ {a: 1}.a }}\n", head + "- value: \"${{ {a: 1}.a }}\"\n"},
		{"another version", strings.Replace(head, "1", "2", 1) + "- {sleep: 1s}\n", ""},
		{"another program's shell", head + "- {run: a, shell: zsh}\n", ""},
		{"a file of another tool", "tasks: {a: {cmds: [b]}}\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				c.want = c.text
			}
			got, changes := spec.Mend("f", []byte(c.text), wrong)
			if string(got) != c.want {
				t.Errorf("got\n%s%v\nwant\n%s", got, changes, c.want)
			}
			if len(changes) > 0 != (c.want != c.text) {
				t.Errorf("changes are %v", changes)
			}
		})
	}
}

// FuzzMend holds the rules of mendRules for any text.
func FuzzMend(f *testing.F) {
	for _, text := range []string{
		"flowrun: 1\nsteps:\n- {slepe: 10 minutes, shield: on}\n", "flowrun: '1'\nstesp:\n- gahter: [{rnu: a, tiemout: 1 h}]\n",
		"\ufeffflowrun: 1\r\nsteps: [{run: \"x\", retries: 1, timeout-minutes: 3}]\r\n", "flowrun: 1\nsteps: [{value: ${{ 1 }}}]\n",
		"flowrun: 1\nsteps: [{wait: [{slep: 1s}], return_when: FIRST-COMPLETED}]\n", "flowrun: 1\nparallel: [{cmd: a}, {script: b}]\nmax-parallel: 2\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { mendRules(t, text) })
}

// TestMendAnything does to files what keyboards do, and holds the rules of mendRules.
func TestMendAnything(t *testing.T) {
	var texts []string
	for _, pattern := range []string{"testdata/*.txtar", "../executor/plan/testdata/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range a.Files {
				if strings.HasSuffix(f.Name, ".yaml") && len(f.Data) < 1000 {
					texts = append(texts, string(f.Data))
				}
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{
		" ", "\t", ":", "-", "\"", "'", "{", "}", "[", "]", "\n", "é", "漢", "${{", "}}", "yes", "#", "&a ", "*a", "\r\n",
		"10 minutes", "cmd", "retries: 2", "timeout-minutes: 3",
	}
	fixed := 0
	for range 300 {
		text := texts[rng.IntN(len(texts))]
		for range rng.IntN(4) + 1 {
			i := rng.IntN(len(text) + 1)
			switch rng.IntN(3) {
			case 0:
				text = text[:i] + pieces[rng.IntN(len(pieces))] + text[i:]
			case 1:
				text = text[:i] + text[min(len(text), i+1+rng.IntN(3)):]
			case 2:
				if i+1 < len(text) {
					text = text[:i] + text[i+1:i+2] + text[i:i+1] + text[i+2:]
				}
			}
		}
		fixed += mendRules(t, text)
	}
	if fixed < 50 {
		t.Errorf("only %d edits", fixed)
	}
}

// mendRules: no more is wrong after Mend than before, unless the text could not be read, and to mend twice is to mend once.
func mendRules(t *testing.T, text string) (edits int) {
	before := wrong([]byte(text))
	once, changes := spec.Mend("f", []byte(text), wrong)
	after := wrong(once)
	readable := true
	for _, d := range before {
		readable = readable && d.Code != "syntax" && d.Code != "unquoted-expression"
	}
	if readable && len(after) > len(before) {
		t.Errorf("%q became %q\n%v\n%v", text, once, before, after)
	}
	if len(changes) == 0 && string(once) != text {
		t.Errorf("%q became %q", text, once)
	}
	if twice, more := spec.Mend("f", once, wrong); len(more) > 0 {
		t.Errorf("%q became %q and then %q: %v", text, once, twice, more)
	}
	return len(changes)
}
