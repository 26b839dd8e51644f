package mask

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// minLine is the length of the shortest line of a value that is masked by itself. Shorter ones are too often words
	// of other texts.
	minLine = 8
	// minCode is the length of the shortest hex or base64 that is masked: what is shorter is too often in other numbers.
	minCode = 8
)

// forms are the ways in which a value may be printed. The same may come twice.
func forms(value string) []string {
	// Programs take off the blanks and the newline around a value, and put others there.
	bare := strings.TrimSpace(value)
	if len(bare) < minWord {
		if len(value) < minWord {
			return nil
		}
		return []string{value}
	}
	list := []string{value, bare}
	for line := range strings.Lines(bare) {
		if line = strings.TrimSpace(line); len(line) >= minLine {
			list = append(list, line)
		}
	}
	list = append(list, jsonForms(bare)...)
	list = append(list, urlForms(bare)...)
	list = append(list, shellForms(bare)...)
	for _, code := range append(hexForms(bare), base64Forms(bare)...) {
		if len(code) >= minCode {
			list = append(list, code)
		}
	}
	return list
}

// jsonForms are value in a text of JSON: as browsers and most programs write it, as Go does, and in ASCII.
func jsonForms(value string) []string {
	if !utf8.ValidString(value) {
		return nil
	}
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("mask: a text that is no JSON: " + err.Error())
	}
	text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(plain.String(), "\n"), `"`), `"`)
	return []string{
		text,
		escapeRunes(text, func(r rune) bool { return strings.ContainsRune("<>&", r) }),
		escapeRunes(text, func(r rune) bool { return r >= utf8.RuneSelf }),
	}
}

// escapeRunes writes some characters of text as \uXXXX.
func escapeRunes(text string, which func(rune) bool) string {
	if !strings.ContainsFunc(text, which) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !which(r) {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			b.WriteString(`\u` + hex.EncodeToString([]byte{byte(u >> 8), byte(u)}))
		}
	}
	return b.String()
}

var escaped = regexp.MustCompile("%[0-9A-F]{2}")

// urlForms are value in the query and in the path of a URL.
func urlForms(value string) []string {
	query := url.QueryEscape(value)
	list := []string{query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(value)}
	for _, f := range list {
		list = append(list, escaped.ReplaceAllStringFunc(f, strings.ToLower))
	}
	return list
}

// shellForms are value in single quotes, as `set -x` of bash and of dash shows it.
func shellForms(value string) []string {
	return []string{strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, "'", `'"'"'`)}
}

func hexForms(value string) []string {
	lower := hex.EncodeToString([]byte(value))
	return []string{lower, strings.ToUpper(lower)}
}

// base64Forms are value in base64, in both alphabets: alone, and inside of something longer. There it begins with the
// first, the second or the third of three bytes, and a character at either end that also holds bits of something
// else is not of the form.
func base64Forms(value string) []string {
	var list []string
	for _, code := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		list = append(list, code.EncodeToString([]byte(value)), code.WithPadding(base64.NoPadding).EncodeToString([]byte(value)))
		for before := range 3 {
			all := code.WithPadding(base64.NoPadding).EncodeToString([]byte("\x00\x00"[:before] + value))
			list = append(list, all[(before*8+5)/6:(before+len(value))*8/6])
		}
	}
	return list
}
