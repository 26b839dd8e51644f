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
	add := func(f cli.Flag, value string) {
		dashed := "--" + f.Names()[0]
		if len(f.Names()) > 1 {
			dashed = "-" + f.Names()[1]
		}
		words = append(words, dashed, quote(value))
	}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			words = append(words, "--"+name)
			if !c.Bool(name) {
				words[len(words)-1] += "=false" // it may be set in the environment
			}
		case *cli.DurationFlag:
			add(f, event.FormatDuration(c.Duration(name)))
		case *cli.StringSliceFlag:
			for _, v := range c.StringSlice(name) {
				if !tellsSecret(p, v) {
					add(f, v)
				}
			}
		default:
			add(f, fmt.Sprint(c.Value(name)))
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
