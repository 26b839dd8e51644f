package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "man",
		Category:  groupShell,
		Usage:     "print the manual page",
		UsageText: "flowrun man",
		Description: `flowrun man | man -l -                               read it
flowrun man > ~/.local/share/man/man1/flowrun.1      install it`,
		Flags: commonFlags(),
		Action: func(c *cli.Context) error {
			if err := s.enter(c); err != nil {
				return err
			}
			if c.NArg() > 0 {
				return usage("flowrun man | man -l - shows it", "man takes no argument, not %s", quote(c.Args().First()))
			}
			io.WriteString(s.Stdout, manual(c.App))
			return nil
		},
	}
}

// environment is what is read of the environment beside the variables of flags.
func environment() []row {
	return []row{
		{"NO_COLOR", "no colours, whatever its value is, unless that is empty"},
		{"FORCE_COLOR", "colours; 0 and false: none"},
		{"TERM, CI", "no colours on a terminal that is dumb, and none in CI"},
		{"XDG_STATE_HOME, HOME", "where the state folder is, if --state-dir does not say it"},
		{"TEMPORAL_...", "where the server of --engine temporal is, and who may use it, as for Temporal's own tools"},
		{"GOGC, GOMEMLIMIT", "as for every program in Go: how much memory it takes before it cleans up"},
	}
}

func filesRead() []row {
	return []row{
		{strings.Join(defaultFiles(), ", "), "the workflow file, here or in a parent folder, when no FILE is given"},
		{"~/.local/state/flowrun/runs/RUN/logs/STEP/N.stdout, N.stderr", "what the Nth attempt of a step printed, with secrets masked"},
	}
}

// manual is the manual page in roff, for man(1). It is made from the tables that help is made from.
func manual(app *cli.App) string {
	var m roff
	m.macro("TH", "FLOWRUN", "1", date(), "flowrun "+release(), "User Commands")
	m.macro("SH", "NAME")
	m.line("flowrun - " + app.Usage)
	m.macro("SH", "SYNOPSIS")
	m.macro("B", "flowrun")
	m.line("COMMAND [flags] [FILE]")
	m.macro("SH", "DESCRIPTION")
	about, _, _ := strings.Cut(welcome, "\n\n")
	m.line(strings.ReplaceAll(about, "\n", " "))
	m.macro("PP")
	m.line("A file is checked completely, with line and column of all that is wrong, before anything runs. " +
		"Flags may stand before and behind FILE; behind a -- is no flag. " + variables)
	m.macro("SH", "EXAMPLES")
	m.rows(examples())
	m.macro("SH", "COMMANDS")
	for _, c := range app.Commands {
		m.macro("SS", c.UsageText)
		m.line(strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + ".")
		if len(c.Aliases) > 0 {
			m.line("Also called " + strings.Join(c.Aliases, ", ") + ".")
		}
		m.rows(flagRows(own(c)))
		if c.Description != "" {
			m.macro("PP")
			m.line("Examples:")
			m.rows(commandExamples(c))
		}
	}
	m.macro("SH", "FLAGS OF EVERY COMMAND")
	m.rows(append(flagRows(commonFlags()), helpRow()))
	m.macro("SH", "EXIT STATUS")
	m.rows(exitCodes())
	m.macro("SH", "ENVIRONMENT")
	m.rows(append(variableRows(app), environment()...))
	m.macro("SH", "FILES")
	m.rows(filesRead())
	return m.String()
}

// date is the day of the commit that this program was built from; "" when that is not known.
func date() string {
	day, _, _ := strings.Cut(built("vcs.time"), "T")
	return day
}

// own are the flags of a command that not every command has.
func own(c *cli.Command) []cli.Flag {
	return slices.DeleteFunc(slices.Clone(c.Flags), func(f cli.Flag) bool {
		return slices.ContainsFunc(commonFlags(), func(other cli.Flag) bool { return other.Names()[0] == f.Names()[0] })
	})
}

// variableRows are the variables of all flags, with the commands that have them.
func variableRows(app *cli.App) (out []row) {
	seen := map[string]bool{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			name := f.Names()[0]
			if seen[name] {
				continue
			}
			seen[name] = true
			who := owners(app, name)
			text := dashed(name) + " of " + strings.Join(who, ", ")
			if len(who) == len(app.Commands) {
				text = dashed(name) + " of every command"
			}
			switch f.(type) {
			case *cli.BoolFlag:
				text += ": true or false"
			case *cli.StringSliceFlag:
				text += "; several are on lines of their own"
			}
			out = append(out, row{variable(name), text})
		}
	}
	return out
}

// roff is a page for man(1).
type roff struct{ strings.Builder }

// macro writes a request with its arguments.
func (m *roff) macro(name string, args ...string) {
	m.WriteString("." + name)
	for _, a := range args {
		m.WriteString(` "` + escape(a) + `"`)
	}
	m.WriteString("\n")
}

// line writes text.
func (m *roff) line(text string) {
	for _, line := range wrap(text, 70) {
		m.WriteString(escape(line) + "\n")
	}
}

// rows writes a list: names, and texts beside or below them.
func (m *roff) rows(list []row) {
	for _, r := range list {
		m.macro("TP")
		m.macro("B", strings.TrimSpace(r.name))
		if r.text != "" {
			m.line(r.text)
		}
	}
}

// escape writes text so that roff prints it as it is, in ASCII where that can be copied.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}
