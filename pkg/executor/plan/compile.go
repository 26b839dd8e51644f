package plan

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// Options are what Compile needs beside the file.
type Options struct {
	// Jobs bounds how many steps of the kinds that work outside this process (kind.Limited) run at once; 0: no bound.
	Jobs int
	// Room is how many of them this machine has descriptors for; 0: any number.
	Room int
	// Open reads a file that a `call` names; path is relative to dir, the folder of the file that names it. As spec.Parse
	// it may give both a file and an error. Nil: such calls are refused.
	Open func(dir, path string) (*ast.File, error)
}

// Compile resolves every name, checks what can be known before a run and makes the plan. f must have been read without
// an error. The error is a diag.List with everything that is wrong; warnings beside it are in it, too. Without an error they
// are in Plan.Warnings.
//
// The passes, each over all workflows of all files that take part, a file of this package each:
//
//	places      ids, loop variables, slots; files that calls name are opened    places.go, calls.go
//	tasks       what await and cancel name                                      tasks.go
//	scopes      every expression: its names become addresses, its type fits     scopes.go, names.go, reference.go
//	edges       needs, and those that references imply; no cycles               edges.go
//	semaphores  no two orders of nesting                                        semaphores.go
//	terminal    no two steps that could have it at once                         terminal.go
//	warnings    what is right and yet hardly meant                              warn*.go
//	build       modifiers become nodes                                          build.go
func Compile(f *ast.File, opt Options) (*Plan, error) {
	if f.Lost != nil {
		panic("plan: Compile of a file that has errors")
	}
	c := check(f, opt)
	if len(c.problems) > 0 {
		return nil, slices.Concat(c.problems, c.warnings()).Err()
	}
	c.plan.Warnings = c.warnings().Sorted()
	c.build(f)
	return c.plan, nil
}

// Check is Compile without a plan, and for any file that spec.Parse returned: it gives what is wrong beside the error
// that came with the file. Of names that may have been lost with what could not be read it says nothing.
func Check(f *ast.File, opt Options) diag.List {
	c := check(f, opt)
	return slices.Concat(c.problems, c.warnings()).Sorted()
}

func check(f *ast.File, opt Options) *compiler {
	c := &compiler{opt: opt, plan: &Plan{}, files: map[string]*file{}, sems: map[string]semaphore{}, used: map[usage]bool{}}
	c.open(filepath.Join(f.Dir, filepath.Base(f.Path)), f)
	for i := 0; i < len(c.units); i++ { // grows: a call may bring in a file
		c.units[i].survey()
	}
	for _, u := range c.units {
		u.findTasks()
	}
	for _, u := range c.units {
		u.resolve()
	}
	for _, u := range c.units {
		u.findEdges()
	}
	c.orders()
	c.terminals()
	c.errorTypes()
	return c
}

// compiler is one compilation.
type compiler struct {
	opt      Options
	plan     *Plan
	problems diag.List
	files    map[string]*file // by absolute path
	units    []*unit          // the order of Plan.Workflows
	sems     map[string]semaphore
	guesses  int             // searches for a similar name so far
	words    map[string]bool // the functions of expressions
	used     map[usage]bool
}

// usage is a name that is read: of an input (in a unit; "" is all of them), a secret or a semaphore (in a file), or a variable
// (in a frame).
type usage struct {
	in   any
	name string
}

func (c *compiler) use(in any, name string) { c.used[usage{in, name}] = true }

// file is one file that takes part.
type file struct {
	ast   *ast.File
	main  *unit
	named map[string]*unit
	// secrets and semaphores that the file declares.
	secrets map[string]bool
	sems    map[string]bool
}

// semaphore is a declared semaphore of the run.
type semaphore struct {
	index    int32
	declared *ast.Semaphore
}

func (c *compiler) say(d diag.Diagnostic) { c.problems = append(c.problems, d) }

func (c *compiler) add(pos diag.Pos, code, help, format string, args ...any) {
	c.say(diag.Diagnostic{Pos: pos, Code: code, Text: fmt.Sprintf(format, args...), Help: help})
}

// because adds the reason for the rule to what was said last.
func (c *compiler) because(why string) { c.problems[len(c.problems)-1].Why = why }

// open enters a file with its workflows and what it declares.
func (c *compiler) open(path string, f *ast.File) *file {
	x := &file{ast: f, named: map[string]*unit{}, secrets: map[string]bool{}, sems: map[string]bool{}}
	c.files[path] = x
	c.plan.Allows = append(c.plan.Allows, f.Allows...)
	x.main = c.unit(x, f.Main)
	for _, w := range f.Workflows {
		x.named[w.Name.Text] = c.unit(x, w)
	}
	for _, s := range f.Secrets {
		x.secrets[s.Name.Text] = true
		c.secret(s)
	}
	for _, s := range f.Semaphores {
		x.sems[s.Name.Text] = true
		c.semaphore(s)
	}
	return x
}

func (c *compiler) unit(f *file, w *ast.Workflow) *unit {
	u := &unit{
		c: c, file: f, ast: w, out: &Workflow{Name: w.Name.Text, Description: w.Description, Dir: f.ast.Dir, Inputs: w.Inputs},
		calls: map[*ast.Call]*unit{}, edges: map[[2]int32]*edge{},
	}
	u.facts = facts{inputs: inputTypes(w.Inputs), secret: map[*Value]bool{}, common: map[*ast.Pair][]Var{}}
	c.units = append(c.units, u)
	return u
}

// secret enters a secret in the one list of all files.
func (c *compiler) secret(s *ast.Secret) {
	for _, t := range c.plan.Secrets {
		if t.Name.Text != s.Name.Text {
			continue
		}
		if t.File != s.File {
			c.say(diag.Diagnostic{
				Pos: s.Name.Pos, Code: "secret", Text: fmt.Sprintf("the secret %q comes from two places", s.Name.Text),
				Help: "give it one name for each source", Other: t.Name.Pos, OtherText: "the other",
			})
		}
		return
	}
	c.plan.Secrets = append(c.plan.Secrets, s)
}

// take takes a variable of a dotenv file that is a secret's and says whether it is one. The first file's value wins.
func (c *compiler) take(v ast.Pair) bool {
	i := slices.IndexFunc(c.plan.Secrets, func(s *ast.Secret) bool { return s.Name.Text == v.Key.Text })
	if i < 0 {
		return false
	}
	if _, ok := c.plan.Given[v.Key.Text]; !ok && c.plan.Secrets[i].File == "" {
		if c.plan.Given == nil {
			c.plan.Given = map[string]string{}
		}
		c.plan.Given[v.Key.Text] = v.Value.Const.(string)
	}
	return true
}

// semaphore enters a semaphore in the one space of all files.
func (c *compiler) semaphore(s *ast.Semaphore) {
	first, ok := c.sems[s.Name.Text]
	if !ok {
		c.sems[s.Name.Text] = semaphore{int32(len(c.plan.Semaphores)), s}
		c.plan.Semaphores = append(c.plan.Semaphores, Semaphore{Name: s.Name.Text, Pos: s.Name.Pos, Permits: s.Permits, Machine: s.Machine})
		return
	}
	if first.declared.Permits != s.Permits || first.declared.Machine != s.Machine {
		c.say(diag.Diagnostic{
			Pos: s.Name.Pos, Code: "semaphore-conflict",
			Text: fmt.Sprintf("the semaphore %q is declared twice, and not alike: semaphores are one space for all files of a run", s.Name.Text),
			Help: "write the same number and scope, or another name", Other: first.declared.Name.Pos, OtherText: "the other",
		})
	}
}

func (c *compiler) isFunction(name string) bool {
	if c.words == nil {
		c.words = map[string]bool{}
		for _, f := range expr.FunctionNames() {
			c.words[f] = true
		}
	}
	return c.words[name]
}
