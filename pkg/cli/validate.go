package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func validateCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Aliases:   []string{"lint"},
		Usage:     "print all that is wrong in files; nothing runs",
		UsageText: "flowrun validate [flags] [FILE...|-]",
		Description: `flowrun validate                  the flowrun.yaml here, or in a parent folder
flowrun validate a.yaml b.yaml    several files
flowrun validate - < x.yaml       from standard input`,
		Flags:  append([]cli.Flag{boolFlag(flagQuiet, "q", "print nothing about files that are right")}, fileFlags()...),
		Action: func(c *cli.Context) error { return s.validate(c) },
	}
}

func (s *session) validate(c *cli.Context) error {
	if err := s.enter(c); err != nil {
		return err
	}
	files := c.Args().Slice()
	if len(files) == 0 {
		found, err := findFile()
		if err != nil {
			return err
		}
		files = []string{found}
	}
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return usage("", "standard input (-) can be read once only")
	}
	problems, wrong, unplaced := 0, 0, 0
	for _, path := range files {
		_, err := s.load(path, c)
		if err == nil {
			continue
		}
		wrong++
		problems++
		var list diag.List
		if errors.As(err, &list) {
			problems += len(list) - 1
		}
		if list != nil {
			s.problems(list)
		} else {
			unplaced++
			s.report(err)
		}
	}
	s.uncovered()
	switch {
	case wrong > 0:
		s.code = exitRefused
		if problems > unplaced {
			io.WriteString(s.Stderr, "\n")
		}
		fmt.Fprintf(s.Stderr, "%s in %s\n", count(problems, "error"), ofFiles(wrong, len(files)))
	case !c.Bool(flagQuiet):
		io.WriteString(s.Stdout, plain.Inert(fmt.Sprintf("%s right: %s\n", isAre(len(files)), strings.Join(files, ", "))))
	}
	return nil
}

func ofFiles(wrong, all int) string {
	if all == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d of %d files", wrong, all)
}

func isAre(n int) string {
	if n == 1 {
		return "1 file is"
	}
	return fmt.Sprintf("%d files are", n)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
