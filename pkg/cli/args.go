package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// normalize writes a command line in the one form that urfave/cli reads right, or says what is wrong with it:
//
//	flowrun -C d run flow.yaml -nj4 --input=a=1,2
//	flowrun run --directory=d --dry-run=true --jobs=4 --input=a=1,2 -- flow.yaml
//
// Flags may stand anywhere before a `--`; single letters may be joined, and the value of the last joined on. What is
// not given is looked for in the environment (FLOWRUN_JOBS for --jobs). --help wins over everything else.
func normalize(app *cli.App, args, env []string) ([]string, error) {
	n := scan(app, args[1:])
	return n.argv(args[0], env)
}

// scan sorts the words of a command line.
func scan(app *cli.App, words []string) *normalizer {
	n := &normalizer{app: app, takesValue: map[string]bool{}}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				n.takesValue[name] = takesValue(f)
			}
		}
	}
	n.scan(words)
	return n
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

type normalizer struct {
	app        *cli.App
	takesValue map[string]bool // every flag of every command
	command    *cli.Command
	flags      []given
	arguments  []string
	help       bool
	lost       bool   // no command has the name that was given
	wants      string // the flag that the line ends with, and that needs a value
	literal    bool   // a -- was read
	err        error  // the first
}

// given is a flag as typed: -j and 4.
type given struct{ name, dashes, value string }

func (n *normalizer) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}

func (n *normalizer) scan(words []string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		// next is the value that a flag takes from the following word.
		next := func(flag string) string {
			if i+1 == len(words) {
				n.wants = flag
				n.fail(usage(n.hint(), "%s needs a value", flag))
				return ""
			}
			i++
			return words[i]
		}
		switch {
		case w == "--":
			n.literal = true
			n.arguments = append(n.arguments, words[i+1:]...)
			return
		case strings.HasPrefix(w, "--"):
			n.long(w, next)
		case len(w) > 1 && w[0] == '-':
			n.short(w, next)
		case n.command == nil:
			n.named(w)
			if n.command == nil && w != "help" {
				return
			}
		default:
			n.arguments = append(n.arguments, w)
		}
	}
}

// named finds the command of that name. `help` is --help.
func (n *normalizer) named(name string) {
	if name == "help" {
		n.help = true
		return
	}
	if n.command = n.app.Command(name); n.command != nil {
		return
	}
	n.lost = true
	var names []string
	for _, c := range n.app.Commands {
		names = append(names, c.Names()...)
	}
	hint := "flowrun --help lists commands"
	if near := diag.Nearest(name, names); near != "" {
		hint = diag.DidYouMean(near)
	} else if strings.ContainsAny(name, "./") {
		hint = "flowrun run " + quote(name) + " runs a file"
	}
	n.fail(usage(hint, "unknown command %q", name))
}

func (n *normalizer) long(w string, next func(string) string) {
	name, value, has := strings.Cut(w[2:], "=")
	if name == "help" {
		n.help = true
		return
	}
	takes, known := n.takesValue[name]
	switch {
	case !known || len(name) == 1:
		n.unknown("--" + name)
	case !takes && !has:
		value = "true"
	case takes && !has:
		value = next("--" + name)
	}
	n.flags = append(n.flags, given{name, "--", value})
}

// short reads joined letters: -nj4, -j=4, -j 4.
func (n *normalizer) short(w string, next func(string) string) {
	for rest := w[1:]; rest != ""; {
		name := rest[:1]
		rest = rest[1:]
		if name == "h" {
			n.help = true
			continue
		}
		takes, known := n.takesValue[name]
		if !known {
			n.unknown("-" + name)
			return
		}
		value := "true"
		switch {
		case strings.HasPrefix(rest, "="):
			value, rest = rest[1:], ""
		case takes && rest != "":
			value, rest = rest, ""
		case takes:
			value = next("-" + name)
		}
		n.flags = append(n.flags, given{name, "-", value})
	}
}

func (n *normalizer) unknown(flag string) {
	var known []string
	for _, c := range n.app.Commands {
		if n.command != nil && c != n.command {
			continue
		}
		for _, f := range c.Flags {
			known = append(known, f.Names()[0])
		}
	}
	hint := n.hint()
	if near := diag.Nearest(strings.TrimLeft(flag, "-"), known); near != "" {
		hint = diag.DidYouMean("--" + near)
	}
	n.fail(usage(hint, "unknown flag %s", flag))
}

// hint is where the flags are told.
func (n *normalizer) hint() string {
	if n.command != nil {
		return "flowrun " + n.command.Name + " --help lists the flags"
	}
	return "flowrun --help lists commands"
}

// owners are the commands that have a flag.
func owners(app *cli.App, flag string) (names []string) {
	for _, c := range app.Commands {
		if flagOf(c, flag) != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

// argv is the command line in the form that is left.
func (n *normalizer) argv(program string, env []string) ([]string, error) {
	switch {
	case n.help && n.command != nil:
		return []string{program, n.command.Name, "--help"}, nil
	case n.help && !n.lost:
		return []string{program, "--help"}, nil
	case n.err != nil:
		return nil, n.err
	case n.command == nil && len(n.flags)+len(n.arguments) > 0:
		return nil, usage("flowrun --help lists commands", "there is no command")
	case n.command == nil:
		return []string{program}, nil
	}
	argv := []string{program, n.command.Name}
	seen := map[string]bool{}
	add := func(f cli.Flag, said, value string) error {
		if text := wrongValue(f, value); text != "" {
			return usage(meant(f, value), "%s: %s", said, text)
		}
		name := f.Names()[0]
		seen[name] = true
		argv = append(argv, "--"+name+"="+value)
		return nil
	}
	for _, g := range n.flags {
		f := flagOf(n.command, g.name)
		if f == nil {
			return nil, usage("it belongs to "+strings.Join(owners(n.app, g.name), ", "), "%s has no flag %s%s", n.command.Name, g.dashes, g.name)
		}
		if err := add(f, g.dashes+g.name, g.value); err != nil {
			return nil, err
		}
	}
	for _, f := range n.command.Flags {
		name := variable(f.Names()[0])
		value, _ := executor.Variable(env, name)
		if f.Names()[0] == flagAttempt {
			continue // steps have a variable of that name, and may look at logs
		}
		if value == "" || seen[f.Names()[0]] {
			continue
		}
		values := []string{value}
		if _, ok := f.(*cli.StringSliceFlag); ok {
			values = strings.FieldsFunc(value, func(r rune) bool { return r == '\n' })
		}
		for _, v := range values {
			if wrongValue(f, v) != "" && n.elsewhere(f, v) {
				continue
			}
			if err := add(f, name, v); err != nil {
				return nil, err
			}
		}
	}
	return append(append(argv, "--"), n.arguments...), nil
}

// elsewhere says that a value which f cannot have is one of the flag of that name of another command: who sets a variable for
// `run` shall not have to take it back for `validate`.
func (n *normalizer) elsewhere(f cli.Flag, value string) bool {
	return slices.ContainsFunc(n.app.Commands, func(c *cli.Command) bool {
		other := flagOf(c, f.Names()[0])
		return other != nil && wrongValue(other, value) == ""
	})
}

func flagOf(c *cli.Command, name string) cli.Flag {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// wrongValue says why a flag cannot have that value; "" if it can.
func wrongValue(f cli.Flag, value string) string {
	switch f := f.(type) {
	case choiceFlag:
		if !slices.Contains(f.values(), value) {
			return fmt.Sprintf("%q is none of %s", value, strings.Join(f.values(), ", "))
		}
	case *cli.BoolFlag:
		if _, err := strconv.ParseBool(value); err != nil {
			return fmt.Sprintf("%q is neither true nor false", value)
		}
	case *cli.IntFlag:
		if n, err := strconv.Atoi(value); err != nil || n < 1 {
			return fmt.Sprintf("%q is not a number from 1 on", value)
		}
	case *cli.DurationFlag:
		if d, err := time.ParseDuration(value); err != nil || d <= 0 {
			return fmt.Sprintf("%q is not a duration such as 500ms, 30s or 1h30m", value)
		}
	}
	return ""
}

// meant asks whether another of the values was meant; "" if none is like this one.
func meant(f cli.Flag, value string) string {
	if f, ok := f.(choiceFlag); ok {
		if near := diag.Nearest(value, f.values()); near != "" {
			return "did you mean " + near + "?"
		}
	}
	return ""
}

// quote is a word as sh reads it back. Line breaks and tabs stand in it as they are; other characters that a terminal
// would obey, and bytes that are no text, do not.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@,+%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(word); {
		r, n := utf8.DecodeRuneInString(word[i:])
		switch {
		case r == '\'':
			b.WriteString(`'\''`)
		case r == utf8.RuneError && n == 1, unicode.IsControl(r) && r != '\n' && r != '\t':
			b.WriteString(`'"$(printf '`)
			for _, c := range []byte(word[i : i+n]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
			b.WriteString(`')"'`)
		default:
			b.WriteString(word[i : i+n])
		}
		i += n
	}
	b.WriteByte('\'')
	return b.String()
}
