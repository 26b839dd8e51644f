package plan

import (
	"fmt"
	"strings"
)

// maxGuesses bounds the searches for a similar name in one compilation: a file with many thousand wrong names
// among as many right ones would take minutes otherwise.
const maxGuesses = 50

// guess is the help for an unknown name: the one that is meant, it seems, or a short list of those there are.
func (c *compiler) guess(name string, known []string) string {
	if !c.mayGuess() || len(known) == 0 {
		return ""
	}
	best, at := max(1, len(name)/3)+1, ""
	for _, k := range known {
		if d := distance(fold(name), fold(k)); d < best {
			best, at = d, k
		}
	}
	switch {
	case at != "":
		return fmt.Sprintf("did you mean %q?", at)
	case len(known) <= 8:
		return "there is: " + strings.Join(known, ", ")
	default:
		return ""
	}
}

func (c *compiler) mayGuess() bool {
	c.guesses++
	return c.guesses <= maxGuesses
}

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance is how many letters must be changed, put in, left out or swapped with their neighbour (Damerau-Levenshtein,
// optimal string alignment). Names far longer than ids are not compared.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 || max(len(a), len(b))-min(len(a), len(b)) > max(1, len(a)/3) {
		return 100
	}
	var rows [3][66]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	before, last, next := &rows[2], &rows[0], &rows[1]
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
