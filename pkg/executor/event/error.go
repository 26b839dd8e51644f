package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// The built-in error types (language.md §4). A `fail` may give any other name.
const (
	TimeoutError       = "TimeoutError"
	CancelledError     = "CancelledError"
	TaskCancelledError = "TaskCancelledError"
	ExitError          = "ExitError"
	StartError         = "StartError"
	HTTPError          = "HTTPError"
	ConnectionError    = "ConnectionError"
	OutputError        = "OutputError"
	ExpressionError    = "ExpressionError"
	InputError         = "InputError"
	ValueError         = "ValueError"
	UntilError         = "UntilError"
	QuorumError        = "QuorumError"
	RecursionError     = "RecursionError"
	DeadlockError      = "DeadlockError"
	ServiceError       = "ServiceError"
	LostError          = "LostError"
	ExceptionGroup     = "ExceptionGroup"
	FailError          = "FailError"
)

// Types are the built-in error types.
func Types() []string {
	return []string{
		TimeoutError, CancelledError, TaskCancelledError, ExitError, StartError, HTTPError, ConnectionError, OutputError, ExpressionError,
		InputError, ValueError, UntilError, QuorumError, RecursionError, DeadlockError, ServiceError, LostError, ExceptionGroup, FailError,
	}
}

// Error is why a step failed. It is a value of the language: steps.x.error and `error` show it.
type Error struct {
	// ID tells the errors of one run apart, so that raising one again is seen as such. 0: not raised yet.
	ID       int64
	Type     string
	Message  string
	Step     string // path of the step that raised it
	Attempts int    // how many attempts that step made; 0 is not shown
	// Fields are what the type adds: exit_code, signal, status, limit, scope, of, wanted, got, data, cause.
	Fields map[string]any
	Errors []*Error // members of an ExceptionGroup; what the children of a QuorumError failed with
	// Others are errors of siblings that did not come out, in order of completion.
	Others  []*Error
	Cause   *Error // TimeoutError: the error of the last attempt; ServiceError: that of the service
	Cleanup *Error // what its own cleanup failed with
	// Line and Column are the place of Step in the file. Only reports fill them in.
	Line, Column int
}

// Errorf makes an error of a type.
func Errorf(typ, format string, args ...any) *Error {
	return &Error{Type: typ, Message: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.Type + ": " + e.Message }

// IsGroup says whether e is an ExceptionGroup.
func (e *Error) IsGroup() bool { return e.Type == ExceptionGroup }

// Members is the direct members of a group, and of a plain error the error itself.
func (e *Error) Members() []*Error {
	if e.IsGroup() {
		return e.Errors
	}
	return []*Error{e}
}

// Leaves is the flat list of plain errors in e, in order.
func (e *Error) Leaves() []*Error {
	if !e.IsGroup() {
		return []*Error{e}
	}
	var out []*Error
	for _, m := range e.Errors {
		out = append(out, m.Leaves()...)
	}
	return out
}

// Group makes an ExceptionGroup of errs, which are in order of completion.
func Group(errs []*Error) *Error {
	return &Error{Type: ExceptionGroup, Message: groupMessage(len(errs)), Errors: errs}
}

func groupMessage(n int) string {
	if n == 1 {
		return "1 step failed"
	}
	return fmt.Sprintf("%d steps failed", n)
}

// Split parts e by what take says of its leaves, each half in the nested shape of e: singleton groups stay,
// emptied ones vanish. Either half may be nil.
func (e *Error) Split(take func(leaf *Error) bool) (taken, rest *Error) {
	if !e.IsGroup() {
		if take(e) {
			return e, nil
		}
		return nil, e
	}
	var in, out []*Error
	for _, m := range e.Errors {
		t, r := m.Split(take)
		if t != nil {
			in = append(in, t)
		}
		if r != nil {
			out = append(out, r)
		}
	}
	return e.with(in), e.with(out)
}

// with is e with other members; e itself when nothing changed, nil without members.
func (e *Error) with(members []*Error) *Error {
	if len(members) == 0 {
		return nil
	}
	if slices.Equal(members, e.Errors) {
		return e
	}
	c := *e
	c.Errors = members
	if c.Message == groupMessage(len(e.Errors)) {
		c.Message = groupMessage(len(members))
	}
	return &c
}

// Value is e as a value of the expression language. Every error has errors and leaves; a plain one has itself in both
// (and that self has itself again, but no more: a value has no cycles).
func (e *Error) Value() map[string]any {
	m := e.fields(func(x *Error) any { return x.Value() })
	m["errors"] = bare(e.Members())
	if !e.IsGroup() && len(e.Errors) > 0 {
		m["errors"] = bare(e.Errors)
	}
	m["leaves"] = bare(e.Leaves())
	return m
}

func bare(errs []*Error) []any {
	out := make([]any, len(errs))
	for i, x := range errs {
		if x.IsGroup() {
			out[i] = x.Value()
			continue
		}
		self := x.fields(func(y *Error) any { return y.Value() })
		m := maps.Clone(self)
		m["errors"], m["leaves"] = []any{self}, []any{self}
		out[i] = m
	}
	return out
}

// fields is what Value and MarshalJSON share: all of e but its members.
func (e *Error) fields(sub func(*Error) any) map[string]any {
	m := maps.Clone(e.Fields)
	if m == nil {
		m = make(map[string]any, 4)
	}
	m["type"], m["message"], m["step"] = e.Type, e.Message, e.Step
	if e.Attempts > 0 {
		m["attempts"] = e.Attempts
	}
	if len(e.Others) > 0 {
		others := make([]any, len(e.Others))
		for i, x := range e.Others {
			others[i] = sub(x)
		}
		m["others"] = others
	}
	if e.Cause != nil {
		m["cause"] = sub(e.Cause)
	}
	if e.Cleanup != nil {
		m["cleanup"] = sub(e.Cleanup)
	}
	if e.Line > 0 {
		m["line"], m["column"] = e.Line, e.Column
	}
	return m
}

// MarshalJSON writes the error as the result document and the events have it: type, message and step first.
func (e *Error) MarshalJSON() ([]byte, error) {
	m := e.fields(func(x *Error) any { return x })
	if e.IsGroup() || len(e.Errors) > 0 {
		m["errors"] = e.Errors
	}
	first := []string{"type", "message", "step"}
	keys := slices.Sorted(maps.Keys(m))
	keys = slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(first, k) })
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range append(first, keys...) {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := Marshal(m[k])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", k, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// FromValue makes an error of a value that has the shape of one, as `fail: ${{ steps.x.error }}` gives it.
func FromValue(m map[string]any) *Error {
	e := &Error{Type: FailError}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		switch k {
		case "type":
			e.Type, _ = v.(string)
		case "message":
			e.Message, _ = v.(string)
		case "step":
			e.Step, _ = v.(string)
		case "attempts":
			e.Attempts, _ = v.(int)
		case "errors":
			if m["type"] == ExceptionGroup || m["type"] == QuorumError {
				e.Errors = fromValues(v)
			}
		case "others":
			e.Others = fromValues(v)
		case "leaves":
		case "cause", "cleanup":
			if sub, ok := v.(map[string]any); ok && k == "cause" {
				e.Cause = FromValue(sub)
			} else if ok {
				e.Cleanup = FromValue(sub)
			} else {
				e.set(k, v)
			}
		default:
			e.set(k, v)
		}
	}
	return e
}

func fromValues(v any) []*Error {
	list, _ := v.([]any)
	var out []*Error
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			out = append(out, FromValue(m))
		}
	}
	return out
}

func (e *Error) set(key string, v any) {
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	e.Fields[key] = v
}

// Marshal is json.Marshal without the escaping of <, > and &.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := Encode(&b, v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Encode writes what Marshal makes of v, and a newline.
func Encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
