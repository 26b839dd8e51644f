package mask

import (
	"fmt"
	"strconv"
	"strings"
)

// quote begins a reference in a sealed text; two of them are one of the text.
const quote = "\x1a"

// Seal is text without its secrets, from which Unseal makes it again. What Text would mask is replaced by a reference: the
// number of the value, its form, and which bytes of that. Also of a nil Set.
func (s *Set) Seal(text string) string {
	var out strings.Builder
	seen := 0 // what is before it is in out
	literal := func(to int) {
		out.WriteString(strings.ReplaceAll(text[seen:to], quote, quote+quote))
		seen = to
	}
	if s != nil {
		for at := 0; at < len(text); {
			first, last := next(s, text, at, len(text))
			for at = first; at <= last && at < len(text); at++ {
				i := find(s, text[at:])
				if i < 0 || at+len(s.words[i]) <= seen {
					continue
				}
				literal(max(seen, at))
				p, end := s.places[i], at+len(s.words[i])
				fmt.Fprintf(&out, "%s%d.%d.%d.%d;", quote, p.value, p.form, int(p.from)+seen-at, int(p.from)+len(s.words[i]))
				seen = end
			}
		}
	}
	if seen == 0 && !strings.Contains(text, quote) {
		return text
	}
	literal(len(text))
	return out.String()
}

// Reference is what stands in a sealed text for all of the value with that number, where nobody knows the value.
func Reference(value int) string { return quote + strconv.Itoa(value) + ";" }

// Sealed gives a Set for texts that are sealed: its Text is what Text of the Set that sealed them would have given, without
// knowing what it knows. It has nothing to seal with, and nothing to unseal.
func Sealed() *Set { return &Set{sealed: true} }

// hidden is a sealed text with marks in the place of references.
func hidden(text string) string {
	if !strings.Contains(text, quote) {
		return text
	}
	var out strings.Builder
	marked := false // nothing stands behind the last mark
	for {
		before, after, found := strings.Cut(text, quote)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		marked = marked && before == ""
		if strings.HasPrefix(after, quote) {
			out.WriteString(quote)
			text, marked = after[len(quote):], false
			continue
		}
		if !marked {
			out.WriteString(Mark)
		}
		marked = true
		_, text, _ = strings.Cut(after, ";")
	}
}

// Unseal is the text that Seal was given, with the secrets of s. The error says that they do not have what is referred to.
func (s *Set) Unseal(text string) (string, error) {
	if !strings.Contains(text, quote) {
		return text, nil
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, quote)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if strings.HasPrefix(after, quote) {
			out.WriteString(quote)
			text = after[len(quote):]
			continue
		}
		ref, rest, _ := strings.Cut(after, ";")
		part, ok := s.referred(ref)
		if !ok {
			return "", fmt.Errorf("a secret is not there any more, or is another one")
		}
		out.WriteString(part)
		text = rest
	}
}

// referred is the part of a form that a reference means.
func (s *Set) referred(ref string) (string, bool) {
	if s == nil {
		return "", false
	}
	if i, err := strconv.Atoi(ref); err == nil { // Reference
		if i < 0 || i >= len(s.values) || s.values[i] == "" {
			return "", false
		}
		return s.values[i], true
	}
	var n [4]int
	fields := strings.Split(ref, ".")
	if len(fields) != len(n) {
		return "", false
	}
	for i, f := range fields {
		var err error
		if n[i], err = strconv.Atoi(f); err != nil || n[i] < 0 {
			return "", false
		}
	}
	if n[0] >= len(s.values) {
		return "", false
	}
	list := forms(s.values[n[0]])
	if n[1] >= len(list) || n[3] > len(list[n[1]]) || n[2] > n[3] {
		return "", false
	}
	return list[n[1]][n[2]:n[3]], true
}
