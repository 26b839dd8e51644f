package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func validateCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Aliases:   []string{"lint"},
		Category:  groupWrite,
		Usage:     "print what is wrong in files, or looks so; nothing runs",
		UsageText: "flowrun validate [flags] [FILE...|-]",
		Description: `flowrun validate                  the flowrun.yaml here or above
flowrun validate a.yaml b.yaml    several files
flowrun validate - < x.yaml       from standard input
flowrun validate --strict         warnings are errors, as CI may want it
flowrun validate --engine temporal   also what is not the same on workers
flowrun validate --fix a.yaml     correct what is certain, and print the rest`,
		Flags: append([]cli.Flag{
			boolFlag(flagFix, "", "change the files where it is certain what was meant"),
			boolFlag(flagStrict, "", "warnings are errors"),
			boolFlag(flagQuiet, "q", "print errors only"),
			engineFlag(),
			newChoice(flagFormat, "", "FORMAT", "text", "oneline", "json: one document", "github: annotations", "sarif: one log"),
		}, commonFlags()...),
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
	format := cmp.Or(c.String(flagFormat), "text")
	forPeople := format == "text" || format == "oneline"
	quiet := forPeople && c.Bool(flagQuiet)
	var all diag.List
	told := 0 // files
	stdin := slices.Contains(files, "-")
	fixed := make([]fixing, len(files))
	if c.Bool(flagFix) {
		if stdin && !forPeople {
			return usage("name a file", "with --%s - standard output carries the file, and with --%s %s something else", flagFix, flagFormat, format)
		}
		said := s.Stdout
		if stdin || !forPeople {
			said = s.Stderr
		}
		for i, path := range files { // all before the first is looked at, for one may call another
			fixed[i] = s.fix(path, said, c)
		}
	}
	for i, path := range files {
		p, err := s.loadFixed(path, fixed[i], c)
		var list diag.List
		placed := err == nil || errors.As(err, &list)
		switch {
		case err == nil:
			list = p.Warnings
		case !placed:
			list = diag.List{unread(path, err)}
		}
		if quiet {
			list = slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return d.Warning })
		}
		if len(list) == 0 {
			continue
		}
		told++
		switch {
		case forPeople && !placed:
			s.report(err)
		case format == "text":
			s.problems(list)
		case format == "oneline":
			problems.Lines(s.Stderr, list)
		}
		all = append(all, list...)
	}
	if err := s.document(format, files, all); err != nil {
		return fault{fmt.Errorf("the problems cannot be written: %w", err)}
	}
	s.uncovered()
	sum := tallyOf(all)
	if sum.errors > 0 {
		s.code = exitRefused
	}
	switch {
	case told > 0:
		if s.shown != (tally{}) {
			io.WriteString(s.Stderr, "\n")
		}
		fmt.Fprintf(s.Stderr, "%s in %s\n", sum, ofFiles(told, files))
	case forPeople && !quiet && !(c.Bool(flagFix) && stdin):
		io.WriteString(s.Stdout, plain.Inert(fmt.Sprintf("%s right: %s\n", isAre(len(files)), strings.Join(files, ", "))))
	}
	return nil
}

// document writes what a program is to read.
func (s *session) document(format string, files []string, list diag.List) error {
	switch format {
	case "json":
		return problems.JSON(ndjson.Inert(s.Stdout), files, list, &s.sources)
	case "sarif":
		return problems.SARIF(ndjson.Inert(s.Stdout), release(), list, &s.sources)
	case "github":
		problems.GitHub(s.Stdout, list, &s.sources)
	}
	return nil
}

// unread is why a file could not be read, as a problem of that file.
func unread(path string, err error) diag.Diagnostic {
	d := diag.Diagnostic{Pos: diag.Pos{File: path}, Code: "missing-file", Text: strings.TrimPrefix(err.Error(), path+": ")}
	var wrong usageError
	if errors.As(err, &wrong) {
		d.Help = wrong.hint
	}
	return d
}

// ofFiles is the file, or in how many of several files something is.
func ofFiles(n int, files []string) string {
	switch {
	case len(files) > 1:
		return fmt.Sprintf("%d of %d files", n, len(files))
	case files[0] == "-":
		return "standard input"
	}
	return plain.Inert(strings.ReplaceAll(files[0], "\n", " "))
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
