package expr_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// patience is far above what each of the guarded expressions takes (under 0.3 s), and far below a hang.
const patience = time.Minute

// big has long lists and texts that come from outside.
func big() object {
	env := environment()
	list, texts := make([]any, 5000), make([]any, 5000)
	for i := range list {
		list[i], texts[i] = i, strings.Repeat("a", 10_000)+string(rune('a'+i%26))
	}
	many := object{}
	for i := range 1000 {
		many[strings.Repeat("k", i)] = i
	}
	env["x"], env["y"], env["words"] = list, many, texts
	env["tag"] = strings.Repeat("ab", 1<<20)
	return env
}

// TestGuards has for each way to make an expression run for ever, or take all memory, that it ends soon with an error.
func TestGuards(t *testing.T) {
	const (
		slow   = "the expression takes too long: more than 10000000 steps"
		fat    = "the expression needs too much memory: more than 64 MiB"
		long   = "the expression makes a text of more than 16 MiB"
		many   = "the expression makes lists of more than 4000000 elements"
		deep   = "a value is nested more than 1000 deep"
		result = "the result has more than 4000000 elements"
	)
	double := func(n int, first, next string) string { // exponential by sharing
		var b strings.Builder
		b.WriteString("let a0 = " + first + "; ")
		names := "abcdefghijklmnopqrstuvwxyz"
		for i := range n {
			b.WriteString("let " + names[i:i+1] + " = ")
			b.WriteString(strings.ReplaceAll(next, "?", map[bool]string{true: "a0", false: names[max(0, i-1) : max(0, i-1)+1]}[i == 0]))
			b.WriteString("; ")
		}
		return b.String() + names[n-1:n]
	}
	tests := []struct{ name, src, want string }{
		// texts
		{"doubling by +", `reduce(1..1000, #acc + #acc, "x")`, long},
		{"growing by +", `reduce(1..1000000, #acc + "xxxxxxxxxxxxxxxx", "x")`, fat},
		{"doubling by let", double(25, `"0123456789"`, "? + ?"), long},
		{"replace in replace", `replace(replace(replace(repeat("a", 100), "a", repeat("a", 300)), "a", repeat("a", 300)), "a", "bb")`, slowOr(fat, long)},
		{"replace", `replace(repeat("a", 10000), "a", repeat("b", 10000))`, long},
		{"replace nothing", `replace(repeat("a", 10000), "", repeat("b", 10000))`, long},
		{"repeat", `repeat("abc", 9223372036854775807)`, long},
		{"repeat in a loop", `map(1..1000, repeat("x", 1000000))`, fat},
		{"join", `join(map(1..10000, tag))`, long},
		{"join with", `join(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], tag)`, long},
		{"split into letters", `map(1..10, split(tag, ""))`, "the expression makes a list of more than 4000000 elements"},
		{"upper in a loop", "map(1..100, upper(tag))", fat},
		{"base64 in a loop", "reduce(1..100, toBase64(#acc), tag)", fat},
		{"toJSON of quotes", `reduce(1..100, toJSON(#acc), "\"")`, long},
		{"toJSON of shared", "toJSON(" + double(26, "[1, 1]", "[?, ?]") + ")", long},
		{"string of shared", "string(" + double(26, "[1, 1]", "[?, ?]") + ")", long},
		{"Format", `reduce(1..100, date("2024-01-01").Format(#acc), "January Monday")`, ""},
		// loops over what is given
		{"nested count", "count(x, count(x, count(x, true) > 0) > 0)", slow},
		{"nested sum", "map(x, sum(x))", slow},
		{"nested in", "map(x, -1 in x)", slow},
		{"nested len", "map(words, map(words, len(it)))", slow},
		{"nested equal", "map(x, x == map(x, it))", slowOr(slow, fat)},
		{"nested any", "map(x, any(x, true) and map(x, true) == x)", slowOr(slow, fat)},
		{"begun loops", "map(1..1000000, any(z, true))", fat},
		{"compared texts", "map(words, map(words, it < words[0]))", slow},
		{"contained texts", `map(words, map(words, it contains "b"))`, slow},
		{"matched texts", `map(words, map(words, it matches "(a|b|ab)*c"))`, slow},
		{"matched with a big pattern", `tag matches "(a?b?){500}c"`, slow},
		{"computed patterns", `map(x, map(x, "a" matches string(it)))`, slow},
		{"a long computed pattern", "tag matches tag", "a regular expression that is computed has at most 4 KiB"},
		{"sorted texts", "map(1..100, sort(words))", slow},
		{"sorted by text", "map(1..100, sortBy(words, it))", slow},
		{"keys in a loop", "map(x, keys(y))", fat},
		{"uniq in a loop", "map(1..100, uniq(words))", slowOr(slow, fat)},
		{"grouped texts", "map(1..100, groupBy(words, it))", slow},
		{"sha256 in a loop", "map(1..1000, sha256(tag))", slow},
		{"indexOf in a loop", `map(1..1000, indexOf(tag, "c"))`, slow},
		{"slices in a loop", "map(1..1000, tag[1:2])", slow},
		{"lines in a loop", "map(1..1000, lines(tag))", slow},
		{"trim in a loop", `map(1..1000, trim(tag, "ab"))`, slow},
		{"a large body", "map(1..1000000, [" + strings.Repeat("it,", 3000) + "1])", many},
		{"mean of shared", "mean(" + double(26, "[1, 1]", "[?, ?]") + ")", slowOr(slow, fat)},
		// lists
		{"range", "range(1000001)", "a range has at most 1000000 numbers, this one has 1000001"},
		{"range over all", "range(-9223372036854775807, 9223372036854775807)", "a range has at most 1000000 numbers, this one has 18446744073709551614"},
		{"range backwards", "range(9223372036854775807, -9223372036854775807, -2)", "a range has at most 1000000 numbers, this one has 9223372036854775807"},
		{"..", "0..1000000000", "a range has at most 1000000 numbers, this one has 1000000001"},
		{".. over all", "-9223372036854775807..9223372036854775807", "a range ends below 9223372036854775807"},
		{"ranges in a loop", "map(1..1000, range(100000))", fat},
		{"product", "product(x, x)", "product has more than 1000000 combinations"},
		{"product of many", "product(z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z, z)", "product has more than 1000000 combinations"},
		{"concat doubling", "reduce(1..100, concat(#acc, #acc), [1])", fat},
		{"flatten of shared", "flatten(" + double(26, "[1, 1]", "[?, ?]") + ")", slowOr(slow, fat)},
		{"equal of shared", "let p = (" + double(24, "[1, 1]", "[?, ?]") + "); let q = map(p, it); p == q", slow},
		{"shared result", double(26, "[1, 1]", "[?, ?]"), result},
		{"shared texts", double(12, "tag", "[?, ?]"), "the result has more than 64 MiB of text"},
		{"map of lists", "map(1..100000, map(1..100, 1))", slowOr(many, slow)},
		{"deep result", "reduce(1..100000, [#acc], 1)", deep},
		{"deep maps", "reduce(1..100000, ({a: #acc}), 1)", deep},
		{"deep toJSON", "len(toJSON(reduce(1..100000, [#acc], 1)))", deep},
		{"deep flatten", "flatten(reduce(1..100000, [#acc], [1]))", deep},
		{"deep equal", "reduce(1..100000, [#acc], 1) == reduce(1..100000, [#acc], 1)", deep},
		{"deep JSON", `fromJSON(repeat("[", 100000))`, deep},
		{"long JSON", `fromJSON("[" + repeat("0,", 4000000) + "0]")`, slowOr(fat, slow)},
	}
	env := big()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			v, err := program(t, test.src, expr.Any).Eval(env)
			if d := time.Since(start); d > patience {
				t.Errorf("took %v", d)
			} else {
				t.Logf("%v", d.Round(time.Millisecond))
			}
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *event.Error
			if !errors.As(err, &e) {
				t.Fatalf("no error but a %T", v)
			}
			if !strings.Contains(test.want, e.Message) {
				t.Errorf("\ngot  %s\nwant %s", e.Message, test.want)
			}
		})
	}
}

// slowOr lists bounds of which either may come first.
func slowOr(texts ...string) string { return strings.Join(texts, " | ") }

// TestLoadGuards has texts that would make the parser or the checker take exponential time.
func TestLoadGuards(t *testing.T) {
	nest := func(n int, left, right string) string {
		return strings.Repeat(left, n) + "x" + strings.Repeat(right, n)
	}
	for name, src := range map[string]string{
		"chained comparisons": nest(60, "(1 < ", " < 3)"),
		"shared in the left":  nest(60, "(", " ?: 1)"),
		"brackets":            strings.Repeat("[", 60_000),
		"negations":           strings.Repeat("!", 60_000) + "x",
		"signs":               strings.Repeat("-", 60_000) + "x",
		"conditions":          strings.Repeat("x?", 30_000) + "x",
		"members":             "x" + strings.Repeat(".a", 30_000),
		"powers":              strings.Repeat("x**", 20_000) + "x",
		"lets":                strings.Repeat("let a=1;", 8000) + "x",
		"pipes":               "x" + strings.Repeat("|f()", 15_000),
		"ifs":                 strings.Repeat("if x {1} else ", 4000) + "2",
		"quotes":              strings.Repeat(`"`, 60_001),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			e, errs := expr.Parse(src, at)
			if e != nil {
				_, errs = e.Check(names, expr.Any)
			}
			if len(errs) == 0 {
				t.Error("accepted")
			}
			if d := time.Since(start); d > patience {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestSameEveryTime has what would follow the order of Go's maps.
func TestSameEveryTime(t *testing.T) {
	env := big()
	for _, src := range []string{
		"keys(y)", "values(y)", "toPairs(y)", "toJSON(y)", "string(y)", "keys(groupBy(x, it % 100))", "values(groupBy(x, it % 100))",
		"map(keys(y), len(it))",
	} {
		p := program(t, src, expr.Any)
		first, err := p.Eval(env)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			again, err := p.Eval(env)
			if d := cmp.Diff(first, again); err != nil || d != "" {
				t.Fatalf("%s: %v %s", src, err, d)
			}
		}
	}
}

// TestCanonical: nothing else than JSON comes out, whatever went in, and a given value is not changed.
func TestCanonical(t *testing.T) {
	env := environment()
	env["x"] = []any{math.NaN()}
	if v, err := program(t, "[x]", expr.Any).Eval(env); err == nil {
		t.Errorf("NaN came out: %v", v)
	}
	given := []any{1, date()}
	env["x"] = given
	v, err := program(t, "[x, x]", expr.Any).Eval(env)
	want := []any{1, "2024-01-01T00:00:00Z"}
	if d := cmp.Diff([]any{want, want}, v); err != nil || d != "" {
		t.Error(err, d)
	}
	if given[1] != date() {
		t.Error("the given list was changed")
	}
}

func date() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// TestParallel runs one program in several goroutines, the first evaluation included.
func TestParallel(t *testing.T) {
	p, env := program(t, "map(z, it + shard)", expr.Any), environment()
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := p.Eval(env)
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// FuzzEval: no text makes Parse, Check or Eval panic or hang, and no error shows the insides of the library.
func FuzzEval(f *testing.F) {
	for _, src := range []string{
		"steps.build.status", "map(z, it + # + #index)", `"a" + tag[1:] matches "x*"`, "let a = 1; a ?? b", "if x {1} else {2}",
		"sum(1..10) % 3 ** 2 in [1, 2.5, null]", `{a: 1, ("b"): [date("2024-01-01").Year()]}`, "x?.a[0]?.b | len()", "::now()",
		"sortBy(groupBy(z, it), it.x, 'desc')", "reduce(z, #acc + it) ?: 1 < 2 < 3", "fromJSON(toJSON(y)) == y", "not x contains `a`",
		"range(1,2,3) | product(z) | zip(words)", "env.NONE ?? env?.X", "b'x'", "$env", "0x1F + 1_000 + .5e3", "y.a[:1][-1]", "z | count() | get(1)",
	} {
		f.Add(src)
	}
	env := environment()
	f.Fuzz(func(t *testing.T, src string) {
		start := time.Now()
		e, errs := expr.Parse(src, at)
		if e == nil && len(errs) == 0 {
			t.Fatal("neither an expression nor an error")
		}
		if e != nil {
			p, _ := e.Check(names, expr.Any)
			if p != nil {
				checkResult(t, p, env)
			}
		}
		for _, d := range errs {
			if strings.Contains(d.Text, "runtime error") {
				t.Fatal(d)
			}
		}
		if d := time.Since(start); d > patience {
			t.Fatalf("took %v", d)
		}
	})
}

func checkResult(t *testing.T, p *expr.Program, env object) {
	v, err := p.Eval(env)
	if err != nil {
		var e *event.Error
		if !errors.As(err, &e) || e.Type != event.ExpressionError {
			t.Fatalf("%T %v", err, err)
		}
		for _, inside := range []string{"runtime error", "reflect", "interface conversion", "stack underflow", "goroutine", "nil pointer"} {
			if strings.Contains(e.Message, inside) {
				t.Fatal(err)
			}
		}
		return
	}
	if _, err := event.Marshal(v); err != nil {
		t.Fatal(err)
	}
}
