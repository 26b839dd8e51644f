package script

import (
	"strings"
	"testing"
)

// FuzzQuote: no text is too much, every expression is read, refused or in a comment, and what is made can be read.
func FuzzQuote(f *testing.F) {
	for line := range strings.Lines(snippets) {
		f.Add(strings.TrimSuffix(line, "\n"), true)
	}
	f.Add("cat <<-A <<B\n\t§\n\tA\n§\nB\n# §\necho `§` \\§ §\\\n§", false)
	f.Fuzz(func(t *testing.T, text string, bash bool) {
		shell := Sh
		if bash {
			shell = Bash
		}
		pieces := strings.Split(text, "§")
		exprs := strings.Split(strings.Repeat("x", len(pieces)-1), "")
		for i := range exprs {
			exprs[i] += strings.Repeat("y", i)
		}
		q := Quote(pieces, exprs, shell)
		for i, w := range q.Wrong {
			switch {
			case w.Text == "":
				t.Errorf("problem %d has no text", i)
			case w.Expr < 0 && (w.Piece < 0 || w.Piece >= len(pieces) || w.Offset < 0 || w.Offset > len(pieces[w.Piece])):
				t.Errorf("problem %d is at %d of piece %d", i, w.Offset, w.Piece)
			case w.Expr >= len(exprs):
				t.Errorf("problem %d is of expression %d", i, w.Expr)
			}
		}
		if len(q.Wrong) > 0 {
			return
		}
		for i := range q.Reads {
			if !strings.Contains(q.Text, "${"+Variable(i+1)+"}") {
				t.Errorf("value %d is not read by %q", i+1, q.Text)
			}
		}
	})
}
