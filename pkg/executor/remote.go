package executor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Remote runs workflows beyond this machine. What it runs goes on when who started it is gone.
type Remote interface {
	// Start begins a run. When it returns without an error the run will take place; with a *LeftError that is Unsure nobody knows.
	Start(ctx context.Context, s Spec) error
	// Follow tells the events of a run behind the one with the number after (event.Event.Seq; 0: all), in order, and as they
	// come. It returns nil behind the run's last event. Texts are sealed (mask.Sealed). ErrNoRun: there is no such run. ErrOver: there
	// will be no last event.
	//
	// Between them it may tell what attempts at work have said so far that no event has yet, as often as it likes: outputs without a
	// number, of which Skipped is how much of the stream of the attempt is before Text.
	Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error
	// Cancel tells a run to stop; kill: at once, without grace, shields and cleanups. It does not wait for the end.
	Cancel(ctx context.Context, run string, why event.Cause, kill bool) error
	// Spec is what a run was started with. ErrNoRun: there is no such run.
	Spec(ctx context.Context, run string) (Spec, error)
}

// ErrNoRun: the engine knows no run of that id.
var ErrNoRun = errors.New("there is no such run")

// ErrOver: the engine has ended a run by itself, and how the run came out nobody has told.
var ErrOver = errors.New("the engine has ended it")

// Spec is a run as it travels: all that a Remote needs to know, and no secret.
type Spec struct {
	Run     string `json:"run"`     // its id
	Name    string `json:"name"`    // of the workflow
	Flowrun string `json:"flowrun"` // the version of the program that started it
	// Files are the workflow's files, its own first.
	Files []SpecFile `json:"files"`
	// Given is what the run was given (kernel.WriteValues): inputs; the variables that expressions read, under env; what their
	// patterns find, under globs; and the names of secrets that are set to nothing, under without.
	Given   json.RawMessage `json:"given"`
	Jobs    int             `json:"jobs,omitempty"`
	Timeout string          `json:"timeout,omitempty"`
	Grace   string          `json:"grace,omitempty"`
}

// SpecFile is a file of a workflow.
type SpecFile struct {
	Name string `json:"name"` // in messages
	// Path is below the folder in which the run was started, with slashes; on a worker it is below the worker's own.
	Path string `json:"path"`
	Text string `json:"text"`
	// Dotenv are the variables of its dotenv files, without those that are secrets.
	Dotenv map[string]string `json:"dotenv,omitempty"`
}

// NewSpec is the run of p as it travels. Of opt it takes the inputs, the environment, the id, and what Keep knows of the files and
// of the command line. The error is a diag.List when inputs are wrong.
func NewSpec(p *plan.Plan, kinds []*kind.Kind, opt Options) (Spec, error) {
	if opt.Env == nil {
		opt.Env = os.Environ()
	}
	s := Spec{
		Run: opt.RunID, Name: p.Name, Flowrun: opt.Keep.Command.Flowrun, Jobs: opt.Keep.Command.Jobs,
		Timeout: opt.Keep.Command.Timeout, Grace: opt.Keep.Command.Grace,
	}
	values, masked, problems := inputs(p, opt)
	if err := problems.Err(); err != nil {
		return Spec{}, err
	}
	if len(masked) > 0 {
		return Spec{}, errors.New("the value of a secret input does not travel: declare it under secrets, which workers have by name")
	}
	for _, f := range opt.Keep.Sources {
		path, err := filepath.Rel(opt.Keep.Command.Folder, f.Path)
		if err != nil {
			return Spec{}, err
		}
		s.Files = append(s.Files, SpecFile{Name: f.Name, Path: filepath.ToSlash(path), Text: string(f.Text), Dotenv: dotenvOf(p, f.Name)})
	}
	env := map[string]any{}
	for _, name := range readsEnv(p) {
		if v, set := Variable(opt.Env, name); set && !slices.ContainsFunc(p.Secrets, named(name)) {
			env[name] = v
		}
	}
	globs := map[string]any{}
	find := Glob(p)
	for _, pattern := range patterns(p) {
		found, err := find(pattern)
		if err != nil {
			return Spec{}, fmt.Errorf("glob(%q): %w", pattern, err)
		}
		globs[pattern] = found
	}
	without, known := []any{}, []string{} // as far as who starts the run has them
	for _, x := range p.Secrets {
		switch v, problem := secret(p, x, opt.Secrets, opt.Env); {
		case problem != "":
		case v == "":
			without = append(without, x.Name.Text)
		default:
			known = append(known, v)
		}
	}
	s.Given = kernel.WriteValues(map[string]any{"inputs": values, "env": env, "globs": globs, "without": without}, nil)
	if hidden := mask.New(known); hidden.Text(string(s.Given)) != string(s.Given) {
		return Spec{}, errors.New("an input, or a variable that an expression reads, holds the value of a secret, and would travel: workers have secrets by name")
	}
	there, err := s.Plan(kinds)
	if err != nil {
		return Spec{}, fmt.Errorf("the workflow's files cannot travel: %w", err)
	}
	if Checksum(there) != Checksum(p) {
		return Spec{}, errors.New("the workflow's files cannot travel: they mean something else when they are read again")
	}
	return s, nil
}

// dotenvOf are the variables of the dotenv files of the workflow file of that name.
func dotenvOf(p *plan.Plan, file string) map[string]string {
	for _, s := range p.Steps {
		if s.Pos.File != file {
			continue
		}
		for e := s.Env; e != nil; e = e.Outer {
			if !e.Dotenv {
				continue
			}
			vars := make(map[string]string, len(e.Vars))
			for _, v := range e.Vars {
				text, _ := v.Value.V.Constant()
				vars[v.Name], _ = text.(string)
			}
			return vars
		}
	}
	return nil
}

// patterns are those of the glob function in p that are known before it runs.
func patterns(p *plan.Plan) (list []string) {
	p.EachValue(func(v *plan.Value) {
		for _, e := range v.Src.Exprs() {
			texts, _ := e.Literals("glob")
			list = append(list, texts...)
		}
	})
	slices.Sort(list)
	return slices.Compact(list)
}

func named(name string) func(*ast.Secret) bool {
	return func(s *ast.Secret) bool { return s.Name.Text == name }
}

// Plan compiles the files of s. Folders in it are below that in which the run was started, and not absolute.
func (s Spec) Plan(kinds []*kind.Kind) (*plan.Plan, error) {
	files := make([]journal.Source, len(s.Files))
	for i, f := range s.Files {
		files[i] = journal.Source{Name: f.Name, Path: filepath.FromSlash(f.Path), Text: []byte(f.Text)}
	}
	p, err := reload(files, LoadOptions{Kinds: kinds, Jobs: s.Jobs}, func(f *ast.File, path string) {
		i := slices.IndexFunc(files, func(f journal.Source) bool { return f.Path == path })
		vars := s.Files[i].Dotenv
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			f.Vars = append(f.Vars, ast.Pair{Key: ast.Name{Text: name}, Value: expr.New(diag.Pos{}, vars[name])})
		}
	})
	if err != nil {
		return nil, err
	}
	if d, err := time.ParseDuration(s.Timeout); err == nil && d > 0 {
		p = limited(p, d)
	}
	return p, nil
}

// Kernel is what the kernel of the run of p is given, but for the time of its start. Texts are sealed: in the place of each
// secret of p stands a reference (mask.Reference), by its place in Plan.Secrets.
func (s Spec) Kernel(p *plan.Plan) (kernel.Options, error) {
	given, err := kernel.ReadValues(s.Given, func(text string) (string, error) { return text, nil })
	if err != nil {
		return kernel.Options{}, fmt.Errorf("what the run was given cannot be read: %w", err)
	}
	opt := kernel.Options{RunID: s.Run, Name: p.Name, Secrets: map[string]string{}}
	opt.Inputs, _ = given["inputs"].(map[string]any)
	env, _ := given["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if v, ok := env[name].(string); ok {
			opt.Env = append(opt.Env, name+"="+v)
		}
	}
	without, _ := given["without"].([]any)
	for i, x := range p.Secrets {
		if name := x.Name.Text; !slices.Contains(without, any(name)) {
			opt.Secrets[name] = mask.Reference(i)
		}
	}
	globs, _ := given["globs"].(map[string]any)
	opt.Glob = func(pattern string) (any, error) {
		if found, ok := globs[pattern]; ok {
			return found, nil
		}
		return nil, errors.New("on workers only patterns that are written out can be looked for: the files are where the run was started")
	}
	return opt, nil
}
