package cli

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/listing"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

func listCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "list",
		Category:  groupLook,
		Usage:     "list the steps of a file, its inputs and its workflows",
		UsageText: "flowrun list [flags] [FILE|-]",
		Description: `flowrun list                        of the flowrun.yaml here or above
flowrun list ci.yaml --format json  for editors and other programs`,
		Flags:  append([]cli.Flag{newChoice(flagFormat, "", "FORMAT", "text", "json: one document")}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.list(c) },
	}
}

func (s *session) list(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	path, err := s.file(c)
	if err != nil {
		return err
	}
	p, err := s.load(path, c)
	if err != nil {
		return err
	}
	l := listing.Of(p)
	if c.String(flagFormat) == "json" {
		return written(l.WriteJSON(ndjson.Inert(s.Stdout)))
	}
	io.WriteString(s.Stdout, plain.Inert(l.Text()))
	return nil
}

// written is the error of writing a document as the fault that it is.
func written(err error) error {
	if err != nil {
		return fault{fmt.Errorf("the document cannot be written: %w", err)}
	}
	return nil
}
