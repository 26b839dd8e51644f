// Package plan says what a workflow means: an immutable tree of small nodes in which nothing is left to
// look up. Compile makes it from a file as written; the kernel runs it; Plan.String shows it.
//
// Every modifier of a step is a node with one child, in the order of language.md §2:
//
//	Step( Shield( Needs( When( Handle( Limit( Retry( Hold( Timeout( Result( action ))))))))))
//
// and a modifier that is not written makes no node.
//
// # Names
//
// A name in an expression is an address. Steps live in the slots of frames: a workflow's body has a frame, and
// so has each iteration of a generator and each visit of as_completed, one level deeper than the frame around
// it. A Ref says how deep (Depth, from 0 for the workflow's own frame) and which slot. A step with a retry, and
// a handler, have slots of their own for `attempt` and `error`. An attempt clears the slots From..To of its step.
package plan

import (
	"regexp"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Plan is a compiled file with everything that it calls.
type Plan struct {
	Name       string
	File       string // as given
	Main       *Workflow
	Workflows  []*Workflow // all, Main first, each once
	Steps      []*Step     // every step, by Step.Index
	Semaphores []Semaphore
	Secrets    []*ast.Secret // of all files, each name once
	// Given are the values of secrets that stand in dotenv files. They are not in any Env.
	Given map[string]string
	// Warnings are what is right in the files and yet hardly meant, sorted, without those that a comment in the file allows.
	Warnings diag.List
	// Allows are the comments of all files that allow warnings.
	Allows []*ast.Allow
}

// Workflow is a body with its own frame.
type Workflow struct {
	Name        string
	Description string
	Dir         string // absolute folder of its file
	Inputs      []*ast.Input
	Slots       int32 // of its frame
	Body        *Step // the workflow as a step; its path is that of the caller
}

// Semaphore is a named limit.
type Semaphore struct {
	Name    string
	Pos     diag.Pos // of its declaration
	Permits int
	Machine bool
}

// Step is the boundary of a step: what has a status, a path and a place in the result document.
type Step struct {
	Index int32
	ID    string
	Kind  string // gather, run, call, ...: the action's key
	Name  *Value // nil: none
	Pos   diag.Pos
	// Piece is the step's path below its parent's when it has no id: `gather[0]`, `steps[2]`, `except[0]`,
	// `finally[1]`; "" for the body of a generator, whose path is its parent's with the index.
	Piece string
	Order int64 // event.Where.Order of a step that is written once
	Slot  int32 // where its state stands for expressions; -1: nobody can read it
	Env   *Env  // in force for it; nil: none
	Body  Node
	// Background belongs to the list that the step is an item of.
	Background bool
	Ready      *Ready // makes it a service: the list goes on when it is ready; nil: it is none
}

// Ready is the probe of a service, in the service's environment. Line is what a line of its output must match; nil: it is
// asked otherwise.
type Ready struct {
	Probe *Leaf
	Line  *regexp.Regexp
}

// Env is one layer of `env`, over the layers outside it.
type Env struct {
	Outer *Env
	Vars  []Var
	// Dotenv: the variables are those of dotenv files, whose values are not shown.
	Dotenv bool
}

// Var is one variable of a layer. A nil Value removes it.
type Var struct {
	Name  string
	Value *Value
}

// Value is a template with the addresses of its names.
type Value struct {
	V    *expr.Value
	Refs []Ref
	Pos  diag.Pos
	Src  *expr.Template // as written
}

// RefKind says what a name stands for.
type RefKind uint8

// The kinds of names.
const (
	RefStep    RefKind = iota // steps.Member: Depth, Slot
	RefInputs                 // inputs
	RefEnv                    // env.Member (Member "": all of env) as in force at Env
	RefSecret                 // secrets.Member
	RefRun                    // run
	RefVar                    // a loop variable, or task: Depth, Slot is its index in the frame's variables
	RefLoop                   // loop: Depth
	RefAttempt                // attempt: Depth, Slot of the step with the retry
	RefConst                  // a name whose value is known: Slot is the value (`attempt` without a retry: 1, in that step's own if: 0)
	RefError                  // error: Depth, Slot of the handler
	RefLocal                  // value (and attempt) in until, error in when: given at the place itself
	RefNeeds                  // success() and failure()
	RefGlob                   // glob()
)

// Ref is one name that a Value reads.
type Ref struct {
	Kind   RefKind
	Name   string // the root, as the expression has it
	Member string
	Field  string // RefStep: the member of the step that is read, when it is written as a constant
	Depth  int32
	Slot   int32
	Env    *Env
}

// Node is one node of the tree. The set is closed.
type Node interface{ node() }

// Leaf is an action of a kind.
type Leaf struct {
	Kind *kind.Kind
	Args []Arg
	Dir  string // absolute folder of the workflow's file
	// Reraise: `fail: ${{ error }}` in a handler raises that very error again (Args is not looked at).
	Reraise *Ref
}

// Terminal says whether l has the terminal while it works: no other such leaf of the plan can work at that time.
func (l *Leaf) Terminal() bool {
	if len(l.Kind.Terminal) == 0 {
		return false
	}
	return slices.ContainsFunc(l.Args, func(a Arg) bool {
		return a.Key == l.Kind.Terminal[0] && a.Value.Src.Const == true
	})
}

// Arg is one argument of a leaf.
type Arg struct {
	Key   string
	Value *Value
}

// Sequence is a steps list.
type Sequence struct{ Items []*Step }

// Loop is a generator under `steps`: one iteration after the other.
type Loop struct{ Gen *Generator }

// Join is gather, wait or taskgroup.
type Join struct {
	Kind     ast.BlockKind
	Children []*Step // written out
	Gen      *Generator
	Limit    *Value // nil: none
	Lazy     bool   // a generator with a limit whose children may be begun only when there is a slot
	Return   Return // wait
	// Keep: what is not done when a wait returns becomes background tasks of the list around it.
	Keep                          bool
	ReturnExceptions, GroupErrors bool
	Visit                         *Visit
}

// Return is when a wait returns.
type Return struct {
	Mode  ast.ReturnMode
	Count *Value
	After *Value
}

// Visit is as_completed: a body with a frame of its own, whose variable 0 is `task`.
type Visit struct {
	Step  *Step
	Slots int32
}

// Generator makes the children of a block. Each has a frame with the variables Vars, in that order.
type Generator struct {
	Vars    []string
	In      *Value   // one list; nil for a matrix
	Lists   []*Value // of a matrix, one for each variable
	Exclude *Value   // read in the frame of the iteration
	Do      *Step
	Slots   int32
}

// Needs waits for siblings.
type Needs struct {
	On   []Need
	Body Node
}

// Need is one sibling that must have ended: its index among the join's children. Hard: and succeeded.
type Need struct {
	Child int32
	ID    string
	Hard  bool
	Why   string // "needs", or the reference that implies it
}

// When is `if`.
type When struct {
	Cond *Value
	Body Node
}

// Limit is `timeout`, or with Total `total_timeout`.
type Limit struct {
	D     *Value
	Total bool
	Body  Node
}

// Retry is `retry`. Nil values were not written; Attempts always is.
type Retry struct {
	Attempts, Delay, Factor, MaxDelay, Jitter *Value
	Match                                     []Match
	Until                                     *Value
	Slot                                      int32 // of `attempt`
	From, To                                  int32 // the slots of the steps inside, cleared for each attempt
	Body                                      Node
}

// Match is one pattern over an error (ast.Match, compiled).
type Match struct {
	Types    []string
	ExitCode []int
	Message  *regexp.Regexp
	When     *Value
}

// Slots is the Sem of a Hold on the `limit` of the join around it.
const Slots int32 = -1

// Hold works while it has a permit of a semaphore: an index in Plan.Semaphores, or Slots.
type Hold struct {
	Sem  int32
	Body Node
}

// Handle is except, else, finally.
type Handle struct {
	Body    Node
	Clauses []Clause
	Else    *Sequence // nil: none
	Finally *Sequence
	Cleanup *Value // cleanup_timeout; nil: 1m
	Slot    int32  // of `error`
}

// Clause is one clause of except. OnCancel is `match: CancelledError`.
type Clause struct {
	Match    []Match
	OnCancel bool
	Step     *Step
}

// Shield is `shield`.
type Shield struct{ Body Node }

// Result is `result`: it replaces the value of a block or a call. It reads the names of the place where it stands: on
// a call those of the caller.
type Result struct {
	Value *Value
	Body  Node
}

// Call runs a workflow in a frame of its own.
type Call struct {
	Workflow *Workflow
	With     []Arg
}

// Await waits for background tasks; Cancel cancels them and waits for their end.
type Await struct {
	Tasks []Task
	List  bool
}

// Cancel is `cancel`.
type Cancel struct{ Tasks []Task }

// Task is a background step by its address.
type Task struct {
	ID          string
	Depth, Slot int32
}

func (*Leaf) node()     {}
func (*Sequence) node() {}
func (*Loop) node()     {}
func (*Join) node()     {}
func (*Needs) node()    {}
func (*When) node()     {}
func (*Limit) node()    {}
func (*Retry) node()    {}
func (*Hold) node()     {}
func (*Handle) node()   {}
func (*Shield) node()   {}
func (*Result) node()   {}
func (*Call) node()     {}
func (*Await) node()    {}
func (*Cancel) node()   {}
