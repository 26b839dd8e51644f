package columns

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"text", 4, "text"},
		{"text", 3, "te…"},
		{"text", 1, "…"},
		{"text", 0, ""},
		{"", 0, ""},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"e\u0301te\u0301", 3, "e\u0301te\u0301"},
		{"e\u0301te\u0301s", 3, "e\u0301t…"},
		{"👩‍🚀 flies", 4, "👩‍🚀 …"},
	} {
		if got := Cut(c.s, c.n, "…"); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

// TestCutFits: what was cut has room, and is UTF-8 when it was.
func TestCutFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.String().Draw(t, "s"), rapid.IntRange(0, 20).Draw(t, "n")
		if got := Cut(s, n, "…"); Width(got) > n || utf8.ValidString(s) != utf8.ValidString(got) {
			t.Errorf("%q has %d columns of %d", got, Width(got), n)
		}
	})
}
