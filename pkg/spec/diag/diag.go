// Package diag holds what is said about a wrong file: a place, a code and a sentence.
//
// Problems are data. They are collected, sorted by place and shown all at once; nobody formats one early.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a file. Line and Col count from 1, Col in runes; the zero Pos is "nowhere".
type Pos struct {
	File string
	Line int
	Col  int
}

// String is FILE:LINE:COL, without the parts that are not known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.File == "":
		return fmt.Sprintf("%d:%d", p.Line, p.Col)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Before orders places by file, line and column.
func (p Pos) Before(q Pos) bool { return p.compare(q) < 0 }

func (p Pos) compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Diagnostic is one thing that is wrong in a file, or looks so.
type Diagnostic struct {
	Pos  Pos
	Code string // a word-code, as unknown-key; stable, documented
	Text string // one sentence, without the place
	Help string // what to write instead; may be empty
	Why  string // one sentence of reason, where the rule is not obvious; may be empty
	// Warning: the file is right, and yet hardly what was meant. It runs all the same.
	Warning bool
	// Len is how many characters the token at Pos has; 0: nobody counted, and it is the word that stands there.
	Len int
	// Other is a second place that takes part, as the first of two equal keys; zero when there is none.
	Other     Pos
	OtherText string
	Fix       *Fix // what certainly mends it; nil: it is for a person to say
}

// Fix is one edit of a file: Text in the place of what stands between two places of one line. To is behind the last
// character.
type Fix struct {
	From, To Pos
	Text     string
}

// Severity is how bad it is: error or warning.
func (d Diagnostic) Severity() string {
	if d.Warning {
		return "warning"
	}
	return "error"
}

// String is FILE:LINE:COL: error[code]: text, with the help and the second place after it in brackets. The reason
// is left to who has more than a line.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s[%s]: %s", d.Pos, d.Severity(), d.Code, d.Text)
	if d.Help != "" {
		fmt.Fprintf(&b, " (%s)", d.Help)
	}
	if d.OtherText != "" {
		fmt.Fprintf(&b, " [%s: %s]", d.Other, d.OtherText)
	}
	return b.String()
}

// List is everything that is wrong. As an error it is one line per problem.
type List []Diagnostic

// Add appends a problem; format and args make its text.
func (l *List) Add(pos Pos, code, format string, args ...any) {
	*l = append(*l, Diagnostic{Pos: pos, Code: code, Text: fmt.Sprintf(format, args...)})
}

// Count is how many of the problems are errors, and how many are warnings.
func (l List) Count() (errors, warnings int) {
	for _, d := range l {
		if d.Warning {
			warnings++
		} else {
			errors++
		}
	}
	return errors, warnings
}

// Sorted returns the problems by place and code, each once.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		return cmp.Or(a.Pos.compare(b.Pos), strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(out, same)
}

// same says whether two problems are one.
func same(a, b Diagnostic) bool {
	fixed := a.Fix == b.Fix || a.Fix != nil && b.Fix != nil && *a.Fix == *b.Fix
	a.Fix, b.Fix = nil, nil
	return fixed && a == b
}

// Err is nil for an empty list, else the list, sorted, as an error.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l.Sorted()
}

// Error implements error.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}
