package plain

import "strings"

// Painted is Clean, but sequences that only set colours stay.
func Painted(text string) string {
	if !strings.Contains(text, "\x1b") {
		return Clean(text)
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		whole := strings.TrimSuffix(line, "\n")
		b.WriteString(clean(drawn(strings.ToValidUTF8(whole, "\uFFFD")), true))
		b.WriteString(line[len(whole):])
	}
	return b.String()
}
