package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// again is the command line that does the same as this one, for a shell; "" when there is none, as standard input is
// gone. The values of secret inputs are not in it: they must be given again.
func again(c *cli.Context, path string, p *plan.Plan) string {
	if path == "-" {
		return ""
	}
	if strings.HasPrefix(path, "-") {
		path = "./" + path // no flag
	}
	words := []string{"flowrun", c.Command.Name, quote(path)}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		dashed := "--" + name
		if len(f.Names()) > 1 {
			dashed = "-" + f.Names()[1]
		}
		switch f.(type) {
		case *cli.BoolFlag:
			if !c.Bool(name) {
				dashed += "=false" // it may be set in the environment
			}
			words = append(words, dashed)
		case *cli.DurationFlag:
			words = append(words, dashed, quote(event.FormatDuration(c.Duration(name))))
		case *cli.StringSliceFlag:
			for _, v := range c.StringSlice(name) {
				if name != flagInput || !tellsSecret(p, v) {
					words = append(words, dashed, quote(v))
				}
			}
		default:
			words = append(words, dashed, quote(fmt.Sprint(c.Value(name))))
		}
	}
	return strings.Join(words, " ")
}

// tellsSecret says that NAME=VALUE has the value of a secret input. A file's name may be told.
func tellsSecret(p *plan.Plan, given string) bool {
	name, value, _ := strings.Cut(given, "=")
	in := declared(p, name)
	return in != nil && in.Secret && !strings.HasPrefix(value, "@")
}
