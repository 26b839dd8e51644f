package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/docs/errors"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func explainCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Category:  groupWrite,
		Usage:     "print what an error or a warning means",
		UsageText: "flowrun explain [CODE]",
		Description: `flowrun explain                 all codes
flowrun explain duplicate-id    the page of one, as in error[duplicate-id]`,
		Flags:  commonFlags(),
		Action: func(c *cli.Context) error { return s.explain(c) },
	}
}

func (s *session) explain(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	codes := errors.Codes()
	switch c.NArg() {
	case 0:
		widest := 0
		for _, code := range codes {
			widest = max(widest, len(code))
		}
		for _, code := range codes {
			fmt.Fprintf(s.Stdout, "%-*s  %s\n", widest, code, errors.Summary(code))
		}
		return nil
	case 1:
	default:
		return usage("", "explain takes one CODE, not %d: %s", c.NArg(), strings.Join(c.Args().Slice(), " "))
	}
	code := strings.TrimSuffix(c.Args().First(), "]")
	for _, word := range []string{"error[", "warning["} {
		code = strings.TrimPrefix(code, word)
	}
	page, ok := errors.Page(code)
	if !ok {
		hint := "flowrun explain lists them"
		if near := diag.Nearest(code, codes); near != "" {
			hint = diag.DidYouMean(near)
		}
		return usage(hint, "there is no error code %s", quote(code))
	}
	io.WriteString(s.Stdout, readable(page))
	return nil
}

// readable is a page of Markdown for a terminal: files are indented, and comments, which are for its test, are left out.
func readable(page string) string {
	var b strings.Builder
	inFile, comment := false, false
	for line := range strings.Lines(page) {
		switch {
		case strings.HasPrefix(line, "```"):
			inFile = !inFile
		case inFile && line != "\n":
			b.WriteString("    " + line)
		case strings.HasPrefix(line, "<!--"):
			comment = true
		case comment && line == "\n":
			comment = false
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
