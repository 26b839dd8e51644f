package steps

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// However an output is cut into writes: what is passed on is all of it, in pieces that end with a line where
// one ends, that are bounded, and that cut no letter in two.
func TestSinkPassesAllOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "\n", "é", "日本", "𝄞\n", "\r\n", strings.Repeat("x", 100), strings.Repeat("€", maxLine/3), strings.Repeat("long\n", 5000)})
		all := strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), "")
		var pieces []string
		s := newSink("stdout", 1<<20, &kind.Output{Whole: true, Say: func(_, text string) { pieces = append(pieces, text) }})
		for rest := all; rest != ""; {
			n := min(len(rest), rapid.IntRange(1, maxLine).Draw(t, "n"))
			if _, err := s.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		s.end()
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

// A flood is not said, but for its begin and its end, in whole lines; what is said and what is skipped are all of it.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		s := newSink("stdout", 0, &kind.Output{
			Say:  func(_, text string) { said.WriteString(text) },
			Skip: func(_ string, n int64) { fmt.Fprintf(&said, "[%d bytes]\n", n) },
		})
		count, all := 0, 0
		put := func(lines int) {
			var b []byte
			for range lines {
				count++
				b = fmt.Appendf(b, "line %07d ............................................................\n", count)
			}
			all += len(b)
			_, _ = s.Write(b)
		}
		for range 1000 {
			put(100)
		}
		time.Sleep(time.Second) // now a quarter of a burst may be said
		put(1)
		time.Sleep(time.Second)
		put(1)
		s.end()
		lines := strings.SplitAfter(said.String(), "\n")
		var got []string
		missing, total := 0, 0
		for i, l := range lines {
			if n, err := fmt.Sscanf(l, "[%d bytes]", &missing); n == 1 && err == nil {
				total += missing
				got = append(got, strings.TrimSpace(lines[i-1])[:12], "...", strings.TrimSpace(lines[i+1])[:12])
				continue
			}
			total += len(l)
		}
		got = append(got, lines[len(lines)-2][:12])
		want := []string{"line 0014169", "...", "line 0099780", "line 0100002"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if total != all {
			t.Errorf("%d bytes of %d", total, all)
		}
	})
}

// The log has all, masked; the value has what was written.
func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "1")
	var said strings.Builder
	s := newSink("stderr", 1<<10, &kind.Output{
		Log: path, Mask: mask.New([]string{"hunter2hunter2"}),
		Say: func(_, text string) { said.WriteString(text) },
	})
	for _, piece := range []string{"one hunt", "er2hun", "ter2 two\n", "three"} {
		_, _ = s.Write([]byte(piece))
		s.Pause()
	}
	s.end()
	log, err := os.ReadFile(path + ".stderr")
	const want = "one *** two\nthree"
	if string(log) != want || err != nil || said.String() != want || s.value() != "one hunter2hunter2 two\nthree" {
		t.Errorf("log %q, %v; said %q; value %q", log, err, said.String(), s.value())
	}
	if info, err := os.Stat(path + ".stderr"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	second := newSink("stderr", 1<<10, &kind.Output{Log: path, Say: func(string, string) {}})
	_, _ = second.Write([]byte("x"))
	second.end()
	if second.log.problem() == nil {
		t.Error("another's log was written to")
	}
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
