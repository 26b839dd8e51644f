package executor

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// LoadOptions are what Load has to know besides the path.
type LoadOptions struct {
	// Kinds are the leaf kinds that the files may use: steps.Builtin() and what a program adds.
	Kinds []*kind.Kind
	// EnvFiles are dotenv files over those that the files name; a later one wins.
	EnvFiles []string
	// Dotenv: Reload reads dotenv files.
	Dotenv bool
	// Text is what stands in the file at the path, for who knows it already; nil: it is read.
	Text []byte
	// Stdin is read when the path is "-".
	Stdin io.Reader
	// Jobs bounds how many steps that work outside this process run at once; 0: no bound.
	Jobs int
	// Room is how many of them the machine has room for (process.Room), beyond which steps wait for their turn,
	// outside of their timeouts; 0: any number.
	Room int
	// Source is told the text of each workflow file that was read, right or wrong, under the name that messages have for
	// it: so they can be shown with the lines that they are about. The defaults of secret inputs are stars in it. May be nil.
	Source func(path string, src []byte)
}

// Load reads the workflow file at path with the files that it calls, checks everything and compiles it. What the operating
// system refuses comes back as it is; any other error is a diag.List of all that is wrong in all these files, sorted, with the
// warnings (Diagnostic.Warning) beside it. Warnings of files that are right are in Plan.Warnings.
func Load(path string, opt LoadOptions) (*plan.Plan, error) {
	reading := spec.Options{Kinds: opt.Kinds, EnvFiles: opt.EnvFiles, ReadFile: readOnce(spec.ReadFile), Source: opt.Source}
	compiling := plan.Options{
		Jobs: opt.Jobs, Room: opt.Room,
		Open: func(dir, path string) (*ast.File, error) {
			f, err := spec.Load(fromHere(dir, path), nil, reading)
			if p := (*os.PathError)(nil); errors.As(err, &p) {
				err = p.Err // the call says which file it is
			}
			return f, err
		},
	}
	main := reading
	main.Text = opt.Text
	file, err := spec.Load(path, opt.Stdin, main)
	if err == nil {
		return plan.Compile(file, compiling)
	}
	var problems diag.List
	if file == nil || !errors.As(err, &problems) {
		return nil, err
	}
	return nil, slices.Concat(problems, plan.Check(file, compiling)).Err()
}

// Reload compiles what a run has kept of its files: the same plan, but for variables of dotenv files, which nobody keeps: with
// opt.Dotenv they are as they are now. Of opt only the kinds, EnvFiles, Jobs and Room are looked at besides.
func Reload(files []journal.Source, opt LoadOptions) (*plan.Plan, error) {
	return reload(files, opt, func(*ast.File, string) {})
}

// reload is Reload; each file passes through read, with its path.
func reload(files []journal.Source, opt LoadOptions, read func(f *ast.File, path string)) (*plan.Plan, error) {
	open := func(path string) (*ast.File, error) {
		i := slices.IndexFunc(files, func(s journal.Source) bool { return s.Path == path })
		if i < 0 {
			return nil, os.ErrNotExist
		}
		parsing := spec.Options{Kinds: opt.Kinds, Dir: filepath.Dir(path), Shown: true}
		if opt.Dotenv {
			parsing.EnvFiles, parsing.ReadFile = opt.EnvFiles, spec.ReadFile
		}
		f, err := spec.Parse(files[i].Name, files[i].Text, parsing)
		if err == nil {
			read(f, path)
		}
		return f, err
	}
	if len(files) == 0 {
		return nil, os.ErrNotExist
	}
	file, err := open(files[0].Path)
	if err != nil {
		return nil, err
	}
	return plan.Compile(file, plan.Options{Jobs: opt.Jobs, Room: opt.Room, Open: func(dir, path string) (*ast.File, error) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return open(path)
	}})
}

// readOnce is read, but each file only once: a pipe has nothing more to say to the next file of the workflow.
func readOnce(read func(string) ([]byte, error)) func(string) ([]byte, error) {
	known := map[string][]byte{}
	return func(path string) ([]byte, error) {
		if b, ok := known[path]; ok {
			return b, nil
		}
		b, err := read(path)
		if err == nil {
			known[path] = b
		}
		return b, err
	}
}

// fromHere is path, which is relative to dir, as seen from the current folder if that is around it: so messages name it
// as people do.
func fromHere(dir, path string) string {
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
