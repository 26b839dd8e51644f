package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/docs/errors"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/schema"
)

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
	flags := commonFlags()
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
			word = "WORKFLOW" // whatever FILE is for a flag
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
	case "KIND=PATH":
		return c.reports(before)
	case "COMMAND":
		return offer{words: c.commands(false)}
	case "CODE":
		var o offer
		for _, code := range errors.Codes() {
			o.words = append(o.words, candidate{code, errors.Summary(code)})
		}
		return o
	case "SCHEMA":
		var o offer
		for _, name := range schema.Names() {
			o.words = append(o.words, candidate{word: name})
		}
		return o
	case "RUN":
		return offer{words: c.runs()}
	case "N", "DURATION", "STEP", "WHEN", "WHAT", "QUEUE", "URL", "KINDS":
		return offer{}
	}
	if word != strings.ToLower(word) {
		panic("cli: nobody says how " + word + " is completed")
	}
	return offer{words: []candidate{{before + word, ""}}}
}

// runs are the newest runs, where the command would look without a flag.
func (c *completer) runs() []candidate {
	const most = 20
	list := []candidate{{last, "the last run of this folder"}}
	places, _ := c.placesOf(c.lookup(variable(flagState)))
	places = slices.DeleteFunc(places, func(p place) bool { return !strings.HasPrefix(p.id, c.word) }) // who has begun to write one wants it, old or not
	for _, p := range places[:min(len(places), most)] {
		r := journal.Look(p.state, p.id)
		list = append(list, candidate{r.ID, r.Word() + " " + r.Header.File})
	}
	return list
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
