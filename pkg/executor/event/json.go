package event

import (
	"bytes"
	"strconv"
	"time"
)

// Version is the `v` of an event's JSON. A reader accepts what it knows and keeps keys that it does not know;
// a change that it could misread makes a new version.
const Version = 1

// Field is one more key of an event's JSON, for what the event itself does not know.
type Field struct {
	Key   string
	Value any
}

// MarshalJSON writes the event as cli.md "Events" has it, on one line.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends the JSON of e to b. more stands behind the keys that every event has, in the order given.
//
//	every event    v seq time type; of a step: path attempt
//	step.queued    why
//	step.start     name
//	step.output    stream text [skipped]
//	step.retry     in error
//	step.cancel    cause
//	step.end       status value|error|cause|reason started_at duration queued returned_errors [recovered] [artifacts]
//	run.end        status value|error|cause|reason
func (e Event) AppendJSON(b []byte, more ...Field) ([]byte, error) {
	o := NewObject(b)
	o.Int("v", Version)
	o.Int("seq", e.Seq)
	o.Time("time", e.Time)
	o.Text("type", string(e.Type))
	if e.Type != RunStart && e.Type != RunEnd {
		o.Text("path", e.Path)
		o.Int("attempt", int64(e.Attempt))
	}
	for _, f := range more {
		o.Value(f.Key, f.Value)
	}
	switch e.Type {
	case StepQueued:
		o.Text("why", e.Why)
	case StepStart:
		o.Text("name", e.Name)
	case StepOutput:
		o.Text("stream", e.Stream)
		o.Text("text", e.Text)
		if e.Skipped > 0 {
			o.Int("skipped", e.Skipped)
		}
	case StepRetry:
		o.Seconds("in", e.In)
		o.Value("error", e.Err)
	case StepCancel:
		o.Text("cause", e.Cause.String())
	case StepEnd:
		e.Outcome.fields(&o)
		o.Time("started_at", e.Started)
		o.Seconds("duration", e.Duration)
		o.Seconds("queued", e.Queued)
		o.Int("returned_errors", int64(e.Returned))
		if e.Recovered != nil {
			o.Value("recovered", e.Recovered)
		}
		o.WriteArtifacts(e.Artifacts())
	case RunEnd:
		e.Outcome.fields(&o)
	case RunStart, StepReady:
	default:
		panic("event: unknown type of event " + string(e.Type))
	}
	return o.End()
}

// fields writes how something ended: its status and what goes with that status.
func (o Outcome) fields(w *Object) {
	w.Text("status", o.Status.String())
	switch o.Status {
	case Succeeded:
		w.Value("value", o.Value)
	case Failed:
		w.Value("error", o.Err)
	case Cancelled:
		w.Text("cause", o.Cause.String())
		if o.Err != nil {
			w.Value("error", o.Err)
		}
	case Skipped:
		w.Text("reason", o.Reason)
	default:
		panic("event: an outcome that has not ended")
	}
}

// Object writes one JSON object, key by key. Its methods put down a key with its value; the first problem is
// kept for End.
type Object struct {
	b     []byte
	first bool
	err   error
}

// NewObject begins an object behind b.
func NewObject(b []byte) Object { return Object{b: append(b, '{'), first: true} }

// End closes the object and returns the bytes.
func (o *Object) End() ([]byte, error) { return append(o.b, '}'), o.err }

// Key writes only the key; Raw must follow.
func (o *Object) Key(key string) {
	if !o.first {
		o.b = append(o.b, ',')
	}
	o.first = false
	o.b = strconv.AppendQuote(o.b, key)
	o.b = append(o.b, ':')
}

// Raw takes the bytes of a value: f appends them to what it is given.
func (o *Object) Raw(f func(b []byte) []byte) { o.b = f(o.b) }

// Int writes a whole number.
func (o *Object) Int(key string, n int64) {
	o.Key(key)
	o.b = strconv.AppendInt(o.b, n, 10)
}

// Text writes a text.
func (o *Object) Text(key, s string) { o.Value(key, s) }

// Seconds writes a duration as seconds, to the microsecond.
func (o *Object) Seconds(key string, d time.Duration) {
	o.Key(key)
	o.b = strconv.AppendFloat(o.b, float64(d.Round(time.Microsecond).Microseconds())/1e6, 'f', -1, 64)
}

// Time writes an instant in UTC, to the millisecond; null for the zero Time.
func (o *Object) Time(key string, t time.Time) {
	o.Key(key)
	if t.IsZero() {
		o.b = append(o.b, "null"...)
		return
	}
	o.b = t.UTC().AppendFormat(o.b, `"2006-01-02T15:04:05.000Z"`)
}

// Value writes any value that encoding/json can write. A nil *Error is null.
func (o *Object) Value(key string, v any) {
	o.Key(key)
	switch v := v.(type) {
	case nil:
		o.b = append(o.b, "null"...)
		return
	case bool:
		o.b = strconv.AppendBool(o.b, v)
		return
	case int:
		o.b = strconv.AppendInt(o.b, int64(v), 10)
		return
	case *Error:
		if v == nil {
			o.b = append(o.b, "null"...)
			return
		}
	}
	w := bytes.NewBuffer(o.b)
	if err := Encode(w, v); err != nil {
		if o.err == nil {
			o.err = err
		}
		o.b = append(o.b, "null"...)
		return
	}
	o.b = bytes.TrimSuffix(w.Bytes(), []byte("\n"))
}
