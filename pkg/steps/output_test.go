package steps

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// However an output is cut into writes: what is passed on is all of it, in pieces that end with a line where
// one ends, that are bounded, and that cut no letter in two.
func TestSinkPassesAllOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "\n", "é", "日本", "𝄞\n", "\r\n", strings.Repeat("x", 100), strings.Repeat("€", maxLine/3), strings.Repeat("long\n", 5000)})
		all := strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), "")
		var pieces []string
		s := &sink{name: "stdout", limit: 1 << 20, tell: func(_, text string) { pieces = append(pieces, text) }}
		for rest := all; rest != ""; {
			n := min(len(rest), rapid.IntRange(1, maxLine).Draw(t, "n"))
			if _, err := s.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		s.flush()
		if got := strings.Join(pieces, ""); got != all {
			t.Fatalf("%d bytes were passed on of %d", len(got), len(all))
		}
		for i, p := range pieces {
			if len(p) > 2*maxLine {
				t.Errorf("piece %d has %d bytes", i, len(p))
			}
			if p == "" || !strings.HasSuffix(p, "\n") && len(p) < maxLine-utf8.UTFMax && i < len(pieces)-1 {
				t.Errorf("piece %d of %d has %d bytes and ends in a line", i, len(pieces), len(p))
			}
		}
		if s.value() != all {
			t.Error("the value is not the output")
		}
	})
}

func TestWholeRunes(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "é": 2, "a\xc3": 1, "a\xe2\x82": 1, "\xf0\x9d\x84": 0, "𝄞": 4,
		"\xff\xff": 2, "\x80\x80\x80\x80": 4, "a\xc3b": 3,
	} {
		if got := wholeRunes([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		v    any
		want int
		text string
	}{
		{"0B", 0, "0B"},
		{"100B", 100, "100B"},
		{"64KiB", 64 << 10, "64KiB"},
		{"10MiB", 10 << 20, "10MiB"},
		{"2GiB", 2 << 30, "2GiB"},
		{1536, 1536, "1536B"},
		{0, 0, "0B"},
		{2048, 2048, "2KiB"},
	} {
		n, err := size(c.v)
		if n != c.want || err != nil || sizeText(n) != c.text {
			t.Errorf("%v: %d %s, %v", c.v, n, sizeText(n), err)
		}
	}
	for _, v := range []any{"1", "1MB", "1 MiB", "-1B", "1.5MiB", "", -1, 1.5, nil, []any{}, "9999999999GiB", "99999999999999999999B"} {
		if n, err := size(v); err == nil {
			t.Errorf("%v: %d", v, n)
		}
	}
}
