package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/docs/errors"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/steps"
)

// completeWord is what the scripts of `flowrun completion` call when somebody presses TAB:
//
//	flowrun __complete SHELL WORD...      the words behind `flowrun`; the last one as far as it is written
//	flowrun __complete bash LINE WORD     the line as far as it is written, and what of it readline would replace
//
// The answer is a line for the names of files, which the shell itself can list best, and a line for each word:
//
//	yaml --file=                          none, any, yaml or folders; what of the word stands before the name.
//	                                      For bash and PowerShell names are words, too: theirs are split or bare.
//	--format<TAB>text; json: one object   a word, and what it means
//
// Nothing is run and nothing written for it, and there is no error: what cannot be told is no answer, and a shell then
// offers files. urfave/cli's own completion can run the command that is being written; it is never switched on.
const completeWord = "__complete"

// offer is what may stand at the end of a line.
type offer struct {
	files  string
	prefix string
	words  []candidate
}

type candidate struct{ word, about string }

// complete answers a shell.
func (s *session) complete(app *cli.App, args []string) {
	defer func() { _ = recover() }() // a person is typing: there is nobody to tell
	if len(args) < 2 {
		return
	}
	shell, words := args[0], args[1:]
	switch shell {
	case "bash":
		if len(args) != 3 {
			return
		}
		line := splitLine(args[1])
		if len(line.words) < 2 {
			return
		}
		line.answer(s.Stdout, s.offer(app, line.words[1:], true), args[2])
		return
	case "powershell": // drops empty arguments
		words[len(words)-1] = strings.TrimPrefix(words[len(words)-1], "=")
	}
	o := s.offer(app, words, shell == "powershell")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", o.files, o.prefix)
	for _, c := range o.words {
		word, between := c.word, "\t"
		switch {
		case shell == "zsh":
			word, between = strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(word), ":"
		case shell == "powershell" && strings.ContainsAny(word, " '\"`$(){}@,;&|<>#"):
			word = "'" + strings.ReplaceAll(word, "'", "''") + "'"
		}
		if c.about != "" {
			word += between + c.about
		}
		b.WriteString(word + "\n")
	}
	io.WriteString(s.Stdout, b.String())
}

// offer is what the last of words may become; lists says that names of files are wanted as words.
func (s *session) offer(app *cli.App, words []string, lists bool) offer {
	last := len(words) - 1
	c := completer{session: s, app: app, line: scan(app, words[:last]), word: words[last], lists: lists}
	o := c.offer()
	if o.files == "" {
		o.files = "none"
	}
	o.words = slices.DeleteFunc(o.words, func(w candidate) bool {
		return !strings.HasPrefix(w.word, c.word) || strings.ContainsFunc(w.word, unicode.IsControl)
	})
	for i, w := range o.words {
		o.words[i].about = onLine(w.about)
	}
	return o
}

// onLine is a text that may come from a file, on one line.
func onLine(text string) string {
	const most = 100
	runes := []rune(strings.Join(strings.Fields(plain.Inert(text)), " "))
	if len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return string(runes)
}

// completer completes a word.
type completer struct {
	*session
	app  *cli.App
	line *normalizer // the words before it
	word string
	// lists says that names of files are wanted as words.
	lists bool
}

func (c *completer) offer() offer {
	line := c.line
	switch flag, before := c.joined(); {
	case line.lost || line.help && line.command != nil:
		return offer{}
	case line.wants != "":
		return c.value(c.flag(strings.TrimLeft(line.wants, "-")), "")
	case line.literal:
	case flag != nil:
		return c.value(flag, before)
	case strings.HasPrefix(c.word, "-"):
		return c.flagsOf()
	}
	if line.command == nil {
		return offer{words: c.commands(!line.help)}
	}
	return c.argument()
}

// flag finds a flag by one of its names. Before the command it is that of any.
func (c *completer) flag(name string) cli.Flag {
	if c.line.command != nil {
		return flagOf(c.line.command, name)
	}
	for _, command := range c.app.Commands {
		if f := flagOf(command, name); f != nil {
			return f
		}
	}
	return nil
}

// joined is the flag that has its value in the same word, --format=js or -nj4, and what stands before the value.
func (c *completer) joined() (f cli.Flag, before string) {
	if name, _, ok := strings.Cut(c.word, "="); ok && strings.HasPrefix(name, "--") {
		return c.flag(name[2:]), name + "="
	}
	if !strings.HasPrefix(c.word, "-") || strings.HasPrefix(c.word, "--") {
		return nil, ""
	}
	for i := 1; i < len(c.word)-1; i++ {
		f := c.flag(c.word[i : i+1])
		if f == nil {
			break
		}
		if takesValue(f) {
			before = c.word[:i+1]
			if c.word[i+1] == '=' {
				before += "="
			}
			return f, before
		}
	}
	return nil, ""
}

// flagsOf offers the flags that can still be given; before the command those that every command has.
func (c *completer) flagsOf() offer {
	flags := fileFlags()
	if c.line.command != nil {
		flags = c.line.command.Flags
	}
	var o offer
	for _, f := range flags {
		_, repeatable := f.(*cli.StringSliceFlag)
		if !repeatable && slices.ContainsFunc(c.line.flags, func(g given) bool { return slices.Contains(f.Names(), g.name) }) {
			continue
		}
		_, text := valueOf(f)
		for _, name := range f.Names() {
			o.words = append(o.words, candidate{dashed(name), text})
		}
	}
	o.words = append(o.words, candidate{"--help", helpText}, candidate{"-h", helpText})
	return o
}

func (c *completer) commands(withHelp bool) (out []candidate) {
	for _, command := range c.app.Commands {
		for _, name := range command.Names() {
			out = append(out, candidate{name, command.Usage})
		}
	}
	if withHelp {
		out = append(out, candidate{"help", "print help on a command"})
	}
	return out
}

// value offers the values of a flag. before is what stands before the value in the word.
func (c *completer) value(f cli.Flag, before string) offer {
	switch f := f.(type) {
	case nil:
		return offer{}
	case *cli.BoolFlag:
		return offer{words: []candidate{{before + "true", ""}, {before + "false", ""}}}
	case choiceFlag:
		var o offer
		for _, v := range f.choices {
			o.words = append(o.words, candidate{before + v.value, v.means})
		}
		return o
	}
	word, _ := valueOf(f)
	if f.Names()[0] == flagDirectory {
		return c.filesIn("", "folders", before)
	}
	return c.named(word, before)
}

// argument offers what the next argument may be, as the synopsis of the command says.
func (c *completer) argument() offer {
	list := arguments(c.line.command)
	n := len(c.line.arguments)
	if len(list) == 0 || n >= len(list) && !list[len(list)-1].repeated {
		return offer{}
	}
	var o offer
	for _, word := range list[min(n, len(list)-1)].words {
		if word == "FILE" {
			word = "WORKFLOW"
		}
		more := c.named(word, "")
		o.files = more.files
		o.words = append(o.words, more.words...)
	}
	return o
}

// argument is what may stand in one place of a command line.
type argument struct {
	words    []string // FILE, or a word as it is given
	repeated bool
}

// arguments reads the synopsis of a command: `flowrun validate [flags] [FILE...|-]`.
func arguments(c *cli.Command) (out []argument) {
	for _, field := range strings.Fields(strings.TrimPrefix(c.UsageText, "flowrun "+c.Name)) {
		if field == "[flags]" {
			continue
		}
		var a argument
		for word := range strings.SplitSeq(strings.Trim(field, "[]"), "|") {
			word, more := strings.CutSuffix(word, "...")
			a.repeated = a.repeated || more
			if word != "-" { // shorter than a TAB
				a.words = append(a.words, word)
			}
		}
		out = append(out, a)
	}
	return out
}

// named offers what a word of the help stands for. A word in small letters stands for itself.
func (c *completer) named(word, before string) offer {
	switch word {
	case "WORKFLOW":
		return c.files("yaml", before)
	case "FILE":
		return c.files("any", before)
	case "DIR":
		return c.files("folders", before)
	case "NAME=VALUE":
		return c.inputs(before)
	case "COMMAND":
		return offer{words: c.commands(false)}
	case "CODE":
		var o offer
		for _, code := range errors.Codes() {
			o.words = append(o.words, candidate{code, errors.Summary(code)})
		}
		return o
	case "N", "DURATION":
		return offer{}
	}
	if word != strings.ToLower(word) {
		panic("cli: nobody says how " + word + " is completed")
	}
	return offer{words: []candidate{{before + word, ""}}}
}

// files offers names of files where the command would look for them.
func (c *completer) files(kind, before string) offer { return c.filesIn(c.directory(), kind, before) }

// filesIn leaves the names to the shell, which knows best, unless -C leads to a folder where it is not.
func (c *completer) filesIn(dir, kind, before string) offer {
	o := offer{files: kind, prefix: before}
	if dir == "" && !c.lists {
		return o
	}
	if dir != "" {
		o = offer{}
	}
	var others []candidate
	folder, base := filepath.Split(strings.TrimPrefix(c.word, before))
	at := c.home(folder)
	if !filepath.IsAbs(at) {
		at = filepath.Join(dir, at)
	}
	entries, _ := os.ReadDir(cmp.Or(at, "."))
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, base) || base == "" && strings.HasPrefix(name, ".") {
			continue
		}
		word := candidate{word: before + folder + name}
		switch ext := filepath.Ext(name); {
		case isFolder(at, e):
			word.word += "/"
			o.words = append(o.words, word)
		case kind == "any", kind == "yaml" && (ext == ".yaml" || ext == ".yml"):
			o.words = append(o.words, word)
		case kind == "yaml":
			others = append(others, word)
		}
	}
	if len(o.words) == 0 {
		o.words = others
	}
	return o
}

// isFolder follows links only where there are any: a folder may have many files.
func isFolder(at string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(at, e.Name()))
	return err == nil && info.IsDir()
}

// directory is where the command would work; "" is here.
func (c *completer) directory() string {
	dir := c.lookup(variable(flagDirectory))
	for _, g := range c.line.flags {
		if g.name == flagDirectory || g.name == "C" {
			dir = g.value
		}
	}
	return c.home(dir)
}

// home is a path without the ~ that a shell has not replaced yet.
func (c *completer) home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(c.lookup("HOME"), rest)
	}
	return path
}

// inputs offers the names of the inputs that the workflow file on the line declares, and of an input the values.
func (c *completer) inputs(before string) offer {
	name, value, isValue := strings.Cut(strings.TrimPrefix(c.word, before), "=")
	if strings.HasPrefix(value, "@") {
		return c.files("any", before+name+"=@")
	}
	var o offer
	for _, in := range c.declared() {
		switch {
		case isValue && in.Name.Text == name:
			for _, v := range valuesOf(in) {
				o.words = append(o.words, candidate{word: before + name + "=" + v})
			}
		case !isValue && !c.hasInput(in.Name.Text):
			word := before + in.Name.Text + "="
			if in.Secret {
				word += "@" // whoever lists processes sees what stands on a command line
			}
			o.words = append(o.words, candidate{word, describe(in)})
		}
	}
	return o
}

// hasInput says whether an input is on the line.
func (c *completer) hasInput(name string) bool {
	return slices.ContainsFunc(c.line.flags, func(g given) bool {
		return (g.name == flagInput || g.name == "i") && strings.HasPrefix(g.value, name+"=")
	})
}

// declared is what the file on the line says of its inputs, as far as it can be read.
func (c *completer) declared() []*ast.Input {
	dir, path := c.directory(), ""
	if dir != "" && os.Chdir(dir) != nil {
		return nil
	}
	if c.line.command == nil || len(c.line.arguments) == 0 {
		path, _ = findFile()
	} else {
		path = c.home(c.line.arguments[0])
	}
	if path == "-" || noFile(path) != nil {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, 4<<20)) // no file is longer
	if err != nil {
		return nil
	}
	file, _ := spec.Parse(path, declarations(src), spec.Options{Kinds: steps.Builtin()})
	if file == nil {
		return nil
	}
	return file.Main.Inputs
}

// declarations is a file with the inputs of another one, of which the steps may be many, and half written. Of a file
// that is no block mapping, such as JSON, it is all, if that is little.
func declarations(src []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(src)) {
		switch {
		case strings.HasPrefix(line, "inputs:"):
			out = append(out, "flowrun: 1\n"+line...)
		case out != nil && strings.ContainsAny(line[:1], " \t\r\n#}"):
			out = append(out, line...)
		case out != nil:
			return append(out, "\nsteps: [{sleep: 0s}]\n"...)
		}
	}
	if out == nil && len(src) < 64<<10 {
		return src
	}
	return append(out, "\nsteps: [{sleep: 0s}]\n"...)
}

// describe says what an input is.
func describe(in *ast.Input) string {
	text := in.Type
	if text == "" {
		text = "any"
	}
	switch {
	case in.Secret:
		text += ", secret: name a file"
	case in.Required:
		text += ", required"
	case in.Default != nil:
		text += " = " + inputText(in, in.Default)
	}
	if in.Description != "" {
		text += ": " + in.Description
	}
	return text
}

// valuesOf are the values of an input that are known.
func valuesOf(in *ast.Input) (out []string) {
	list, _ := in.Schema["enum"].([]any)
	switch {
	case in.Secret:
		return nil
	case len(list) == 0 && in.Type == "boolean":
		list = []any{true, false}
	case len(list) == 0 && in.Default != nil:
		list = []any{in.Default}
	}
	for _, v := range list {
		out = append(out, inputText(in, v))
	}
	return out
}

// inputText is a value as --input takes it.
func inputText(in *ast.Input, v any) string {
	if text, ok := v.(string); ok && (in.Type == "string" || in.Type == "" && !json.Valid([]byte(text))) {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
