package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

const welcome = `flowrun runs a workflow file: steps in sequence, in parallel, with limits, retries and cleanups,
and nothing that it started is still running when it has ended.

  flowrun run flow.yaml          check everything, then run
  flowrun validate flow.yaml     all that is wrong, and nothing runs
  flowrun plan flow.yaml         what would be done

flowrun --help lists commands and exit codes, flowrun COMMAND --help the flags of a command.
`

// appHelp is a template of urfave/cli.
const appHelp = `{{.Name}} - {{.Usage}}

USAGE:
   flowrun COMMAND [flags] [FILE]

EXAMPLES:
   flowrun run                             the flowrun.yaml here, or in a parent folder
   flowrun run ci.yaml -i tag=v1.2 -j4     with an input, at most 4 processes at once
   flowrun run ci.yaml --dry-run           only show what would be done
   flowrun run - --format json < x.yaml    from standard input, the results as JSON
   flowrun validate *.yaml                 all that is wrong in these files

COMMANDS:{{range .VisibleCommands}}
   {{printf "%-16s" (join .Names ", ")}} {{.Usage}}{{end}}

EXIT CODES:
   0              succeeded
   1              ran and failed
   2              nothing was started: usage, invalid file, bad input
   3              flowrun's own fault
   124            the run's own timeout
   129, 130, 143  cancelled by SIGHUP, SIGINT, SIGTERM, after cleanup
   131            killed by SIGQUIT, without cleanup

` + variables

const variables = "A flag --some-name can be given as FLOWRUN_SOME_NAME, too; the flag wins.\n"

// commandHelp is the help of one command: its flags with their texts below each other.
func commandHelp(c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "flowrun %s - %s\n\nUSAGE:\n   %s\n\n", strings.Join(c.Names(), ", "), c.Usage, c.UsageText)
	if c.Description != "" {
		fmt.Fprintf(&b, "EXAMPLES:\n   %s\n\n", strings.ReplaceAll(c.Description, "\n", "\n   "))
	}
	b.WriteString("FLAGS:\n")
	for _, f := range c.Flags {
		names := f.Names()
		left := "    --" + names[0]
		if len(names) > 1 {
			left = "-" + names[1] + ", --" + names[0]
		}
		text := f.(cli.DocGenerationFlag).GetUsage()
		if rest, ok := strings.CutPrefix(text, "`"); ok {
			value, says, _ := strings.Cut(rest, "` ")
			left, text = left+" "+value, says
		}
		fmt.Fprintf(&b, "   %-26s %s\n", left, text)
	}
	fmt.Fprintf(&b, "   %-26s %s\n\n%s", "-h, --help", "print this", variables)
	return b.String()
}
