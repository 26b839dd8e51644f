// Package errors has a page on each code of a diagnostic: what it means and why, a file that is wrong and one that is
// right.
package errors

import (
	"embed"
	"slices"
	"strings"
)

//go:embed *.md
var pages embed.FS

// Page is the page of a code, in Markdown; false if there is none.
func Page(code string) (string, bool) {
	b, err := pages.ReadFile(code + ".md")
	if err != nil || code == "README" {
		return "", false
	}
	return string(b), true
}

// Codes are all codes, sorted.
func Codes() []string {
	entries, err := pages.ReadDir(".")
	if err != nil {
		panic("errors: " + err.Error())
	}
	var out []string
	for _, e := range entries {
		if code := strings.TrimSuffix(e.Name(), ".md"); code != "README" {
			out = append(out, code)
		}
	}
	slices.Sort(out)
	return out
}

// Summary is the first sentence of the page of a code.
func Summary(code string) string {
	page, _ := Page(code)
	_, text, _ := strings.Cut(page, "\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.ReplaceAll(text, "\n", " ")
	for i := 0; i+2 < len(text); i++ {
		if next := text[i+2]; text[i:i+2] == ". " && (next >= 'A' && next <= 'Z' || next == '`') {
			return text[:i+1]
		}
	}
	return text
}
