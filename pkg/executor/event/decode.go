package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// JSON is the JSON of an event as it is read back. Who writes more keys beside those of the event embeds it.
type JSON struct {
	V         int             `json:"v"`
	Seq       int64           `json:"seq"`
	Time      time.Time       `json:"time"`
	Type      Type            `json:"type"`
	Path      string          `json:"path"`
	Attempt   int             `json:"attempt"`
	Why       string          `json:"why"`
	Name      string          `json:"name"`
	Stream    string          `json:"stream"`
	Text      string          `json:"text"`
	Skipped   int64           `json:"skipped"`
	In        float64         `json:"in"`
	Status    Status          `json:"status"`
	Value     json.RawMessage `json:"value"`
	Err       *Error          `json:"error"`
	Cause     string          `json:"cause"`
	Reason    string          `json:"reason"`
	Started   time.Time       `json:"started_at"`
	Duration  float64         `json:"duration"`
	Queued    float64         `json:"queued"`
	Returned  int             `json:"returned_errors"`
	Recovered *Error          `json:"recovered"`
	Artifacts json.RawMessage `json:"artifacts"`
}

// UnmarshalJSON reads what MarshalJSON writes: times to the millisecond, durations to the microsecond, numbers without
// a point as int, and what could not be given (Poison) as the mapping that stands for it. It passes over keys that it
// does not know. What is not part of the JSON (Where, Bytes, Log, all of Extra but artifacts) is not there.
func (e *Event) UnmarshalJSON(b []byte) error {
	var j JSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	read, err := j.Event()
	if err != nil {
		return err
	}
	*e = read
	return nil
}

// Event is the event that j is the JSON of.
func (j *JSON) Event() (Event, error) {
	e := Event{
		Seq: j.Seq, Time: j.Time, Type: j.Type, Path: j.Path, Attempt: j.Attempt,
		Name: j.Name, Why: j.Why, In: duration(j.In), Stream: j.Stream, Text: j.Text, Skipped: j.Skipped,
		Outcome:   Outcome{Status: j.Status, Err: j.Err, Cause: causeOf(j.Cause), Reason: j.Reason},
		Recovered: j.Recovered, Returned: j.Returned,
		Timing: Timing{Started: j.Started, Duration: duration(j.Duration), Queued: duration(j.Queued)},
	}
	switch {
	case j.V != Version:
		return Event{}, fmt.Errorf("an event of version %d; this flowrun reads version %d", j.V, Version)
	case !j.Type.known():
		return Event{}, fmt.Errorf("%q is no type of an event", brief(string(j.Type)))
	case (j.Type == StepEnd || j.Type == RunEnd) && !j.Status.Ended():
		return Event{}, errors.New("an end without a status")
	case (j.Type == StepRetry || j.Status == Failed) && j.Err == nil:
		return Event{}, errors.New("a failure without an error")
	}
	var err error
	if len(j.Artifacts) > 0 {
		var list any
		list, err = reread(j.Artifacts)
		e.Extra = map[string]any{ExtraArtifacts: list}
	}
	if len(j.Value) > 0 && err == nil {
		e.Value, err = reread(j.Value)
	}
	return e, err
}

func (t Type) known() bool {
	switch t {
	case RunStart, StepQueued, StepStart, StepOutput, StepReady, StepRetry, StepCancel, StepEnd, RunEnd:
		return true
	}
	return false
}

// duration is a number of seconds, as Object.Seconds writes it.
func duration(s float64) time.Duration { return time.Duration(math.Round(s*1e6)) * time.Microsecond }

// reread reads a value that was canonical when it was written.
func reread(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return renumber(v)
}

// renumber gives numbers back their types, in place. A large float64 is written like an integer that no int can hold.
func renumber(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if n, err := strconv.Atoi(string(v)); err == nil {
				return n, nil
			}
		}
		return v.Float64()
	case []any:
		for i, x := range v {
			if v[i], err = renumber(x); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k, x := range v {
			if v[k], err = renumber(x); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// UnmarshalJSON reads what MarshalJSON writes. The error has no ID.
func (e *Error) UnmarshalJSON(b []byte) error {
	v, err := reread(b)
	if err != nil {
		return err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return errors.New("an error is an object")
	}
	*e = *shown(m)
	return nil
}

// shown is the error that m is the JSON of.
func shown(m map[string]any) *Error {
	e := &Error{}
	line, isLine := m["line"].(int)
	column, isColumn := m["column"].(int)
	if isLine && isColumn && line > 0 {
		e.Line, e.Column = line, column
	}
	for k, v := range m {
		sub, isError := v.(map[string]any)
		switch {
		case k == "type":
			e.Type, _ = v.(string)
		case k == "message":
			e.Message, _ = v.(string)
		case k == "step":
			e.Step, _ = v.(string)
		case k == "attempts":
			e.Attempts, _ = v.(int)
		case k == "errors":
			e.Errors = shownAll(v)
		case k == "others":
			e.Others = shownAll(v)
		case k == "cause" && isError:
			e.Cause = shown(sub)
		case k == "cleanup" && isError:
			e.Cleanup = shown(sub)
		case e.Line > 0 && (k == "line" || k == "column"):
		default:
			e.set(k, v)
		}
	}
	return e
}

func shownAll(v any) []*Error {
	list, _ := v.([]any)
	var out []*Error
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			out = append(out, shown(m))
		}
	}
	return out
}

// causeOf is the cause that String gives that text for; nil for none. What is in no such form is what a caller of the
// library said.
func causeOf(text string) *Cause {
	if text == "" {
		return nil
	}
	for why, f := range phrases {
		if f == (phrase{}) {
			continue
		}
		rest, begins := strings.CutPrefix(text, f.before)
		rest, ends := strings.CutSuffix(rest, f.after)
		c := &Cause{Why: Why(why)}
		if f.limited {
			var of bool
			c.Limit, rest, of = strings.Cut(rest, " of ")
			ends = ends && of
		}
		var named bool
		c.By, named = unquote(rest)
		if begins && ends && named {
			return c
		}
	}
	if c := (&Cause{Why: WhyDeadlock}); text == c.String() {
		return c
	}
	return &Cause{Why: WhySignal, By: text}
}

// unquote is the path that quote gives that text for.
func unquote(s string) (path string, ok bool) {
	if s == quote("") {
		return "", true
	}
	path, begins := strings.CutPrefix(s, `"`)
	path, ends := strings.CutSuffix(path, `"`)
	return path, begins && ends && path != ""
}
