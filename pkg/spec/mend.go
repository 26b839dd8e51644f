package spec

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Change is an edit that was made: Old stood at its place, in the file as it was before that round of edits.
type Change struct {
	diag.Fix
	Old string
}

// maxRounds bounds how often a file is looked at again: one edit may bring another mistake to light.
const maxRounds = 10

// Mend makes all edits that are certain, again and again, until none is left. check tells all that is wrong with a text;
// only what is wrong in the file path itself is mended. A round that would leave more to say than before is not made;
// where a text could not be read, and everything else comes to light, none that leaves its line unreadable.
func Mend(path string, src []byte, check func(src []byte) diag.List) (mended []byte, changes []Change) {
	left := check(src)
	for range maxRounds {
		next, made := edit(path, src, left)
		if len(made) == 0 {
			break
		}
		problems := check(next)
		hidden := slices.ContainsFunc(left, hides)
		if hidden && slices.ContainsFunc(problems, func(d diag.Diagnostic) bool { return hides(d) && stands(left, d) }) || !hidden && len(problems) > len(left) {
			break // what was meant is something else
		}
		src, left = next, problems
		changes = append(changes, made...)
	}
	return src, changes
}

// hides says that d may keep other problems from being seen.
func hides(d diag.Diagnostic) bool { return d.Code == "syntax" || d.Code == "unquoted-expression" }

// stands says that one of list stands in the line of d and hides, too.
func stands(list diag.List, d diag.Diagnostic) bool {
	return slices.ContainsFunc(list, func(e diag.Diagnostic) bool { return hides(e) && e.Pos.Line == d.Pos.Line })
}

// edit makes the edits of one round. Of two that overlap the first is made.
func edit(path string, src []byte, problems diag.List) ([]byte, []Change) {
	type span struct {
		from, to int
		fix      *diag.Fix
	}
	t := newText(path, src)
	var spans []span
	for _, d := range problems {
		if d.Fix != nil && d.Fix.From.File == path {
			spans = append(spans, span{t.offset(d.Fix.From.Line, d.Fix.From.Col), t.offset(d.Fix.To.Line, d.Fix.To.Col), d.Fix})
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	var out strings.Builder
	out.Write(src[:len(src)-len(t.src)]) // a byte order mark
	var changes []Change
	done := 0
	for _, s := range spans {
		old := t.src[max(s.from, done):max(s.to, done)]
		if s.from < done || s.to < s.from || old == s.fix.Text || len(changes) > 0 && s.from == done {
			continue
		}
		out.WriteString(t.src[done:s.from])
		out.WriteString(s.fix.Text)
		done = s.to
		changes = append(changes, Change{*s.fix, old})
	}
	out.WriteString(t.src[done:])
	return []byte(out.String()), changes
}
