package cli

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// inputs reads --inputs-file and then every --input, which wins. What the values must be like is checked later.
func inputs(c *cli.Context, p *plan.Plan) (map[string]any, error) {
	values := map[string]any{}
	if path := c.String(flagInputs); path != "" {
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, usage("", "--%s: %s", flagInputs, unreadable(err))
		}
		if values, err = spec.Values(path, src); err != nil {
			return nil, err
		}
	}
	for _, text := range c.StringSlice(flagInput) {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usage("write --input NAME=VALUE", "--%s %s is no input", flagInput, quote(text))
		}
		if path, ok := strings.CutPrefix(value, "@"); ok {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, usage("", "--%s %s: %s", flagInput, name, unreadable(err))
			}
			value = string(b)
		}
		v, err := typed(declared(p, name), value)
		if err != nil {
			return nil, usage("", "--%s %s: %s", flagInput, name, err)
		}
		values[name] = v
	}
	return values, nil
}

// declared is the declaration of an input; nil if there is none.
func declared(p *plan.Plan, name string) *ast.Input {
	for _, in := range p.Main.Inputs {
		if in.Name.Text == name {
			return in
		}
	}
	return nil
}

// typed is a text from the command line as a value for an input: text stays text, whatever it looks like; the value of
// any other type is written in JSON; for an input without a type, what is no JSON is text.
func typed(in *ast.Input, text string) (any, error) {
	if in == nil || in.Type == "string" {
		return text, nil
	}
	v, err := event.Decode([]byte(text))
	switch {
	case err == nil:
		return v, nil
	case in.Type == "":
		return text, nil
	}
	return nil, usage("", "%s is no %s", quote(text), in.Type)
}
