package steps

import (
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

func TestWatch(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, c := range map[string]struct {
		pattern string
		chunks  []string
		want    int // the chunk in which it is found, from 1; 0: never
	}{
		"a line":                      {"up", []string{"starting\nup\n"}, 1},
		"a later line":                {"up", []string{"starting\n", "going up\n"}, 2},
		"cut in two":                  {"^up$", []string{"starting\nu", "p", "\nmore"}, 3},
		"cut in many":                 {"up", []string{"u", "p", "", " and away", "\n"}, 5},
		"no whole line":               {"up", []string{"up"}, 0},
		"not over two lines":          {"a.b", []string{"a\nb\n"}, 0},
		"carriage return":             {"up$", []string{"up\r\n"}, 1},
		"empty line":                  {"^$", []string{"a", "\n", "\n"}, 3},
		"begin of a long line":        {"^go", []string{"go" + long, "\n"}, 1},
		"end of a long line":          {"end", []string{long, "end\n", "other\n"}, 0},
		"after a long line":           {"^up$", []string{long + long, long, "\nup\n"}, 3},
		"a line of exactly the limit": {"x$", []string{long + "\n"}, 1},
		"no text":                     {`\xff`, []string{"\xfe\n", "\xc3\x28\n"}, 0},
		"only once":                   {"up", []string{"up\nup\n", "up\n"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			found, chunk := 0, 0
			call := kind.Call{ReadyLine: regexp.MustCompile(c.pattern), Ready: func() { found++ }}
			w, other := watches(call)
			for i, b := range c.chunks {
				w.see([]byte(b))
				if found > 0 && chunk == 0 {
					chunk = i + 1
				}
				if cap(w.line) > 2*maxLine {
					t.Fatalf("it keeps %d bytes", cap(w.line))
				}
			}
			other.see([]byte("up\n"))
			if chunk != c.want || c.want > 0 && found != 1 {
				t.Errorf("found %d times, first in chunk %d, want %d", found, chunk, c.want)
			}
		})
	}
	out, err := watches(kind.Call{})
	if out != nil || err != nil {
		t.Error("somebody watches whom nobody asked to")
	}
	out.see([]byte("nothing happens\n"))
}
