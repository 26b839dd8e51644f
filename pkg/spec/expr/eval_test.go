package expr_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// at places offsets on one line: column 1 is offset 0.
func at(offset int) diag.Pos { return diag.Pos{Line: 1, Col: offset + 1} }

type object = map[string]any

// names are what the tests may use; x, y and z are of any type.
var names = map[string]expr.Type{
	"x": {}, "y": {}, "z": {}, "shard": {Kind: expr.Int}, "ok": {Kind: expr.Bool}, "tag": {Kind: expr.String},
	"ratio": {Kind: expr.Float}, "words": {Kind: expr.List, Elem: &expr.Type{Kind: expr.String}},
	"env": {Kind: expr.Map},
	"inputs": {Kind: expr.Map, Fields: map[string]expr.Type{
		"n": {Kind: expr.Int}, "tag": {Kind: expr.String}, "any": {},
		"sizes": {Kind: expr.List, Elem: &expr.Type{Kind: expr.Map, Fields: map[string]expr.Type{
			"name": {Kind: expr.String}, "size": {Kind: expr.Int},
		}}},
	}},
	"steps": {Kind: expr.Map, Fields: map[string]expr.Type{
		"build": {Kind: expr.Map, Fields: map[string]expr.Type{
			"status": {Kind: expr.String}, "value": {}, "stdout": {Kind: expr.String}, "exit_code": {Kind: expr.Int},
			"error": {Kind: expr.Map},
		}},
		"test": {Kind: expr.Map, Fields: map[string]expr.Type{"status": {Kind: expr.String}, "value": {}}},
	}},
}

func program(t testing.TB, src string, want expr.TypeKind) *expr.Program {
	t.Helper()
	e, errs := expr.Parse(src, at)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs)
	}
	p, errs := e.Check(names, want)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs)
	}
	return p
}

func environment() object {
	return object{
		"x": nil, "y": object{"b": 1, "a": []any{1, 2.5, "t"}}, "z": []any{3, 1, 2}, "shard": 3, "ok": true, "tag": "v1",
		"ratio": 0.5, "words": []any{"one", "two"}, "env": object{"HOME": "/home"},
		"inputs": object{"n": 4, "tag": "v2", "any": 7, "sizes": []any{
			object{"name": "s", "size": 1}, object{"name": "l", "size": 9},
		}},
		"steps": object{
			"build": object{"status": "succeeded", "value": object{"os": "linux"}, "stdout": "out", "exit_code": nil, "error": nil},
			"test":  object{"status": "skipped", "value": nil},
		},
		"success()": true, "failure()": false,
		"glob()": func(pattern string) (any, error) { return []string{"a" + pattern, "b" + pattern}, nil },
	}
}

func TestEval(t *testing.T) {
	tests := []struct {
		src  string
		want any
	}{
		// names and members
		{"shard", 3},
		{"inputs.tag", "v2"},
		{`inputs["tag"]`, "v2"},
		{"steps.build.value", object{"os": "linux"}},
		{"steps.build.value.os", "linux"},
		{"steps.build.value.none", nil},
		{"steps.test.value?.os", nil},
		{"steps.test.value?.os.deep", nil},
		{"[1, steps.test.value?.os.deep, 2]", []any{1, nil, 2}},
		{`steps[tag == "v1" ? "build" : "test"].status`, "succeeded"},
		{"y.a[0]", 1},
		{"y.a[-1]", "t"},
		{"y.a[1:]", []any{2.5, "t"}},
		{"y.a[:-1]", []any{1, 2.5}},
		{"env.HOME", "/home"},
		{`default(env.NONE, "d")`, "d"},
		{`env.NONE ?? "d"`, "d"},
		{`env?.NONE`, nil},
		{`default(env["NONE"], env.HOME)`, "/home"},
		{`"NONE" in env`, false},
		{`"HOME" in env`, true},
		{"null", nil},
		{"x == null", true},
		{"default(x, 1)", 1},
		{"default(0, 1)", 0},
		{"success()", true},
		{"!failure() and success()", true},
		{`glob("*.go")`, []any{"a*.go", "b*.go"}},

		// operators
		{"1 + 2 * 3", 7},
		{"7 / 2", 3.5},
		{"4 / 2", 2.0},
		{"2 ** 3", 8.0},
		{"7 % 3", 1},
		{"-shard", -3},
		{"1.5 + 1", 2.5},
		{`"a" + "b"`, "ab"},
		{"1 == 1.0", true},
		{"[1, [2]] == [1.0, [2]]", true},
		{`{"a": 1} == {"a": 1.0}`, true},
		{`{"a": 1} != {"a": 2}`, true},
		{"steps.build.exit_code == 0", false},
		{"steps.build.exit_code != 0", true},
		{"steps.build.exit_code == shard", false},
		{"2 in z", true},
		{"5 not in z", true},
		{`tag in ["v1", "v2"]`, true},
		{"1 in x", false},
		{`"abc" contains "b"`, true},
		{`"abc" startsWith "a" and "abc" endsWith "c"`, true},
		{`"abc" matches "^a.c$"`, true},
		{`x matches "a"`, false},
		{"1 < shard < 5", true},
		{"1..3", []any{1, 2, 3}},
		{"3..1", []any{}},
		{"ok ? 1 : 2", 1},
		{"if ok { 1 } else { 2 }", 1},
		{"x ?? 5", 5},
		{"let a = shard + 1; a * a", 16},
		{"z | map(it + 1) | sum()", 9},
		{`{"a": 1, b: [2]}`, object{"a": 1, "b": []any{2}}},
		{`"häuser"[1:3]`, "äu"},
		{`len("häuser")`, 6},
		{`indexOf("häuser", "u")`, 2},
		{"9223372036854775806 + 1", math.MaxInt},
		{"-3 * 3074457345618258602", -9223372036854775806},

		// loops
		{"map(z, it * 2)", []any{6, 2, 4}},
		{"map(z, # * 2)", []any{6, 2, 4}},
		{"map(z, #index)", []any{0, 1, 2}},
		{"filter(inputs.sizes, it.size > 5)", []any{object{"name": "l", "size": 9}}},
		{"filter(inputs.sizes, .size > 5)[0].name", "l"},
		{"map(z, map([it], it + 1))", []any{[]any{4}, []any{2}, []any{3}}},
		{"map(z, let a = it; a + 1)", []any{4, 2, 3}},
		{"all(z, it > 0)", true},
		{"any(z, it > 2)", true},
		{"one(z, it > 2)", true},
		{"none(z, it > 3)", true},
		{"find(z, it < 3)", 1},
		{"findIndex(z, it < 3)", 1},
		{"findLast(z, it < 3)", 2},
		{"findLastIndex(z, it == 9)", nil},
		{"count(z, it > 1)", 2},
		{"count([true, false, true])", 2},
		{"sum(z)", 6},
		{"sum(z, it * 2)", 12},
		{"sum([])", 0},
		{"sum([0.5, 1])", 1.5},
		{"reduce(z, #acc + it, 10)", 16},
		{"reduce(z, #acc + it)", 6},
		{"sortBy(z, -it)", []any{3, 2, 1}},
		{`sortBy(inputs.sizes, it.name)[0].name`, "l"},
		{`sortBy(z, it, "desc")`, []any{3, 2, 1}},
		{"sortBy([[1, 2], [0, 2], [2, 1]], it[1])", []any{[]any{2, 1}, []any{1, 2}, []any{0, 2}}},
		{"groupBy(z, it > 1)", object{"true": []any{3, 2}, "false": []any{1}}},
		{`groupBy(words, it[:1])["t"]`, []any{"two"}},

		// functions
		{"range(3)", []any{0, 1, 2}},
		{"range(1, 4)", []any{1, 2, 3}},
		{"range(0, 10, 4)", []any{0, 4, 8}},
		{"range(3, 0, -1)", []any{3, 2, 1}},
		{"range(0)", []any{}},
		{"range(5, 1)", []any{}},
		{`product([1, 2], ["a", "b"])`, []any{[]any{1, "a"}, []any{1, "b"}, []any{2, "a"}, []any{2, "b"}}},
		{"product([1, 2], [])", []any{}},
		{"zip([1, 2, 3], words)", []any{[]any{1, "one"}, []any{2, "two"}}},
		{`toJSON({"b": [1, 2.5, null, true], "a": "<&>\n"})`, `{"a":"<&>\n","b":[1,2.5,null,true]}`},
		{"toJSON(1e21)", "1000000000000000000000.0"},
		{"fromJSON('[-9223372036854775808, 9223372036854775807]')", []any{math.MinInt, math.MaxInt}},
		{"fromJSON('12345678901234567890.0')", 12345678901234567890.0},
		{"fromJSON('12345678901234567890e0')", 12345678901234567890.0},
		{"fromJSON(toJSON([1e20, -1e300, 0.5]))", []any{1e20, -1e300, 0.5}},
		{"-9223372036854775808", math.MinInt},
		{"[-0x8000000000000000, -9_223_372_036_854_775_808 + 1]", []any{math.MinInt, math.MinInt + 1}},
		{"'ä' + string(-9223372036854775808)", "ä-9223372036854775808"},
		{"-shard - -ratio", -2.5},
		{`fromJSON("{\"a\": [1, 2.5, 9007199254740993, null]}")`, object{"a": []any{1, 2.5, 9007199254740993, nil}}},
		{`lines("a\r\nb\n\nc\n")`, []any{"a", "b", "", "c"}},
		{`lines("")`, []any{}},
		{`sha256("abc")`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"len(z) + len(y) + len(tag)", 7},
		{`string(1.0) + string(null) + string([1]) + string("t")`, "1null[1]t"},
		{`type(1) + type(x) + type(z) + type(y)`, "intnilarraymap"},
		{`int("12") + int(3.9)`, 15},
		{`float("1.5")`, 1.5},
		{"keys(y)", []any{"a", "b"}},
		{"values(y)[1]", 1},
		{"toPairs({b: 1, a: 2})", []any{[]any{"a", 2}, []any{"b", 1}}},
		{`fromPairs([["a", 1]])`, object{"a": 1}},
		{"first(z) + last(z)", 5},
		{"first([])", nil},
		{"take(z, 2)", []any{3, 1}},
		{"take(z, 9)", []any{3, 1, 2}},
		{"get(y, \"b\")", 1},
		{"get(z, 9)", nil},
		{"reverse(z)", []any{2, 1, 3}},
		{"sort(z)", []any{1, 2, 3}},
		{`sort(words, "desc")`, []any{"two", "one"}},
		{`uniq([1, 1.0, "1", 2, 1])`, []any{1, "1", 2}},
		{"concat(z, [4])", []any{3, 1, 2, 4}},
		{"flatten([1, [2, [3]]])", []any{1, 2, 3}},
		{"max(z) + min(1, 2.5)", 4},
		{"mean(z)", 2.0},
		{"median([1, 2, 3, 10])", 2.5},
		{"abs(-2) + abs(shard)", 5},
		{"round(2.5)", 3.0},
		{"floor(2.5) + ceil(2.5)", 5.0},
		{"bitand(6, 3)", 2},
		{"bitshl(1, 4)", 16},
		{`trim("  a ") + trim("xax", "x")`, "aa"},
		{`trimPrefix("v1", "v") + trimSuffix("a.go", ".go")`, "1a"},
		{`upper("a") + lower("B")`, "Ab"},
		{`split("a,b,c", ",")`, []any{"a", "b", "c"}},
		{`split("a,b,c", ",", 2)`, []any{"a", "b,c"}},
		{`splitAfter("a,b", ",")`, []any{"a,", "b"}},
		{`replace("aaa", "a", "b")`, "bbb"},
		{`replace("aaa", "a", "b", 1)`, "baa"},
		{`repeat("ab", 2)`, "abab"},
		{`join(words, ", ")`, "one, two"},
		{`join(map(z, string(it)))`, "312"},
		{`hasPrefix("ab", "a") and hasSuffix("ab", "b")`, true},
		{`lastIndexOf("abab", "b")`, 3},
		{`indexOf("ab", "z")`, -1},
		{`fromBase64(toBase64("hé"))`, "hé"},
		{`date("2024-02-29")`, "2024-02-29T00:00:00Z"},
		{`date("2024-02-29T10:00:00+02:00").Hour()`, 8},
		{`date("2024-02-29").Year() + int(date("2024-02-29").Month())`, 2026},
		{`date("2024-03-01") - date("2024-02-29") == duration("24h")`, true},
		{`duration("1m30s")`, 90.0},
		{`date("2024-02-29").Format("02.01.2006")`, "29.02.2024"},
		{`len("a // b") // a comment`, 6},
	}
	for _, test := range tests {
		t.Run(test.src, func(t *testing.T) {
			got, err := program(t, test.src, expr.Any).Eval(environment())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestEvalErrors has what goes wrong when an expression runs. Each of them passes the check.
func TestEvalErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{"env.NONE", "env.NONE is not set"},
		{`env["NO" + "NE"]`, "env.NONE is not set"},
		{`env.NONE + "x"`, "env.NONE is not set"},
		{"x.a", `cannot read "a" of null`},
		{"steps.test.value.a.b", `cannot read "a" of null`},
		{"y.b.c", `cannot read "c" of the number 1`},
		{"z[3]", "the list has no element 3: it has 3"},
		{"z[-4]", "the list has no element -4: it has 3"},
		{"z[y]", "the place in a list is a whole number, got a map"},
		{"y[z]", "the key of a map is text, got a list"},
		{"inputs.any[0]", "cannot take element 0 of the number 7"},
		{"inputs.any[:2]", "only a list or a text has a slice, not the number 7"},
		{"1 / 0", "division by zero"},
		{"1 % 0", "division by zero"},
		{"0.0 / 0", "division by zero"},
		{"2 ** 5000", "the expression computes +Inf, which is not a number"},
		{"1e308 * 10", "the expression computes +Inf, which is not a number"},
		{"9223372036854775807 + 1", "9223372036854775807 + 1 does not fit into 64 bits"},
		{"-9223372036854775807 - 2", "-9223372036854775807 - 2 does not fit into 64 bits"},
		{"9223372036854775807 * -2", "9223372036854775807 * -2 does not fit into 64 bits"},
		{"sum([9223372036854775807, 1])", "9223372036854775807 + 1 does not fit into 64 bits"},
		{`float("inf")`, `float: the text "inf" is not a number`},
		{`float("NaN")`, `float: the text "NaN" is not a number`},
		{`int("99999999999999999999")`, `int: the text "99999999999999999999" is not a whole number of 64 bits`},
		{"int(1e300)", "int: 1e+300 does not fit into 64 bits"},
		{"x + 1", "+ does not go with null and a whole number"},
		{"1 < steps.test.value", "< does not go with a whole number and null"},
		{"x and true", "true or false is wanted, got null"},
		{"y or true", "true or false is wanted, got a map"},
		{"not inputs.any", "true or false is wanted, got a whole number"},
		{"inputs.any ? 1 : 2", "true or false is wanted, got a whole number"},
		{"inputs.any contains \"a\"", "text is wanted, got a whole number"},
		{"map(x, it)", "map wants a list, got null"},
		{"filter(y, it)", "filter wants a list, got a map"},
		{"filter(z, inputs.any)", "true or false is wanted, got a whole number"},
		{"count(z)", "count without a condition wants a list of true and false, got the number 3"},
		{"groupBy(z, [it])", "groupBy wants a text, a number or true or false to group by, got a list"},
		{`sortBy(z, it, "up")`, `the order is asc or desc, got "up"`},
		{"sort([1, null])", "sort cannot order null"},
		{`sort([1, "a"])`, "< does not go with text and a whole number"},
		{"reduce([], #acc + it)", "reduce of empty array with no initial value"},
		{"range(1, 5, 0)", "the step of a range must not be 0"},
		{"take(z, -1)", "take wants a number of elements, got -1"},
		{"len(x)", "len wants a text, a list or a map, got null"},
		{"len(inputs.any)", "len wants a text, a list or a map, got the number 7"},
		{"upper(inputs.any)", "upper wants text, got the number 7"},
		{"join(z)", "join wants a list of texts, got the number 3 in it"},
		{`repeat("a", -1)`, "repeat wants a number of times, got -1"},
		{"fromJSON('12345678901234567890')", "fromJSON: 12345678901234567890 does not fit 64 bits"},
		{"fromJSON('[-9223372036854775809]')", "fromJSON: -9223372036854775809 does not fit 64 bits"},
		{"fromJSON('{\"a\": [1e400]}')", "fromJSON: 1e400 does not fit 64 bits"},
		{"-x", "- wants a number, got null"},
		{"-(-9223372036854775808)", "-(-9223372036854775808) does not fit into 64 bits"},
		{"1 - -9223372036854775808", "1 - -9223372036854775808 does not fit into 64 bits"},
		{`fromJSON("{")`, "fromJSON: the text ends too early"},
		{`fromJSON("1 ]")`, "fromJSON: there is more after the value"},
		{`fromJSON("1 2")`, "fromJSON: there is more after the value"},
		{`fromJSON("")`, "fromJSON: the text ends too early"},
		{`fromBase64("?")`, `fromBase64: the text "?" is not base64`},
		{`fromBase64("/w==")`, "fromBase64 gives bytes that are not text"},
		{`date("x")`, `the text "x" is not a date`},
		{`duration("5 minutes")`, `"5 minutes" is not a duration such as 500ms or 1h30m`},
		{"fromPairs([[1, 2]])", "the key of a map is text, got the number 1"},
		{`x in "abc"`, "`in` wants a list or a map, got the text \"abc\"; for a part of a text write contains"},
		{"bitshl(1, -1)", "a shift must not be negative, got -1"},
		{`max("a", "b")`, `max wants numbers, got the text "a"`},
		{`tag matches tag + "("`, "error parsing regexp: missing closing ): `v1(`"},
		{"{(tag): 1}[x]", "the key of a map is text, got null"},
	}
	for _, test := range tests {
		t.Run(test.src, func(t *testing.T) {
			v, err := program(t, test.src, expr.Any).Eval(environment())
			var e *event.Error
			if !errors.As(err, &e) {
				t.Fatalf("no error but %v", v)
			}
			if e.Type != event.ExpressionError || e.Message != test.want || e.Fields != nil {
				t.Errorf("got  %v\nwant %s", e, test.want)
			}
		})
	}
}

// TestWant has the kinds that places want, where only the run can tell.
func TestWant(t *testing.T) {
	tests := []struct {
		src  string
		want expr.TypeKind
		v    any
		err  string
	}{
		{"inputs.any > 3", expr.Bool, true, ""},
		{"inputs.any", expr.Bool, nil, "true or false is wanted here, got the number 7"},
		{"x", expr.Bool, nil, "true or false is wanted here, got null"},
		{"default(x, tag)", expr.Bool, nil, `true or false is wanted here, got the text "v1"`},
		{"inputs.n / 2", expr.Int, 2, ""},
		{"shard / 2", expr.Int, nil, "a whole number is wanted here, got the number 1.5"},
		{"shard", expr.Float, 3.0, ""},
		{"inputs.any", expr.String, nil, "text is wanted here, got the number 7"},
		{"z", expr.List, []any{3, 1, 2}, ""},
		{"y", expr.List, nil, "a list is wanted here, got a map"},
		{"x", expr.Map, nil, "a map is wanted here, got null"},
		{
			"repeat(default(x, tag), 100)", expr.Bool, nil,
			`true or false is wanted here, got the text "` + strings.Repeat("v1", 20) + `"...`,
		},
	}
	for _, test := range tests {
		t.Run(test.src, func(t *testing.T) {
			// The type of what is computed must not be known here.
			v, err := program(t, "get(["+test.src+"], 0)", test.want).Eval(environment())
			if test.err != "" {
				if err == nil || err.Error() != "ExpressionError: "+test.err {
					t.Errorf("got %v, %v\nwant %s", v, err, test.err)
				}
				return
			}
			if d := cmp.Diff(test.v, v); err != nil || d != "" {
				t.Error(err, d)
			}
		})
	}
}

func TestPoison(t *testing.T) {
	cut := event.Errorf(event.OutputError, "the output of build was cut")
	env := environment()
	env["steps"].(object)["build"].(object)["stdout"] = expr.Poison{Err: cut}
	env["z"] = []any{1, expr.Poison{Err: cut}}
	env["shard"] = expr.Poison{Err: cut}
	bad := []string{
		"steps.build.stdout", `steps["build"].stdout`, `steps[tag == "v1" ? "build" : ""].stdout`, `steps.build.stdout + "x"`,
		`steps.build.stdout == "x"`, `get(steps.build, "stdout")`, "values(steps.build)", "toJSON(steps)", "steps.build", "steps",
		"[steps]", "map([steps], it.build)", "map(z, 1)", "z[1]", "last(z)", "[z]", "z == [1, 2]", "shard", "shard == 1", "string(shard)",
		"len(steps.build.stdout)", "steps.build.stdout matches tag", "uniq(z)", "2 in z", "toPairs(steps.build)", "sum(z)", "sort(z)",
	}
	for _, src := range bad {
		_, err := program(t, src, expr.Any).Eval(env)
		var e *event.Error
		if !errors.As(err, &e) || e != cut {
			t.Errorf("%s: %v", src, err)
		}
	}
	good := []string{
		"steps.build.status", `ok or steps.build.stdout == ""`, "len(steps.build)", "len(z)", "z[0]", "keys(steps.build)", "first(z)",
	}
	for _, src := range good {
		if _, err := program(t, src, expr.Any).Eval(env); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}
