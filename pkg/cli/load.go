package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// defaultFiles are the names that are looked for when no FILE is given.
func defaultFiles() []string { return []string{"flowrun.yaml", "flowrun.yml"} }

// enter changes to the folder of -C, and sees whether there shall be colours.
func (s *session) enter(c *cli.Context) error {
	s.color = s.colors(c, s.Stderr)
	dir := c.String(flagDirectory)
	if dir == "" {
		return nil
	}
	if wd, err := os.Getwd(); err == nil {
		s.from = wd
	}
	if err := os.Chdir(dir); err != nil {
		return usage("", "-C %s: %s", quote(dir), reason(err))
	}
	if wd, err := os.Getwd(); err == nil {
		s.Env = append(s.Env, "PWD="+wd)
	}
	return nil
}

// file is the FILE that a command was given, or the default one.
func (s *session) file(c *cli.Context) (string, error) {
	switch c.NArg() {
	case 0:
		return findFile()
	case 1:
		return c.Args().First(), nil
	}
	hint := ""
	if slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == flagInput }) {
		hint = "an input is given with --input NAME=VALUE"
	}
	return "", usage(hint, "%s takes one FILE, not %d: %s", c.Command.Name, c.NArg(), strings.Join(c.Args().Slice(), " "))
}

// findFile looks here and in every parent folder.
func findFile() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for up := "."; ; up = filepath.Join(up, "..") {
		for _, name := range defaultFiles() {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				return filepath.Join(up, name), nil
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", usage("name a FILE, or write one with flowrun init", "there is no %s here or in a parent folder", strings.Join(defaultFiles(), " or "))
		}
		dir = parent
	}
}

// load reads, checks and compiles the workflow file at path; "-" is standard input. With --strict warnings are errors.
func (s *session) load(path string, c *cli.Context) (*plan.Plan, error) {
	return s.loadText(path, nil, c)
}

// loadText is load of a file whose text is known, if that is not nil.
func (s *session) loadText(path string, text []byte, c *cli.Context) (*plan.Plan, error) {
	p, err := s.compile(path, text, c)
	if c.Bool(flagStrict) {
		var warnings diag.List
		if p != nil {
			warnings = p.Warnings
		}
		err = strict(err, warnings)
	}
	return p, unreadable(err)
}

// compile is loadText whatever --strict says.
func (s *session) compile(path string, text []byte, c *cli.Context) (*plan.Plan, error) {
	if err := noFile(path); err != nil {
		return nil, err
	}
	if old := debug.SetMemoryLimit(-1); old > spec.MemoryLimit {
		debug.SetMemoryLimit(spec.MemoryLimit)
		defer debug.SetMemoryLimit(old)
	}
	opt := executor.LoadOptions{
		Kinds: steps.Builtin(), Text: text, Stdin: s.Stdin, EnvFiles: c.StringSlice(flagEnvFile),
		Jobs: c.Int(flagJobs), Room: room(c), Source: s.source,
	}
	if d := c.Duration(flagGrace); d > 0 {
		opt.Kinds = steps.WithGrace(opt.Kinds, d)
	}
	p, err := executor.Load(path, opt)
	if err == nil && isRemote(c) {
		return ported(p)
	}
	return p, err
}

// room is how many steps this machine has room for; 0: any number, and workers have their own.
func room(c *cli.Context) int {
	if isRemote(c) {
		return 0
	}
	return process.Room()
}

// source takes a workflow file that was read.
func (s *session) source(name string, text []byte) {
	s.sources.Add(name, text)
	s.files = append(s.files, journal.Source{Name: name, Text: text})
}

// noFile says why what is there under the name is no file; that nothing is there is said when it is read.
func noFile(path string) error {
	if path == "" {
		return usage("", "the name of the file is empty")
	}
	info, err := os.Stat(path)
	switch {
	case path == "-" || err != nil || info.Mode().IsRegular():
		return nil
	case !info.IsDir():
		return usage("- reads standard input", "%s is no file that can be read again", path)
	}
	hint := "name a file in it"
	for _, name := range slices.Backward(defaultFiles()) {
		if info, err := os.Stat(filepath.Join(path, name)); err == nil && info.Mode().IsRegular() {
			hint = diag.DidYouMean(quote(filepath.Join(path, name)))
		}
	}
	return usage(hint, "%s is a folder", path)
}

// unreadable makes a sentence of what the operating system says about a file.
func unreadable(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
