package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryValueIsCompleted: a flag that takes a value, and an argument, say what completes them.
func TestEveryValueIsCompleted(t *testing.T) {
	app := newApp(&session{})
	for _, command := range app.Commands {
		c := completer{session: &session{}, app: app, line: scan(app, []string{command.Name})}
		known := func(what string, offered func() offer) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: %v", what, p)
				}
			}()
			if o := offered(); o.files != "" && !slices.Contains([]string{"any", "yaml", "folders"}, o.files) {
				t.Errorf("%s: no shell knows the files %q", what, o.files)
			}
		}
		for _, f := range command.Flags {
			word, text := valueOf(f)
			if takesValue(f) != (word != "") || text == "" {
				t.Errorf("%s --%s: its text must begin with the word for its value, in backquotes, if it takes one", command.Name, f.Names()[0])
				continue
			}
			if word != "" {
				known(command.Name+" --"+f.Names()[0], func() offer { return c.value(f, "") })
			}
		}
		for _, a := range arguments(command) {
			for _, word := range a.words {
				known(command.Name+" "+word, func() offer { return c.named(word, "") })
			}
		}
	}
}

const inputsOf = `flowrun: 1
# inputs: none
inputs:
  tag:   {type: string, description: "which\n\ttag: \e[31mred"}
  shards:
    type: integer

    default: 4
  mode:  {type: string, enum: [fast, "very slow", "it's"]}
  level: {type: integer, enum: [1, 2]}
  debug: {type: boolean, default: false}
  any:   {default: {a: [1, x]}}
  key:   {type: string, secret: true, default: abcd, description: of the registry}
steps:
  - {run: touch ran, retry
`

func TestOffers(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"flowrun.yaml": inputsOf, "sub/flowrun.yml": "flowrun: 1\ninputs: {inner: {}}\nsteps: []\n", "sub/more.yaml": "", "sub/deep/x": "",
		"f.json": `{"flowrun": 1, "inputs": {"n": {"type": "integer"}}, "steps": [{"sleep": 0}]}`, "none.yaml": "flowrun: 1\nsteps: [",
		"notes.txt": "", "home/h.yaml": "flowrun: 1\ninputs: {h: {}}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	home, err := filepath.Abs("home")
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"he", "none: help"},
		{"l", "none: lint list logs"},
		{"v", "none: validate version"},
		{"help v", "none: validate version"},
		{"help run ", "none:"},
		{"--", "none: --directory --color --help"},
		{"-C sub ru", "none: run"},
		{"--color n", "none: never"},
		{"nosuch ", "none:"},
		{"nosuch --", "none:"},

		{"run --in", "none: --input --inputs-file"},
		{"run -q --q", "none: --queue"},
		{"run --quiet -q", "none:"},
		{"run -i a=1 --in", "none: --input --inputs-file"},
		{"run flowrun.yaml --str", "none: --strict"},
		{"run -h --str", "none:"},
		{"run --nosuch --str", "none: --strict"},
		{"run --strict=", "none: --strict=true --strict=false"},

		{"run --report ju", "none: junit="},
		{"run --report=ev", "none: --report=events="},
		{"run --report junit=", "any junit=:"},
		{"report --report junit=a --report ev", "none: events="},
		{"run --format ", "none: text json ndjson"},
		{"run --format=", "none: --format=text --format=json --format=ndjson"},
		{"validate --format s", "none: sarif"},
		{"version --format=", "none: --format=text --format=json"},
		{"run --color=a", "none: --color=auto --color=always"},
		{"run --nosuch=", "none:"},
		{"explain duplicate-i", "none: duplicate-id"},
		{"explain duplicate-id d", "none:"},
		{"completion ", "none: bash zsh fish powershell"},
		{"man ", "none:"},

		{"run ", "yaml:"},
		{"run a b", "none:"},
		{"validate a b", "yaml:"},
		{"run -- -", "yaml:"},
		{"run -- --format ", "none:"},
		{"run -j ", "none:"},
		{"run -j4", "none:"},
		{"run -j 4 ", "yaml:"},
		{"run --timeout ", "none:"},
		{"run --inputs-file ", "any:"},
		{"run --inputs-file=x", "any --inputs-file=:"},
		{"run --state-dir ", "folders:"},
		{"run -C ", "folders:"},
		{"run -Cx", "folders -C:"},
		{"run -nC=x", "folders -nC=:"},
		{"run -C sub ", "none: deep/ flowrun.yml more.yaml"},
		{"run -C sub m", "none: more.yaml"},
		{"run -C sub --env-file d", "none: deep/"},
		{"run -C sub --env-file=deep/", "none: --env-file=deep/x"},
		{"run -C sub deep/", "none: deep/x"},
		{"run -C nosuch ", "none:"},

		{"run -i ", "none: tag= shards= mode= level= debug= any= key=@"},
		{"run -i t", "none: tag="},
		{"run -it", "none: -itag="},
		{"run --input=t", "none: --input=tag="},
		{"run -i tag=1 --input mode=fast -i ", "none: shards= level= debug= any= key=@"},
		{"run -i shards=", "none: shards=4"},
		{"run -i mode=", "none: mode=fast mode=very slow mode=it's"},
		{"run -i level=", "none: level=1 level=2"},
		{"run -i debug=", "none: debug=true debug=false"},
		{"run -i debug=t", "none: debug=true"},
		{"run -i any=", `none: any={"a":[1,"x"]}`},
		{"run -i key=", "none:"},
		{"run -i key=@", "any key=@:"},
		{"run -i nosuch=", "none:"},
		{"run f.json -i ", "none: n="},
		{"plan sub/flowrun.yml -i ", "none: inner="},
		{"run -C sub -i ", "none: inner="},
		{"run ~/h.yaml -i ", "none: h="},
		{"run - -i ", "none:"},
		{"run none.yaml -i ", "none:"},
		{"run nosuch.yaml -i ", "none:"},
		{"run sub -i ", "none:"},
	} {
		t.Chdir(here) // -C leads to others
		s := &session{System: System{Env: []string{"HOME=" + home}}}
		o := s.offer(newApp(s), strings.Split(c.line, " "), false)
		got := strings.TrimSuffix(o.files+" "+o.prefix, " ") + ":"
		for _, w := range o.words {
			got += " " + w.word
		}
		if got != c.want {
			t.Errorf("flowrun %s<TAB>\ngot  %s\nwant %s", c.line, got, c.want)
		}
	}
	t.Chdir(here)
	for _, c := range []struct{ shell, line, want string }{
		{"fish", "run -i t", "none \ntag=\tstring, required: which tag: red\n"},
		{"fish", "run -i ke", "none \nkey=@\tstring, secret: name a file: of the registry\n"},
		{"zsh", "run -i s", "none \nshards=:integer = 4\n"},
		{"powershell", "run -i =mode=v", "none \n'mode=very slow'\n"},
		{"powershell", "run -i =mode=i", "none \n'mode=it''s'\n"},
		{"bash", "flowrun run -i mode=v|v", "none\nvery\\ slow\n"},
		{"bash", "flowrun run -i 'mode=v|mode=v", "none\nmode=very slow\n"},
		{"bash", `flowrun run -i "mode=i|mode=i`, "none\nmode=it's\n"},
		{"bash", "flowrun run -i mode=i|mode=i", "none\nmode=it\\'s\n"},
		{"bash", "flowrun run |", "yaml\nflowrun.yaml\nhome/\nnone.yaml\nsub/\n"},
		{"bash", "flowrun run no|no", "yaml\nnone.yaml\n"},
		{"bash", "flowrun run not|not", "yaml\nnotes.txt\n"},
		{"bash", "flowrun|flowrun", ""},
		{"bash", "flowrun run", ""},
		{"nosuch", "", "none \n"},
	} {
		words := strings.Split(c.line, " ")
		if c.shell == "bash" {
			words = strings.Split(c.line, "|")
		}
		if out := pressed(t, append([]string{c.shell}, words...)...); c.line != "" && out != c.want {
			t.Errorf("%s: %s<TAB>\ngot  %q\nwant %q", c.shell, c.line, out, c.want)
		}
	}
}

// pressed is what flowrun __complete prints. It must not say or do more.
func pressed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := Main(append([]string{"flowrun", completeWord}, args...), System{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs})
	if code != 0 || errs.Len() > 0 {
		t.Errorf("%q: exit code %d, and says %s", args, code, errs.String())
	}
	return out.String()
}

// TestCompletionIsQuiet: whatever stands on a line, a completion says nothing about it, and does nothing.
func TestCompletionIsQuiet(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.WriteFile("flowrun.yaml", []byte("flowrun: 1\nsteps: [{run: touch ran}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pressed(t)
	pressed(t, "bash")
	pressed(t, "bash", "")
	words := []string{
		"run", "plan", "--", "-", "--=", "-=", "-n", "-i", "--input", "--generate-bash-completion", "", "\x00", "\xff\n", "'", `\`, "help",
		"flowrun.yaml", "-C", "/", "--color=", "a=@", "~/", "-j", "\t", "$(touch ran)", "/dev/zero", "-ia=@/dev/",
	}
	rapid.Check(t, func(r *rapid.T) {
		line := rapid.SliceOfN(rapid.SampledFrom(words), 1, 6).Draw(r, "line")
		shell := rapid.SampledFrom(append(shells(), "nosuch")).Draw(r, "shell")
		if shell == "bash" {
			line = []string{"flowrun " + strings.Join(line, " "), line[len(line)-1]}
		}
		pressed(t, append([]string{shell}, line...)...)
	})
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("a completion wrote something: %v, %v", entries, err)
	}
}

// What bash is given is what it would read back.
func TestBashLine(t *testing.T) {
	for _, c := range []struct{ line, words, raw string }{
		{"flowrun run a", "flowrun|run|a", "a"},
		{"flowrun  run ", "flowrun|run|", ""},
		{`flowrun a\ b`, "flowrun|a b", `a\ b`},
		{`flowrun 'a b' c`, "flowrun|a b|c", "c"},
		{`flowrun 'a "b`, `flowrun|a "b`, `'a "b`},
		{`flowrun "a \"\x b`, `flowrun|a "\x b`, `"a \"\x b`},
		{`flowrun a'b c'"d e"f`, "flowrun|ab cd ef", `a'b c'"d e"f`},
		{`flowrun '' x`, "flowrun||x", "x"},
		{`flowrun a\`, `flowrun|a\`, `a\`},
	} {
		got := splitLine(c.line)
		if words := strings.Join(got.words, "|"); words != c.words || got.raw != c.raw {
			t.Errorf("%s: %s and %s, want %s and %s", c.line, words, got.raw, c.words, c.raw)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.StringMatching(`[ -~äß]+`).Draw(r, "word")
		open := rapid.SampledFrom([]string{"", "'", `"`}).Draw(r, "quote")
		line := "x " + open + splitLine("x "+open).escape(word) + open
		if got := splitLine(line); len(got.words) != 2 || got.words[1] != word {
			t.Errorf("%q becomes %s, which is %q", word, line, got.words)
		}
	})
}

// The steps of a file are not read to tell its inputs: there may be many of them.
func TestDeclarations(t *testing.T) {
	long := "flowrun: 1\nname: x\n" + "inputs:\n  a: {type: string}\n\n# b\n  b: {}\nenv: {}\n" + strings.Repeat("x", 1<<20)
	if got := string(declarations([]byte(long))); got != "flowrun: 1\ninputs:\n  a: {type: string}\n\n# b\n  b: {}\n\nsteps: [{sleep: 0s}]\n" {
		t.Errorf("%q", got)
	}
	if got := len(declarations(bytes.Repeat([]byte("- x\n"), 1<<20))); got > 100 {
		t.Errorf("%d bytes of a file without inputs are read", got)
	}
}

// A flag of a few values checks them, shows them and offers them from one list.
func TestChoices(t *testing.T) {
	for _, c := range newApp(&session{}).Commands {
		for _, f := range c.Flags {
			choice, ok := f.(choiceFlag)
			if !ok {
				continue
			}
			_, text := valueOf(f)
			for _, v := range choice.values() {
				if wrongValue(f, v) != "" || !strings.Contains(text, v) {
					t.Errorf("%s --%s: %s is refused, or not in %q", c.Name, f.Names()[0], v, text)
				}
			}
			if want := fmt.Sprintf("%q is none of %s", "nosuch", strings.Join(choice.values(), ", ")); wrongValue(f, "nosuch") != want {
				t.Errorf("%s --%s: %s", c.Name, f.Names()[0], wrongValue(f, "nosuch"))
			}
		}
	}
}
