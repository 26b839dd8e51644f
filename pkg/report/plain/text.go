package plain

import (
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Clean is text without control characters and sequences, and without what turns the direction of writing; of a line that
// was drawn over the last is left. It is still the text of a stranger: each format must quote it in its own way.
func Clean(text string) string {
	if easy(strings.ReplaceAll(text, "\n", "")) {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		whole := strings.TrimSuffix(line, "\n")
		b.WriteString(clean(drawn(strings.ToValidUTF8(whole, "\uFFFD")), false))
		b.WriteString(line[len(whole):])
	}
	return b.String()
}

// Line is Clean on one line.
func Line(text string) string { return strings.Join(strings.Fields(Clean(text)), " ") }

// Size is a number of bytes for people.
func Size(n int64) string { return size(n) }

// Glyph is the sign for how a step or a run ended; … for what has not.
func Glyph(s event.Status) string {
	switch s {
	case event.Succeeded:
		return "✓"
	case event.Failed:
		return "✗"
	case event.Cancelled:
		return "⊘"
	case event.Skipped:
		return "↓"
	default:
		return "…"
	}
}
