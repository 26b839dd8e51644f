// Package ast is a workflow file as written: every key and value has its place, every expression is parsed,
// nothing is resolved. spec.Parse makes it, plan.Compile reads it; nobody changes it.
package ast

import (
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Name is a literal name at a place: an id, the name of a semaphore, a type of error.
type Name struct {
	Pos  diag.Pos
	Text string
}

// Pair is one entry of a mapping whose values may hold expressions. A nil Value was written as null.
type Pair struct {
	Key   Name
	Value *expr.Template
}

// File is one workflow file.
type File struct {
	Path       string // as given, for messages; "-" is standard input
	Dir        string // absolute folder of the file
	Main       *Workflow
	Dotenv     []Name
	Vars       []Pair // of the files of Dotenv and of those that the caller added, each name once; constants
	Secrets    []*Secret
	Semaphores []*Semaphore
	Workflows  []*Workflow
	Source     []byte
	Allows     []*Allow
	// Lost is nil when the file was read whole. Otherwise the file has errors, and these are the texts in what could
	// not be read: a name among them may be that of a step, an input, a semaphore that is there, for all one knows.
	// With "" any name may be a step's.
	Lost map[string]bool
}

// Allow is a comment `# flowrun: allow CODE, CODE`: warnings of these codes are not meant here.
type Allow struct {
	Pos   diag.Pos // of its #
	Codes []Name
	Line  int // that it is about; 0: the whole file
}

// Workflow is a body with typed inputs: the file's own, or one under `workflows`.
type Workflow struct {
	Name        Name
	Description string
	Inputs      []*Input
	Env         []Pair // the file's own env stands here for Main and is in force in Workflows too
	// Body is the workflow as a step: its action is the body (a *Block), its modifiers are the header's.
	Body *Step
}

// Input is one declared input.
type Input struct {
	Name    Name
	Type    string // string, integer, number, boolean, array, object; "" is any
	Default any
	// Required: no default was written.
	Required    bool
	Secret      bool
	Description string
	Schema      map[string]any // the JSON Schema of a value: type, minimum, pattern, enum, items, ...
	// Problem says why a canonical value is not one of the input, "" when it is.
	Problem func(v any) string
}

// TypeName is the type's name, any if none was written.
func (in *Input) TypeName() string {
	if in.Type == "" {
		return "any"
	}
	return in.Type
}

// Secret is the name of an environment variable that is masked, or a file that holds it.
type Secret struct {
	Name Name
	File string
}

// Semaphore is a declared named limit.
type Semaphore struct {
	Name    Name
	Permits int
	Machine bool // scope: machine
}

// Step is one step as written.
type Step struct {
	Pos    diag.Pos // of the step's first key
	ID     Name     // Text "" : none
	Name   *expr.Template
	Action Action
	Gate   Gate
	Bounds Bounds
	Retry  *Retry
	// Semaphores in the order written.
	Semaphores []Name
	Mode       Mode
	Handlers   Handlers
	Env        []Pair
	Defaults   *Defaults
	Result     *expr.Template // blocks and calls
	// Partial: a key could not be read, for the file has errors. Action is nil if it was the action's.
	Partial bool
}

// Gate is what stands before a step: needs, if.
type Gate struct {
	If    *expr.Template // one expression
	Needs []Name
}

// Bounds are the limits of a step. Each is a duration, constant or computed.
type Bounds struct {
	Timeout, Total, Cleanup *expr.Template
}

// Mode says how a step belongs to what is around it.
type Mode struct {
	Shield     bool
	Background bool
	ModePos    diag.Pos // of `background`, or of `shield`
	Ready      *Leaf    // the probe of a service; nil: it is none
}

// Retry is the modifier of that name. Nil fields were not written.
type Retry struct {
	Pos                                       diag.Pos
	Attempts, Delay, Factor, MaxDelay, Jitter *expr.Template
	Match                                     []*Match
	Until                                     *expr.Template
}

// Match is one pattern over an error. All that is written must hold.
type Match struct {
	Pos      diag.Pos
	Types    []Name
	ExitCode []int
	Message  string // regular expression; "" : any
	When     *expr.Template
}

// Handlers are except, else and finally.
type Handlers struct {
	Except  []*Clause
	Else    *Block // a steps list; nil: none
	Finally *Block
}

// Clause is one item of except: a step with a match.
type Clause struct {
	// Match is empty for "everything but the step's own cancellation".
	Match []*Match
	Step  *Step
}

// Defaults hold for the run and http steps below.
type Defaults struct {
	Pos     diag.Pos
	Timeout *expr.Template
	Retry   *Retry
	Env     []Pair
	// Args are shell, stop and capture, under their keys.
	Args []Pair
}

// Action is what a step does: *Leaf, *Block, *Call, *Await or *Cancel.
type Action interface{ action() }

// Leaf is an action of a kind.
type Leaf struct {
	Kind *kind.Kind
	Pos  diag.Pos // of the action's key
	Args []Pair   // the action's own key first
}

// BlockKind is the kind of a block.
type BlockKind uint8

// The blocks.
const (
	Steps BlockKind = iota
	Gather
	Wait
	TaskGroup
)

// String is the key of the block.
func (k BlockKind) String() string { return [...]string{"steps", "gather", "wait", "taskgroup"}[k] }

// Block is steps, gather, wait or taskgroup.
type Block struct {
	Kind     BlockKind
	Pos      diag.Pos // of its key
	Children []*Step  // nil with For
	For      *Generator
	Limit    *expr.Template
	Return   Return // wait
	// ReturnExceptions and GroupErrors (errors: group) are gather's.
	ReturnExceptions, GroupErrors bool
	AsCompleted                   *Step
}

// ReturnMode is when a wait returns.
type ReturnMode uint8

// The modes of return_when.
const (
	AllCompleted ReturnMode = iota
	FirstCompleted
	FirstException
	FirstSuccess
	CountCompleted // {completed: n}
	CountSucceeded // {succeeded: n}
)

// Return says when a wait returns and what becomes of the rest.
type Return struct {
	Mode  ReturnMode
	Count *expr.Template // of the last two
	After *expr.Template // return_after
	Keep  bool           // rest: keep
	Pos   diag.Pos       // of rest, or of return_when
}

// Generator is `for`/`in`/`do`, or a matrix.
type Generator struct {
	Pos diag.Pos
	// Vars has one name with In, or the names of a matrix with one list each in Lists.
	Vars    []Name
	In      *expr.Template // an expression, or a list
	Lists   []*expr.Template
	Exclude *expr.Template
	Do      *Step
}

// Call calls a workflow of the file, or of another file.
type Call struct {
	Pos    diag.Pos
	Target Name // Text "": it could not be read
	With   []Pair
}

// Await waits for background tasks.
type Await struct {
	Tasks []Name
	List  bool // written as a list: the value is a list
}

// Cancel cancels background tasks and waits for their end.
type Cancel struct{ Tasks []Name }

func (*Leaf) action()   {}
func (*Block) action()  {}
func (*Call) action()   {}
func (*Await) action()  {}
func (*Cancel) action() {}
