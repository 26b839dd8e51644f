package problems

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// TestExcerpt: the value behind the mark | is underlined, as far as it is on that line.
func TestExcerpt(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"  run: |./e2e.sh --suite smoke, [all]", "./e2e.sh --suite smoke, [all]"},
		{"  run: |make test  # twice", "make test"},
		{"  - {id: a, run: |./e2e.sh --x, use: [db]}", "./e2e.sh --x"},
		{"  - {id: a, run: |./e2e.sh}", "./e2e.sh"},
		{"  - {id: a, run: |[\"./e2e.sh\", \"]\", {a: b}], limit: 3}", `["./e2e.sh", "]", {a: b}]`},
		{"  run: |[a,", "[a,"},
		{"  - {run: |\"exit 3, \\\" or 4\", id: a}", `"exit 3, \" or 4"`},
		{"  run: |>-", ">-"},
		{"  fail: |ü is wrong", "ü is wrong"},
		{"  fail: |", "^"},
	} {
		col := len([]rune(c.line[:strings.Index(c.line, "|")])) + 1
		line := strings.Replace(c.line, "|", "", 1)
		var src Sources
		src.Add("f.yaml", []byte("flowrun: 1\n"+line+"\n"))
		got := Excerpt(diag.Pos{File: "f.yaml", Line: 2, Col: col}, &src, false)
		under := strings.Repeat("^", len([]rune(c.want)))
		want := strings.Join([]string{"  |", "2 | " + strings.TrimRight(line, " "), "  | " + strings.Repeat(" ", col-1) + under, ""}, "\n")
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	if got := Excerpt(diag.Pos{File: "g.yaml", Line: 2, Col: 1}, &Sources{}, false); got != "" {
		t.Errorf("%q", got)
	}
}
