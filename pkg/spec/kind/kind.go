// Package kind says what a leaf kind is: the action that a step performs when it is no block.
//
// A kind has two sides. The file's side is its keys, their schema and a check, used by spec and by editors.
// The run's side is one of two functions: Instant for what is over at once, Run for what takes its time and
// touches the world. A new kind is a value of this type; nothing else has to know it.
package kind

import (
	"context"
	"io"
	"regexp"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/mask"
)

// Kind is a leaf kind. Exactly one of Instant and Run is set.
type Kind struct {
	Name        string // the action's key, as run
	Title       string
	Description string
	// Keys are the action's own key first (named like the kind), then those that may stand beside it.
	Keys []Key
	// Check says what is wrong in a step whatever the run brings; it sees the arguments that are constant. Of a mapping
	// in which only some values are, the others are Computed. key is the argument's, or as http.url a member's of it.
	Check func(constant map[string]any, report func(key, code, text string))
	// Quote, in a kind with a key of mode Script, puts values into a program as data: that of exprs[i] stands between
	// pieces[i] and pieces[i+1]. Equal expressions have equal values. constant is what Check sees, with what `defaults` adds.
	// Nil: such a program holds no expressions.
	Quote func(pieces, exprs []string, constant map[string]any) Quoted
	// Limited: the step works outside this process, so `defaults` and --jobs are meant for it (run, http).
	Limited bool
	// Probe: it is no action of a step but the probe of a service. Its first key is the word ready, whose members are its
	// arguments: it tries again and again, and succeeds when the service is ready.
	Probe bool
	// Terminal is the key (of Mode Literal) that, when it is true, gives the action the terminal, and then the keys that
	// may not stand beside it. Only one can have the terminal: such a step may not stand where another could run at the
	// same time. Nil: there is none.
	Terminal []string

	// Instant is the whole step. It must not block, read clocks or touch the world: it runs inside the kernel. The map
	// is its own only until it returns.
	Instant func(Args) Instant
	// Waits: Instant may give After, by its arguments alone.
	Waits bool
	// Run is the whole step, in a goroutine of its own. It returns when nothing of the step is alive any more.
	// It is told to stop through ctx; the outcome of a step that was told to stop is not looked at, but for
	// Extra. Args are evaluated; values that it returns must be canonical JSON (event.Canonical).
	Run func(ctx context.Context, call Call) event.Outcome
}

// Key is one key of a step that belongs to a kind.
type Key struct {
	Name        string
	Description string
	Schema      string // JSON Schema (draft-07) of the value as written, when it holds no expression
	Mode        Mode
	Examples    []string
}

// Mode says how the value of a key is read.
type Mode uint8

// The modes.
const (
	Typed   Mode = iota // scalars have their YAML type; the schema decides; expressions allowed
	Free                // any value: what YAML 1.1 reads differently must be quoted
	Text                // scalars are their text as written (1.10 stays 1.10); expressions allowed
	Literal             // no expressions
	Script              // Text; a text is a program in another language: expressions in it are Kind.Quote's matter
)

// Quoted is a program that reads values in place of having them in its text. As an argument it is a map with QuotedText
// and, under QuotedValues, the list of the values as texts.
type Quoted struct {
	Text string
	// Reads are the numbers of the expressions that it reads, in the order of the values. One in a comment is not read, and
	// equal ones are read once.
	Reads []int
	Wrong []Misplaced
}

// The members of the argument for a program that reads values.
const (
	QuotedText   = "text"
	QuotedValues = "values"
)

// Misplaced is an expression that cannot stand where it stands.
type Misplaced struct {
	Expr          int // its number; -1: the program as a whole is wrong, at an offset in a piece of it
	Piece, Offset int
	Text          string
	Help          string // "": put the value into env
}

// Computed stands in an argument that Check sees for a value that is known at run time only.
type Computed struct{}

// Args are the evaluated arguments of a step: key to value, only those written or given by defaults.
type Args map[string]any

// Instant is what an instant kind does: it says Output, waits After, then gives Value or Err.
type Instant struct {
	Value  any
	Err    *event.Error
	Output string
	After  time.Duration
}

// Call is everything that a Run gets.
type Call struct {
	Args    Args
	Env     []string // NAME=value, complete and each name once: inherited, the workflow's and the step's; not to be changed
	Dir     string   // folder of the workflow's file, absolute
	Step    string   // path
	RunID   string
	Attempt int
	// Temp is a folder for files of the run that nobody else may read. It is made when it is first asked for, and removed
	// with all in it when the run has ended.
	Temp   func() (string, error)
	Output Output
	// Store keeps the run's files beyond the step; nil: nothing does.
	Store Store
	// Kill is closed when the step must end at once, without grace.
	Kill <-chan struct{}
	// ReadyLine is what a line of the output of a service must match before it is ready; nil: nobody waits for that. Ready
	// is called when one does, at most once.
	ReadyLine *regexp.Regexp
	Ready     func()
	// Interrupt says, before Run returns, that the user wants the run to end: an action that had the terminal got the
	// Ctrl-C, and flowrun did not. It may be nil.
	Interrupt func()
}

// Store keeps files of a run for those who come later: other steps, perhaps on other machines, and who looks at the run. Names
// have slashes, and are those of the run alone. Its functions are safe for use by several goroutines.
type Store interface {
	// Put keeps all of from under the name, in the place of what is there.
	Put(ctx context.Context, name string, from io.Reader) error
	// Get gives what is kept; the error is fs.ErrNotExist if nothing is.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
}

// Output is where a step says what it does while it works. Its functions are safe for use by several goroutines.
type Output struct {
	// Say tells those who watch the run. What it says of a stream stands in the log of that stream, to the byte and in that
	// order: the journal has no text of its own for it.
	Say func(stream, text string)
	// Skip tells them that so many bytes of the stream are not said.
	Skip func(stream string, bytes int64)
	// Log is a path without its end for the files of this attempt that keep all it says: LOG.stdout, LOG.stderr. Its
	// folder may not be there yet. "": nothing is kept.
	Log string
	// Mask masks secrets in what is written to the log, and said.
	Mask *mask.Set
	// Whole: all is said. Else what comes faster than anybody reads may be skipped.
	Whole bool
	// Safe: what is in the log must be on the disk when Run returns.
	Safe bool
}
