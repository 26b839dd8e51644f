package diag

import (
	"strings"
	"unicode/utf8"
)

// Nearest is the one of known that name was probably meant to be: the first that is at most a third of its letters
// away (one, for short names), not minding case and - for _. "" if there is none. A name of one or two characters says
// too little for more than a difference in case.
func Nearest(name string, known []string) string {
	if name == "" {
		return ""
	}
	best, at := max(1, len(name)/3)+1, ""
	if utf8.RuneCountInString(name) <= 2 {
		best = 1
	}
	name = fold(name)
	for _, k := range known {
		if longer := len(k) - len(name); longer >= best || -longer >= best {
			continue // so many letters at least
		}
		if d := distance(name, fold(k)); d < best {
			best, at = d, k
		}
	}
	return at
}

// Names is a list of names for a sentence.
func Names(names []string) string { return strings.Join(names, ", ") }

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// longest bounds the names that are compared at all.
const longest = 64

// distance is how many letters must be changed, put in, left out or swapped with their neighbour (optimal string
// alignment).
func distance(a, b string) int {
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var rows [3][longest + 1]int
	before, last, next := &rows[2], &rows[0], &rows[1]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			next[j+1] = d
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
