package problems_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func at(line, col int) diag.Pos { return diag.Pos{File: "a.yaml", Line: line, Col: col} }

func shown(t *testing.T, d diag.Diagnostic, text string, color bool) string {
	t.Helper()
	var src problems.Sources
	src.Add("a.yaml", []byte(text))
	return problems.Text(d, &src, color)
}

func TestText(t *testing.T) {
	ten := strings.Repeat("x: 1\n", 9) + "timeot: 1\n"
	for _, c := range []struct {
		name string
		d    diag.Diagnostic
		text string
		want string
	}{
		{
			"a word",
			diag.Diagnostic{Pos: at(10, 1), Code: "unknown-key", Text: "no key", Help: "did you mean timeout?"},
			ten,
			"a.yaml:10:1: error[unknown-key]: no key\n   |\n10 | timeot: 1\n   | ^^^^^^\n   = help: did you mean timeout?\n",
		},
		{
			"a warning",
			diag.Diagnostic{Pos: at(1, 1), Code: "c", Text: "t", Warning: true},
			"x: 1\n",
			"a.yaml:1:1: warning[c]: t\n  |\n1 | x: 1\n  | ^\n",
		},
		{
			"a reason and no help",
			diag.Diagnostic{Pos: at(1, 1), Code: "c", Text: "t", Why: "because"},
			"x: 1\n",
			"a.yaml:1:1: error[c]: t\n  |\n1 | x: 1\n  | ^\n  = why: because\n",
		},
		{
			"the second place before and after",
			diag.Diagnostic{Pos: at(4, 1), Code: "c", Text: "t", Other: at(1, 2), OtherText: "here"},
			" ab\n\n\ncd\n",
			"a.yaml:4:1: error[c]: t\n  |\n1 |  ab\n  |  -- here\n...\n4 | cd\n  | ^^\n",
		},
		{
			"the second place in the next line",
			diag.Diagnostic{Pos: at(1, 1), Code: "c", Text: "t", Other: at(2, 1), OtherText: "here"},
			"ab\ncd\n",
			"a.yaml:1:1: error[c]: t\n  |\n1 | ab\n  | ^^\n2 | cd\n  | -- here\n",
		},
		{
			"both places in one line",
			diag.Diagnostic{Pos: at(1, 8), Code: "c", Text: "t", Other: at(1, 2), OtherText: "the first"},
			"{ab: 1, ab: 2}\n",
			"a.yaml:1:8: error[c]: t\n  |\n1 | {ab: 1, ab: 2}\n  |  -- the first\n  |        ^\n",
		},
		{
			"the second place in another file",
			diag.Diagnostic{
				Pos: diag.Pos{File: "--input n"}, Code: "c", Text: "t", Other: at(1, 1), OtherText: "declared here",
			},
			"n: 1\n",
			"--input n: error[c]: t\n  = note: a.yaml:1:1: declared here\n  |\n1 | n: 1\n  | -\n",
		},
		{
			"a file that is not to be shown",
			diag.Diagnostic{Pos: diag.Pos{File: ".env", Line: 3, Col: 4}, Code: "c", Text: "t", Help: "h"},
			"",
			".env:3:4: error[c]: t\n  = help: h\n",
		},
		{"an empty file", diag.Diagnostic{Pos: at(1, 1), Code: "c", Text: "t"}, "", "a.yaml:1:1: error[c]: t\n  |\n1 |\n  | ^\n"},
		{"a place that is not there", diag.Diagnostic{Pos: at(7, 1), Code: "c", Text: "t"}, "x\n", "a.yaml:7:1: error[c]: t\n"},
		{
			"tabs, CR LF and a byte order mark",
			diag.Diagnostic{Pos: at(1, 5), Code: "c", Text: "t"},
			"\ufeffa\t\tb cd\r\nx\r\n",
			"a.yaml:1:5: error[c]: t\n  |\n1 | a       b cd\n  |          ^\n",
		},
		{
			"what drives a terminal or a CI",
			diag.Diagnostic{Pos: at(1, 9), Code: "c", Text: "t\n::error::x", Help: "\x1b[2Jh"},
			"##[x] \x1b[2Jab\n",
			"a.yaml:1:9: error[c]: t ::error::x\n  |\n1 | ## [x] ab\n  |        ^^\n  = help: h\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, shown(t, c.d, c.text, false)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestToken: what the carets stand under, in a line in which » and « are not written but show it.
func TestToken(t *testing.T) {
	for _, c := range []struct{ text, sentence string }{
		{"if: ${{ steps.»biuld«.value }}", ""},
		{"timeout: »10«m", `"10" is wrong`},
		{"timeout: »10 minutes«", `"10 minutes" is not a duration`},
		{"run: »\"a \\\" b\"« # c", ""},
		{"run: »'a b'«", ""},
		{"run: »'a b«", ""},
		{"if: a »===« b", ""},
		{"»[«a, b", ""},
		{"»-« a", ""},
		{"x: »*anchor«", ""},
		{"x: »${{ a }}« b", ""},
		{"x: »${{« a", ""},
		{"日本語: »größe«, x", ""},
		{"x: »日本語« x", ""},
		{"e\u0301e\u0301: »e\u0301« x", ""},
		{"👩\u200d👩\u200d👧👍🏽❤\ufe0f: »🎉« x", ""},
		{"a\tb: »c« x", ""},
		{"»é«", ""},
		{"dotenv: [»gone.env«, b]", "there is no file gone.env"},
		{"call: »./a.yaml«", "./a.yaml cannot be read"},
		{"»---« x", "a second one begins"},
	} {
		begin := strings.Index(c.text, "»")
		line := strings.NewReplacer("»", "", "«", "").Replace(c.text)
		got := shown(t, diag.Diagnostic{Pos: at(1, len([]rune(c.text[:begin]))+1), Code: "c", Text: c.sentence}, line, false)
		rows := strings.Split(got, "\n")
		want := under(c.text)
		if rows[3] != want {
			t.Errorf("%s\n%s\n%s, want\n%s", c.text, rows[2], rows[3], want)
		}
	}
}

// under is the row of carets for a line with » and «, whose characters are counted one by one here.
func under(marked string) string {
	columns := map[rune]int{'日': 2, '本': 2, '語': 2, '\u0301': 0, '👩': 2, '👧': 0, '\u200d': 0, '👍': 2, '🏽': 0, '❤': 2, '\ufe0f': 0, '🎉': 2}
	row, sign, families := "  | ", " ", 0
	for _, r := range marked {
		n, ok := columns[r]
		switch {
		case r == '»':
			sign = "^"
			continue
		case r == '«':
			return row
		case r == '\t':
			n = 4 - (len(row)-len("  | "))%4
		case r == '👩':
			if families++; families > 1 {
				n = 0 // joined to the one before it
			}
		case !ok:
			n = 1
		}
		row += strings.Repeat(sign, n)
	}
	return row
}

// TestLongLines: a line is cut around the token, wherever in it that is.
func TestLongLines(t *testing.T) {
	for _, filler := range []string{"x", "é", "語"} {
		for _, place := range []int{0, 10, 150, 5000, 9990} {
			for _, length := range []int{3, 500} {
				token := strings.Repeat("T", length)
				line := strings.Repeat(filler, place) + " " + token + " " + strings.Repeat(filler, 10000-place)
				d := diag.Diagnostic{Pos: at(1, place+2), Code: "c", Text: "t"}
				rows := strings.Split(shown(t, d, line, false), "\n")
				text, marks := []rune(rows[2]), rows[3]
				wide := 1
				if filler == "語" {
					wide = 2
				}
				// Of the two rows, the characters over the carets are the token's.
				var over []rune
				column := 0
				for _, r := range text {
					if column < len(marks) && marks[column] == '^' {
						over = append(over, r)
					}
					if column++; r == '語' {
						column++
					}
				}
				if string(over) != strings.Repeat("T", len(over)) || len(over) < min(length, 60) || len(text)*wide > 230 {
					t.Errorf("%s %d %d:\n%s\n%s", filler, place, length, string(text), marks)
				}
			}
		}
	}
}

func TestColors(t *testing.T) {
	got := shown(t, diag.Diagnostic{Pos: at(1, 1), Code: "c", Text: "t\x1b[32m", Help: "h"}, "a\x1b[32m: 1\n", true)
	want := "\x1b[1ma.yaml:1:1: \x1b[0m\x1b[31m\x1b[1merror[c]\x1b[0m\x1b[1m: t\x1b[0m\n" +
		"\x1b[34m  |\x1b[0m\n\x1b[34m1 |\x1b[0m a: 1\n\x1b[34m  |\x1b[0m \x1b[31m^\x1b[0m\n  \x1b[34m= help:\x1b[0m h\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func ExampleText() {
	var src problems.Sources
	src.Add("ci.yaml", []byte("flowrun: 1\nsteps:\n  - run: make\n    tiemout: 30s\n"))
	d := diag.Diagnostic{
		Pos: diag.Pos{File: "ci.yaml", Line: 4, Col: 5}, Code: "unknown-key", Text: `a run step has no key "tiemout"`,
		Help: "did you mean timeout?",
	}
	fmt.Print(problems.Text(d, &src, false))
	// Output:
	// ci.yaml:4:5: error[unknown-key]: a run step has no key "tiemout"
	//   |
	// 4 |     tiemout: 30s
	//   |     ^^^^^^^
	//   = help: did you mean timeout?
}
