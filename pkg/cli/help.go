package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

const welcome = `flowrun runs a workflow file: steps in sequence, in parallel, with limits, retries and cleanups,
and nothing that it started is still running when it has ended.

  flowrun init                   write a flowrun.yaml to begin with
  flowrun run flow.yaml          check everything, then run
  flowrun validate flow.yaml     all that is wrong, and nothing runs
  flowrun plan flow.yaml         what would be done

flowrun --help lists commands and exit codes, flowrun COMMAND --help the flags of a command.
`

// The groups of commands, which are their Category, in the order of the help.
const (
	groupRun   = "Run"
	groupWrite = "Write"
	groupLook  = "Look"
	groupShell = "Shell"
)

func groups() []string { return []string{groupRun, groupWrite, groupLook, groupShell} }

// row is a name and what is said of it.
type row struct{ name, text string }

func examples() []row {
	return []row{
		{"flowrun run", "the flowrun.yaml here or above"},
		{"flowrun run ci.yaml -i tag=v1.2 -j4", "with an input, 4 processes at most"},
		{"flowrun run ci.yaml --dry-run", "only show what would be done"},
		{"flowrun run - --format json < x.yaml", "from stdin, the results as JSON"},
		{"flowrun validate *.yaml", "all that is wrong in these files"},
	}
}

func exitCodes() []row {
	return []row{
		{"0", "succeeded"},
		{"1", "ran and failed"},
		{"2", "nothing was started: usage, an invalid file, a bad input"},
		{"3", "flowrun's own fault"},
		{"124", "the run's own timeout or total_timeout"},
		{"129, 130, 143", "cancelled by SIGHUP, SIGINT, SIGTERM, after cleanup"},
		{"131", "killed by SIGQUIT, without cleanup"},
		{"137", "the engine was killed: its processes were ended, without cleanup"},
	}
}

const (
	helpText  = "print this"
	variables = "A flag --some-name can be given as FLOWRUN_SOME_NAME, too; the flag wins."
)

// help is the help of one command, or of all of them: examples first.
func help(app *cli.App, command string) string {
	if command != "" {
		return commandHelp(app.Command(command))
	}
	var p paper
	p.title("flowrun", app.Usage)
	p.section("Examples", examples())
	p.section("Usage", []row{{"flowrun COMMAND [flags] [FILE]", ""}})
	for _, group := range groups() {
		p.section(group, commandRows(app, group))
	}
	p.section("Flags of every command", append(flagRows(commonFlags()), helpRow()))
	p.section("Exit codes", exitCodes())
	p.text("%s\nflowrun COMMAND --help lists the flags of a command, flowrun man | man -l - all.\n", variables)
	return p.String()
}

// commandRows are the commands of a group, with their names in one width in all groups.
func commandRows(app *cli.App, group string) (out []row) {
	widest := 0
	for _, c := range app.Commands {
		widest = max(widest, len(strings.Join(c.Names(), ", ")))
	}
	for _, c := range app.Commands {
		if c.Category == group {
			out = append(out, row{fmt.Sprintf("%-*s", widest, strings.Join(c.Names(), ", ")), c.Usage})
		}
	}
	return out
}

func commandHelp(c *cli.Command) string {
	var p paper
	p.title("flowrun "+strings.Join(c.Names(), ", "), c.Usage)
	p.section("Examples", commandExamples(c))
	p.section("Usage", []row{{c.UsageText, ""}})
	p.section("Flags", append(flagRows(c.Flags), helpRow()))
	p.text("%s\n", variables)
	return p.String()
}

// commandExamples are the lines of a description, each a command and, behind two blanks or more, what it does.
func commandExamples(c *cli.Command) (out []row) {
	for line := range strings.Lines(c.Description) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "  ")
		out = append(out, row{name, strings.TrimSpace(text)})
	}
	return out
}

func helpRow() row { return row{"-h, --help", helpText} }

// flagRows are flags as they are typed.
func flagRows(flags []cli.Flag) (out []row) {
	for _, f := range flags {
		names := f.Names()
		word, text := valueOf(f)
		left := "    " + dashed(names[0])
		if len(names) > 1 {
			left = dashed(names[1]) + ", " + dashed(names[0])
		}
		out = append(out, row{strings.TrimRight(left+" "+word, " "), text})
	}
	return out
}

// dashed is the name of a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// paper is what help is written on.
type paper struct{ strings.Builder }

func (p *paper) text(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *paper) title(name, text string) {
	p.text("%s\n\n", strings.Join(wrap(name+" - "+text, 80), "\n"))
}

// section writes rows in 80 columns, with the texts below each other; that of a long name stands on the next line.
func (p *paper) section(title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	p.text("%s:\n", strings.ToUpper(title))
	const most = 45
	widest := 0
	for _, r := range rows {
		if len(r.name) <= most {
			widest = max(widest, len(r.name))
		}
	}
	for _, r := range rows {
		name := r.name
		if len(name) > most {
			p.text("   %s\n", name)
			name = ""
		}
		for _, line := range wrap(r.text, 80-3-widest-2) {
			if line = strings.TrimRight(fmt.Sprintf("   %-*s  %s", widest, name, line), " "); line != "" {
				p.text("%s\n", line)
			}
			name = ""
		}
	}
	p.text("\n")
}

// wrap breaks a text into lines.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}
