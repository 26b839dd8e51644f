// Package event is the vocabulary of a run: how steps end, why, and what is told about it.
//
// Everything that is shown or written anywhere (terminal, CI log, JSON, journal, reports) is made from
// the events of this package. Statuses, error types and event types are defined here and nowhere else.
package event

import "encoding/json"

// Status says how far a step is, or how it ended.
type Status uint8

// The statuses. The first two are seen only through `steps.x.status` of a background task.
const (
	Waiting Status = iota
	Running
	Succeeded
	Failed
	Cancelled
	Skipped
)

var statusWords = [...]string{"waiting", "running", "succeeded", "failed", "cancelled", "skipped"}

// String is the word of the language.
func (s Status) String() string { return statusWords[s] }

// Ended says whether s is final.
func (s Status) Ended() bool { return s >= Succeeded }

// MarshalText writes the word of the language.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word of the language.
func (s *Status) UnmarshalText(b []byte) error {
	for i, w := range statusWords {
		if w == string(b) {
			*s = Status(i)
			return nil
		}
	}
	return &json.UnsupportedValueError{Str: "status " + string(b)}
}

// Outcome is how a step, or one attempt of it, ended. It is a value: nobody changes one that was handed on.
type Outcome struct {
	Status Status
	Value  any    // canonical JSON; nil unless succeeded
	Err    *Error // failed: why; cancelled: only when a cleanup failed (a CancelledError that holds it)
	Cause  *Cause // cancelled: why
	Reason string // skipped: why
	// Extra is what a kind adds to steps.x besides the value: stdout, stderr, exit_code, ... Also on failure.
	Extra map[string]any
	// Last is the error of the last attempt when a limit or a cancel ended a retry.
	Last *Error
}

// Success is the outcome of a step that gave v.
func Success(v any) Outcome { return Outcome{Status: Succeeded, Value: v} }

// Failure is the outcome of a step that failed with err.
func Failure(err *Error) Outcome { return Outcome{Status: Failed, Err: err} }

// Stopped is the outcome of a step that was told to stop.
func Stopped(c *Cause) Outcome { return Outcome{Status: Cancelled, Cause: c} }

// Passed is the outcome of a step that was not run.
func Passed(reason string) Outcome { return Outcome{Status: Skipped, Reason: reason} }

// Why is the kind of a Cause. Causes are compared by it and never by their text.
type Why uint8

// The reasons to stop a step.
const (
	WhySibling  Why = iota + 1 // a sibling in a taskgroup failed, or a handler of as_completed did
	WhyTimeout                 // a limit of an enclosing step, or of the step itself, expired
	WhyReturned                // the wait around it has what it wanted
	WhyStep                    // a `cancel` step named it
	WhyListEnd                 // the list that a background task belongs to has ended
	WhySignal                  // the user, by a signal or through the library's context
	WhyService                 // a background service that must stay up has ended
	WhyDeadlock                // nothing could move any more
	WhyCleanup                 // cleanup_timeout
)

// Cause is why a step was told to stop. A cancel has one cause, kept all the way down.
type Cause struct {
	Why Why `json:"why"`
	// By is the path of the step that caused it, or for WhySignal the name of the signal.
	By string `json:"by,omitempty"`
	// Limit is the expired limit as text, as 5s.
	Limit string `json:"limit,omitempty"`
}

// phrase is the words for a cause: before, the limit and "of" if there is one, the step, after.
type phrase struct {
	before, after string
	limited       bool
}

// phrases are the words for causes that a step has, by Why.
var phrases = [...]phrase{
	WhySibling:  {before: "sibling ", after: " failed"},
	WhyTimeout:  {before: "timeout ", limited: true},
	WhyReturned: {before: "wait ", after: " has returned"},
	WhyStep:     {before: "cancelled by step "},
	WhyListEnd:  {before: "end of the list of "},
	WhyService:  {before: "service ", after: " ended"},
	WhyCleanup:  {before: "cleanup_timeout ", limited: true},
}

// String is the cause in the words of language.md §5.
func (c *Cause) String() string {
	switch {
	case c == nil:
		return ""
	case c.Why == WhySignal:
		return c.By
	case c.Why == WhyDeadlock:
		return "deadlock"
	case int(c.Why) >= len(phrases) || phrases[c.Why] == (phrase{}):
		panic("event: unknown cause")
	}
	f := phrases[c.Why]
	if f.limited {
		return f.before + c.Limit + " of " + quote(c.By) + f.after
	}
	return f.before + quote(c.By) + f.after
}

func quote(path string) string {
	if path == "" {
		return "the workflow"
	}
	return `"` + path + `"`
}
