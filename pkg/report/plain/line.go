package plain

import (
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Printed is a line that a step has printed, without its end, as it may be shown: it drives neither a terminal nor a CI. With color
// it has the colours that the step gave it.
func Printed(text string, color bool) string {
	text = inert(clean(drawn(strings.ToValidUTF8(text, "\uFFFD")), color))
	if color && strings.Contains(text, "\x1b") {
		text += reset
	}
	return text
}

// Headline is an error in one line: its type and the begin of its message.
func Headline(e *event.Error) string { return clean(headline(e), false) }
