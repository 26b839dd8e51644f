// Package spec reads a workflow file: bytes in, a positioned ast.File and everything that is wrong out.
//
//	bytes ─ scan ─► text that YAML may be given     size, UTF-8, control characters, nesting
//	      ─ yaml.v3 ─► Node                         syntax errors with their true line
//	      ─ guard ─► tree without surprises         one document, aliases, tags, keys, depth
//	      ─ schema ─► known keys, right types       one branch of the JSON Schema for each step
//	      ─ read ─► *ast.File                       expressions parsed, scalars by YAML 1.2's core schema
//
// The kinds of steps that a file may use are given by the caller. The package knows nothing of names and
// scopes: whether an id exists, what a step may read and where a background task may stand is for
// plan.Compile to say.
package spec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/dotenv"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// The limits of a file.
const (
	MaxBytes   = 4 << 20
	MaxNodes   = 200_000 // values, after aliases; the keys of mappings are not counted
	MaxDepth   = 100     // of steps within steps, and of the lists and mappings within one value
	MaxEntries = 10_000  // keys of one mapping
)

// MemoryLimit is the soft limit of memory (debug.SetMemoryLimit) under which Parse stays within 512 MiB for any file:
// the worst ones leave behind more than they need. The program sets it while it loads; Parse itself does not, for the
// limit is the whole process's.
const MemoryLimit = 320 << 20

// Options are what Parse has to know besides the text.
type Options struct {
	// Kinds are the leaf kinds that the file may use, in the order in which messages list them.
	Kinds []*kind.Kind
	// Dir is the absolute folder of the file.
	Dir string
	// EnvFiles are dotenv files that the caller adds. They win over those that the file names.
	EnvFiles []string
	// Text is what stands in the file that Load loads; nil: it reads it.
	Text []byte
	// ReadFile reads dotenv files; path is absolute, or one of EnvFiles. Nil: none is read, and their variables are not
	// there. Load sets it to ReadFile of this package.
	ReadFile func(path string) ([]byte, error)
	// Source is told the text of each workflow file, right or wrong, under the name that messages have for it, as it may be
	// shown: the defaults of secret inputs are stars, and so are the constants that calls within the file give them. May be nil.
	Source func(path string, src []byte)
	// Shown: the text is what Source was told of one that is right. What is hidden in it is there, but its value fits
	// anything.
	Shown bool
}

// Parse reads a workflow file. path is its name in messages. The error is a diag.List, sorted, with all that
// is wrong. The file then is what could be read of it, with File.Lost, for plan.Check to find the rest; it is nil if
// the text is not YAML or not a mapping.
func Parse(path string, src []byte, opt Options) (*ast.File, error) {
	r := &reader{text: newText(path, src), lang: languageOf(opt.Kinds), hidden: opt.Shown}
	root := r.tree(src)
	if shown := r.shown(root); opt.Source != nil {
		opt.Source(path, shown)
	}
	if root == nil || r.elsewhere(root) {
		return nil, r.problems.Err()
	}
	file := r.file(root)
	file.Allows = r.allows(root)
	if opt.ReadFile != nil {
		file.Vars = r.variables(file, opt)
	}
	file.Dir = opt.Dir
	file.Source = src
	err := r.err()
	if err != nil {
		file.Lost = r.losses()
	}
	return file, err
}

// Load reads the workflow file at path, or stdin when path is "-". Options.Dir is taken from path if it is
// empty. What the operating system refuses comes back as it is; everything else is a diag.List.
func Load(path string, stdin io.Reader, opt Options) (*ast.File, error) {
	src, err := opt.Text, error(nil)
	if src == nil {
		if src, err = ReadSource(path, stdin); err != nil {
			return nil, err
		}
	}
	if opt.Dir == "" {
		folder := "."
		if path != "-" {
			folder = filepath.Dir(path)
		}
		if opt.Dir, err = filepath.Abs(folder); err != nil {
			return nil, err
		}
	}
	if opt.ReadFile == nil {
		opt.ReadFile = ReadFile
	}
	return Parse(path, src, opt)
}

// ReadFile reads a dotenv file, and no more of it than one byte over what it may have. It may be a pipe.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, dotenv.MaxBytes+1))
}

// ReadSource reads the workflow file at path, or stdin when path is "-": one byte more than a file may have, so that
// Parse sees that it is too large.
func ReadSource(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		if stdin == nil {
			return nil, errors.New("standard input is not open")
		}
		return io.ReadAll(io.LimitReader(stdin, MaxBytes+1))
	}
	// A pipe would block in open and a device may never end, so the name is looked at first.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxBytes+1))
}

// reader is one reading of one file.
type reader struct {
	text     *text
	lang     *language
	problems diag.List
	// bad holds the values that a problem was reported for: what is read from them later is not looked at.
	bad map[*yaml.Node]bool
	// hidden: of the text what is secret is taken out (Options.Shown).
	hidden bool
	// cut holds the mappings of which entries were taken out.
	cut map[*yaml.Node]bool
	// nameless: there is an id that is no text.
	nameless bool
	// misfit is the first place where a value had a shape that the schema should have refused.
	misfit diag.Pos
	seen   map[string]bool // shapes that a validator has accepted
	buf    []byte
}
