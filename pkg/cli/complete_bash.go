package cli

import (
	"io"
	"strings"
)

// bashLine is a command line as bash gives it to a completion: as it was typed, since bash's own words are split at
// every `=` and `:`, too.
type bashLine struct {
	words []string // without quotes
	raw   string   // the last one as typed
	quote byte     // that is still open; 0: none
}

// splitLine reads blanks, quotes and backslashes as bash does. Nothing is expanded.
func splitLine(line string) bashLine {
	var l bashLine
	var word strings.Builder
	start, in := 0, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case l.quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
			if in {
				l.words = append(l.words, word.String())
				word.Reset()
			}
			start, in = i+1, false
			continue
		case l.quote == 0 && (c == '\'' || c == '"'):
			l.quote = c
		case l.quote != 0 && c == l.quote:
			l.quote = 0
		case c == '\\' && i+1 < len(line) && (l.quote == 0 || l.quote == '"' && strings.IndexByte("$`\"\\", line[i+1]) >= 0):
			i++
			word.WriteByte(line[i])
		default:
			word.WriteByte(c)
		}
		in = true
	}
	l.words = append(l.words, word.String())
	l.raw = line[start:]
	return l
}

// answer writes an offer for bash, which replaces no more than tail, the end of the line, by what it is given, as it is.
func (l bashLine) answer(w io.Writer, o offer, tail string) {
	head := ""
	if before, ok := strings.CutSuffix(l.raw, tail); ok {
		words := splitLine(before).words
		head = words[len(words)-1]
	}
	var b strings.Builder
	b.WriteString(o.files + "\n")
	for _, c := range o.words {
		b.WriteString(l.escape(strings.TrimPrefix(c.word, head)) + "\n")
	}
	io.WriteString(w, b.String())
}

// escape writes a word so that bash reads it as it is, at the end of the line.
func (l bashLine) escape(word string) string {
	special := " '\"\\$`|&;()<>*?[]{}!#"
	switch l.quote {
	case '\'':
		return strings.ReplaceAll(word, "'", `'\''`)
	case '"':
		special = "\"\\$`"
	}
	var b strings.Builder
	if l.quote == 0 && strings.HasPrefix(word, "~") && !strings.HasPrefix(word, "~/") {
		b.WriteByte('\\') // a name, and nobody's home
	}
	for _, r := range word {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
