package tty

import (
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// state is what is shown of a step, always by a sign and a word.
type state uint8

// The states: those of a step that has not ended stand first.
const (
	pending state = iota
	waiting
	running
	stopping
	retrying
	ready
	succeeded
	recovered
	failed
	late // a limit of its own has expired
	cancelled
	skipped
	states // how many there are
)

// look is how a state is shown.
type look struct{ glyph, ascii, word, color string }

// looks are those of all states. A running step has a spinner in place of the sign.
var looks = [states]look{
	pending:   {"·", ".", "pending", dim},
	waiting:   {"◷", "q", "waiting", blue},
	running:   {"", "", "running", cyan},
	stopping:  {"◌", "!", "stopping", yellow},
	retrying:  {"↻", "r", "retry", yellow},
	ready:     {"●", "*", "ready", cyan},
	succeeded: {"✓", "+", "succeeded", green},
	recovered: {"~", "~", "recovered", green},
	failed:    {"✗", "x", "failed", red},
	late:      {"✗", "t", "timed out", red},
	cancelled: {"⊘", "-", "cancelled", yellow},
	skipped:   {"↓", "s", "skipped", dim},
}

// The colours, as terminals have them.
const (
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// endOf is the state of a step that has ended.
func endOf(e event.Event) state {
	switch e.Status {
	case event.Succeeded:
		if e.Recovered != nil {
			return recovered
		}
		return succeeded
	case event.Failed:
		if e.Err != nil && e.Err.Type == event.TimeoutError && e.Err.Step == e.Path {
			return late
		}
		return failed
	case event.Cancelled:
		return cancelled
	case event.Skipped:
		return skipped
	default:
		panic("tty: a step ended without an end")
	}
}

// noteOf is what is said of an end beside its state.
func noteOf(e event.Event) string {
	switch e.Status {
	case event.Succeeded:
		if e.Recovered != nil {
			return "from " + headline(e.Recovered)
		}
		return ""
	case event.Failed:
		return headline(e.Err)
	case event.Cancelled:
		return e.Cause.String()
	default:
		return e.Reason
	}
}

// headline is an error in one line.
func headline(e *event.Error) string {
	if e == nil {
		return ""
	}
	return plain.Headline(e)
}

// clock is a time that goes on, to the tenth of a second.
func clock(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	if d < time.Minute {
		d = d.Truncate(100 * time.Millisecond)
		return tenths(d)
	}
	return plain.Duration(d.Truncate(time.Second))
}

// tenths is d in seconds with one digit behind the point.
func tenths(d time.Duration) string {
	n := int64(d / (100 * time.Millisecond))
	digits := [...]byte{byte('0' + n/100%10), byte('0' + n/10%10), '.', byte('0' + n%10), 's'}
	if n < 100 {
		return string(digits[1:])
	}
	return string(digits[:])
}
