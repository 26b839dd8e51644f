package spec

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/dotenv"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// variables reads the dotenv files of f and then those that the caller adds: a later one wins.
func (r *reader) variables(f *ast.File, opt Options) []ast.Pair {
	var out []ast.Pair
	at := map[string]int{}
	read := func(path, shown string) error {
		src, err := opt.ReadFile(path)
		if err != nil {
			return err
		}
		vars, problems := dotenv.Parse(shown, src)
		r.problems = append(r.problems, problems...)
		for _, v := range vars {
			pair := ast.Pair{Key: ast.Name{Pos: v.Pos, Text: v.Name}, Value: &expr.Template{Pos: v.Pos, Const: v.Value}}
			if i, ok := at[v.Name]; ok {
				out[i] = pair
				continue
			}
			at[v.Name] = len(out)
			out = append(out, pair)
		}
		return nil
	}
	for _, n := range f.Dotenv {
		name, optional := strings.CutSuffix(n.Text, "?")
		if name == "" {
			continue // said already: the schema wants a name
		}
		path, shown := name, name
		if !filepath.IsAbs(name) {
			path, shown = filepath.Join(opt.Dir, name), filepath.Join(filepath.Dir(f.Path), name)
		}
		switch err := read(path, shown); {
		case errors.Is(err, fs.ErrNotExist) && optional, err == nil:
		case errors.Is(err, fs.ErrNotExist):
			r.problems.Add(n.Pos, "missing-file", "there is no file %s", brief(name))
			r.help(`write "` + brief(name) + `?" if it may be missing`)
		default:
			r.problems.Add(n.Pos, "missing-file", "%s cannot be read: %s", brief(name), reason(err))
		}
	}
	for _, path := range opt.EnvFiles {
		if err := read(path, path); err != nil {
			r.problems.Add(diag.Pos{File: path}, "missing-file", "the file cannot be read: %s", reason(err))
		}
	}
	return out
}

// reason is what the operating system says about a file, without the file.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
