package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// defaultFiles are the names that are looked for when no FILE is given.
func defaultFiles() []string { return []string{"flowrun.yaml", "flowrun.yml"} }

// enter changes to the folder of -C.
func (s *session) enter(c *cli.Context) error {
	dir := c.String(flagDirectory)
	if dir == "" {
		return nil
	}
	if err := os.Chdir(dir); err != nil {
		return usage("", "-C: %s", err)
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
	return "", usage("an input is given with --input NAME=VALUE",
		"%s takes one FILE, not %d: %s", c.Command.Name, c.NArg(), strings.Join(c.Args().Slice(), " "))
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
			return "", usage("name a FILE", "there is no %s here or in a parent folder", strings.Join(defaultFiles(), " or "))
		}
		dir = parent
	}
}

// load reads, checks and compiles the workflow file at path; "-" is standard input.
func (s *session) load(path string, c *cli.Context) (*plan.Plan, error) {
	opt := spec.Options{Kinds: steps.Builtin()}
	if d := c.Duration(flagGrace); d > 0 {
		opt.Kinds = withGrace(opt.Kinds, d)
	}
	file, err := spec.Load(path, s.Stdin, opt)
	if err != nil {
		return nil, unreadable(err)
	}
	open := func(dir, path string) (*ast.File, error) {
		f, err := spec.Load(shorten(dir, path), nil, opt)
		return f, unreadable(err)
	}
	return plan.Compile(file, plan.Options{Jobs: c.Int(flagJobs), Open: open, Problem: spec.InputProblem})
}

// shorten is path, which is relative to dir, as seen from here if that is below here.
func shorten(dir, path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// unreadable makes a sentence of what the operating system says about a file.
func unreadable(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// withGrace is kinds with another default for the grace of a step that is told to stop.
func withGrace(kinds []*kind.Kind, d time.Duration) []*kind.Kind {
	out := make([]*kind.Kind, len(kinds))
	for i, k := range kinds {
		out[i] = k
		for _, key := range k.Keys {
			if key.Name == "stop" && k.Run != nil {
				out[i] = graceful(k, d)
			}
		}
	}
	return out
}
