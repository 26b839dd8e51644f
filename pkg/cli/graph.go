package cli

import (
	"cmp"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/graph"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

func graphCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "graph",
		Category:  groupLook,
		Usage:     "draw what runs after what and what runs beside what",
		UsageText: "flowrun graph [flags] [FILE|-]",
		Description: `flowrun graph                              as a tree
flowrun graph --format svg x.yaml > x.svg  for a README or a browser
flowrun graph --format mermaid x.yaml      for Markdown
flowrun graph --format dot x.yaml          for Graphviz`,
		Flags: append([]cli.Flag{
			newChoice(flagFormat, "", "FORMAT", graph.Formats()...),
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.graph(c) },
	}
}

func (s *session) graph(c *cli.Context) error {
	format := cmp.Or(c.String(flagFormat), "tree")
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
	io.WriteString(s.Stdout, plain.Inert(graph.Draw(p, format, nil)))
	return nil
}
