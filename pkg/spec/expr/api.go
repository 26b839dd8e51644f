// Package expr is the expression language of flowrun: expr-lang/expr behind a face of our own.
//
//	Parse ── syntax, names ──► Expr ── Check: names, types ──► Program ── Eval: bytecode, budget ──► value
//
// The library alone is not safe to run on other people's text: its loops and its text building are unbounded,
// it walks maps in random order, knows the clock, and gives NaN. So all functions here are our own (functions.go),
// and before an expression becomes bytecode its tree is rewritten (rewrite.go) such that everything whose cost depends on
// data counts against a budget (budget.go). The rewritten tree would pass the type check with anything, therefore
// the check is made before, on the tree as written. Bytecode is made at the first Eval: most expressions of a large file
// are never run, and a plain name with members needs none.
//
// Rules where expr-lang leaves a choice: integers that leave 64 bits, division by zero and what would be NaN or
// infinite are errors; `/` and `**` give floats; text is counted, sliced and searched in characters; `null` is `nil`;
// groupBy has text keys; dates are UTC, and as a result of an expression they are RFC 3339 text, durations seconds.
package expr

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Expr is one parsed expression. It is immutable.
type Expr struct {
	Src   string
	pos   func(offset int) diag.Pos
	reads []read // in order of appearance
	calls []call // likewise
	// path is set when the expression is nothing but a name and constant members: `steps.build.status`.
	path []string
	// tree is what Parse made, for the first Check: the check writes types into it. Later ones parse again.
	tree atomic.Pointer[parser.Tree]
}

// read is one use of a name from outside: the name and the members that are written as constants.
type read struct {
	path []string
	at   []int // offset of each part
}

// call is one call of a function.
type call struct {
	name string
	at   int
	arg  *string // the first argument, if it is a text as it stands
}

// Use is one name that an expression reads: Root alone (`inputs`, `shard`), or Root and the member that
// is read of it when that is written as a constant (`steps.build`, `env["HOME"]`, `inputs.tag`); Field is the
// member of that member, likewise (`status` in `steps.build.status`).
type Use struct {
	Root, Member, Field string
	Pos, MemberPos      diag.Pos // of Root and of Member
}

// Type is the type of a name as far as it is known when the file is loaded. The zero Type is any.
type Type struct {
	Kind   TypeKind
	Elem   *Type           // of a List
	Fields map[string]Type // of a Map whose keys are all known; nil: any key
}

// TypeKind is the outermost shape of a Type.
type TypeKind uint8

// The kinds of types.
const (
	Any TypeKind = iota
	Bool
	Int
	Float
	String
	List
	Map
)

// String is the kind in the words of the messages.
func (k TypeKind) String() string {
	return [...]string{"any value", "true or false", "a whole number", "a number", "text", "a list", "a map"}[k]
}

// Poison stands in env for a value that must not be read, as a standard output that was cut. Reading it makes Eval
// return Err. It may be a value of env itself, a member of a map, or a member of a map in such a map; an expression that
// merely hands on a list from env does not look for it inside.
type Poison = event.Poison

// Uses lists the names that e reads from outside, in order of appearance (not the variables that it binds itself).
func (e *Expr) Uses() []Use {
	out := make([]Use, len(e.reads))
	for i, r := range e.reads {
		u := Use{Root: r.path[0], Pos: e.pos(r.at[0])}
		if len(r.path) > 1 {
			u.Member, u.MemberPos = r.path[1], e.pos(r.at[1])
		}
		if len(r.path) > 2 {
			u.Field = r.path[2]
		}
		out[i] = u
	}
	return out
}

// Pos is where the expression begins.
func (e *Expr) Pos() diag.Pos { return e.pos(e.begin()) }

// begin is the offset of the first character that is not blank.
func (e *Expr) begin() int { return len(e.Src) - len(strings.TrimLeft(e.Src, " \t\r\n")) }

// IsName says whether e is just this name (`error` in `fail: ${{ error }}`).
func (e *Expr) IsName(name string) bool { return len(e.path) == 1 && e.path[0] == name }

// Calls says whether e calls a function of that name (`success`).
func (e *Expr) Calls(name string) bool {
	return slices.ContainsFunc(e.calls, func(c call) bool { return c.name == name })
}

// Literals are the first arguments of calls of a function of that name which are texts as they stand; all: each call has one.
func (e *Expr) Literals(name string) (texts []string, all bool) {
	all = true
	for _, c := range e.calls {
		if c.name == name && c.arg != nil {
			texts = append(texts, *c.arg)
		} else if c.name == name {
			all = false
		}
	}
	return texts, all
}

// Constant says whether e is the same wherever it stands: it reads no name and calls no function.
func (e *Expr) Constant() bool { return len(e.reads)+len(e.calls) == 0 }

// Program is a checked expression, ready to run. Safe for use by several goroutines.
type Program struct {
	expr *Expr
	want TypeKind
	code func() (*vm.Program, error) // made when it is first called
}

func newProgram(e *Expr, want TypeKind) *Program {
	return &Program{expr: e, want: want, code: sync.OnceValues(func() (*vm.Program, error) { return compile(e) })}
}

// Eval runs p. env holds a value for every root name that p uses; `success()` and `failure()` are looked up in it under
// just these names, as bools, and glob(pattern) under `glob()`, as a func(string) (any, error). The result is canonical
// JSON and shares structure with env. The error is always an *event.Error of type ExpressionError, or that of a Poison.
func (p *Program) Eval(env map[string]any) (any, error) {
	v, err := p.run(env)
	if err == nil {
		v, err = convert(v, p.want)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// run gives *event.Error as its own type: a nil one must not become an error.
func (p *Program) run(env map[string]any) (any, *event.Error) {
	if p.expr.path != nil {
		return p.expr.lookup(env)
	}
	code, err := p.code()
	if err != nil {
		return nil, failure("%v", err)
	}
	b := newBudget()
	scope := map[string]any{budgetName: b}
	for _, r := range p.expr.reads {
		v := env[r.path[0]]
		if x, ok := v.(Poison); ok {
			return nil, x.Err
		}
		scope[r.path[0]] = v
	}
	for _, c := range p.expr.calls {
		if key := c.name + "()"; isOutside(c.name) {
			if scope[key] = env[key]; scope[key] == nil {
				return nil, failure("%s cannot be called here", key)
			}
		}
	}
	machine := vm.VM{MemoryBudget: maxElements}
	v, err := machine.Run(code, scope)
	if err != nil {
		return nil, runError(err)
	}
	return b.result(v)
}

// lookup evaluates a path: no bytecode, no copies.
func (e *Expr) lookup(env map[string]any) (v any, err *event.Error) {
	defer catch(&err)
	b := newBudget()
	v = env[e.path[0]]
	for i, name := range e.path[1:] {
		if i == 0 && e.path[0] == "env" {
			v = variable(v, name)
		} else {
			v = b.member(v, name)
		}
	}
	if x, ok := v.(Poison); ok {
		return nil, x.Err
	}
	if m, ok := v.(map[string]any); ok && len(e.path) < 3 {
		return b.result(m)
	}
	return v, nil
}
