package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/schema"
)

func schemaCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "schema",
		Category:  groupWrite,
		Usage:     "print a JSON Schema, of files or of what flowrun prints",
		UsageText: "flowrun schema [SCHEMA]",
		Description: `flowrun schema > .flowrun/schema.json     for an editor: docs/editors.md
flowrun schema result                     of the document of flowrun run --format json
flowrun schema journal                    of a line of the journal of a run`,
		Flags:  commonFlags(),
		Action: func(c *cli.Context) error { return s.schema(c) },
	}
}

func (s *session) schema(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	args := c.Args().Slice()
	names := schema.Names()
	name := names[0]
	switch len(args) {
	case 0:
	case 1:
		name = args[0]
	default:
		return usage("", "schema takes one NAME, not %d: %s", len(args), strings.Join(args, " "))
	}
	if !slices.Contains(names, name) {
		hint := "there are " + strings.Join(names, ", ")
		if near := diag.Nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return usage(hint, "there is no schema %s", quote(name))
	}
	s.Stdout.Write(schema.Named(name))
	return nil
}
