package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Suggest is the help for a name that is none of known: the one that was probably meant, else all if they are few, else
// the three that are most like it and how many others there are. "" if known is empty.
func Suggest(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return DidYouMean(near)
	}
	switch {
	case len(known) == 0:
		return ""
	case len(known) == 1:
		return "there is only " + known[0]
	case len(known) <= mostNames:
		return "there are " + and(known)
	}
	return fmt.Sprintf("there are %s and %d more", Names(closest(name, known, 3)), len(known)-3)
}

// mostNames is how many names are listed.
const mostNames = 8

// DidYouMean is the question whether a name was meant.
func DidYouMean(name string) string { return "did you mean " + name + "?" }

// Names is a list of names for a sentence.
func Names(names []string) string { return strings.Join(names, ", ") }

func and(names []string) string {
	last := len(names) - 1
	return Names(names[:last]) + " and " + names[last]
}

// Nearest is the one of known that name was probably meant to be: the first that is at most a third of its letters
// away (one, for short names), not minding case and - for _. "" if there is none. A name of one or two characters says
// too little for more than a difference in case.
func Nearest(name string, known []string) string {
	near, _ := nearest(name, known)
	return near
}

// Certain is Nearest where no other of known could be meant: none is near, or all are further away than one letter.
func Certain(name string, known []string) string {
	near, certain := nearest(name, known)
	if !certain {
		return ""
	}
	return near
}

// nearest also says whether no other name can be meant.
func nearest(name string, known []string) (near string, certain bool) {
	if name == "" {
		return "", false
	}
	most := max(1, len(name)/3)
	if utf8.RuneCountInString(name) <= 2 {
		most = 0
	}
	best, second := most+1, most+1
	name = fold(name)
	for _, k := range known {
		if longer := len(k) - len(name); longer > most || -longer > most {
			continue // so many letters at least
		}
		switch d := distance(name, fold(k)); {
		case d < best:
			best, second, near = d, best, k
		case k != near:
			second = min(second, d)
		}
	}
	return near, second > most || best <= 1 && second > best
}

// closest are the n of known that are most like name, the most alike first.
func closest(name string, known []string, n int) []string {
	name = fold(name)
	out := slices.Clone(known)
	far := make(map[string]int, len(known))
	for _, k := range known {
		far[k] = distance(name, fold(k))
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(far[a], far[b]) })
	return out[:n]
}

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
