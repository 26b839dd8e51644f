package expr_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// TestRefused has what is wrong with the text itself and with its names and types. The column is that in the expression.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300)
	tests := []struct {
		src  string
		want expr.TypeKind
		err  string
	}{
		// syntax
		{"", expr.Any, "1:1: error[expression-syntax]: the expression is empty"},
		{"  ", expr.Any, "1:1: error[expression-syntax]: the expression is empty"},
		{"1 +", expr.Any, `1:4: error[expression-syntax]: the expression ends too early (something must follow "+")`},
		{"map(x, it", expr.Any, `1:10: error[expression-syntax]: the expression ends too early (is a ")" missing?)`},
		{"1 + )", expr.Any, `1:5: error[expression-syntax]: unexpected ")"`},
		{"x = 1", expr.Any, `1:3: error[expression-syntax]: unexpected "=" (to compare, write ==)`},
		{"x & y", expr.Any, `1:3: error[expression-syntax]: unexpected "&" (write && or and)`},
		{"1 2", expr.Any, `1:3: error[expression-syntax]: unexpected "2"`},
		{`"äöü" + + )`, expr.Any, `1:14: error[expression-syntax]: unexpected ")"`},
		{`x + "abc`, expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"x + 'a\nb'", expr.Any, "1:5: error[expression-syntax]: a text in an expression stands on one line " +
			`(for a line break write \n, which in a YAML text in double quotes is \\n, or put the text in backquotes)`},
		{"x + 'a }}\nb'", expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{`'a\qb'`, expr.Any, "1:3: error[expression-syntax]: there is no such escape in a text (for a backslash write \\\\, or put the text in backquotes)"},
		{"x /* y", expr.Any, "1:3: error[expression-syntax]: the comment that begins here has no end"},
		{"x ~ y", expr.Any, `1:3: error[expression-syntax]: unexpected "~"`},
		{"map(x, # + 1, 2)", expr.Any, `1:15: error[expression-syntax]: unexpected "2"`},
		{"__budget", expr.Any, "1:1: error[expression-syntax]: names that begin with __ are reserved (__budget)"},
		{"__tick(1, 2)", expr.Any, "1:1: error[expression-syntax]: names that begin with __ are reserved (__tick)"},
		{"1 | __read()", expr.Any, "1:5: error[expression-syntax]: names that begin with __ are reserved (__read)"},
		{"let __x = 1; 2", expr.Any, "1:5: error[expression-syntax]: names that begin with __ are reserved (__x)"},
		{"$env", expr.Any, "1:1: error[expression-syntax]: $env is not in the language: write the name itself"},
		{`$env["x"]`, expr.Any, "1:1: error[expression-syntax]: $env is not in the language: write the name itself"},
		{`b"x"`, expr.Any, `1:1: error[expression-syntax]: b"..." is not in the language`},
		{"x.foo()", expr.Any, "1:3: error[expression-syntax]: only functions can be called: write f(x), not x.f()"},
		{`date("2024-01-01").Local()`, expr.Any, "1:20: error[expression-syntax]: only functions can be called: write f(x), not x.f()"},
		{"1 < len(z) < 3", expr.Any, `1:5: error[expression-syntax]: this is too much for the middle of "a < b < c" (write "a < b and b < c")`},
		{"len(z) ?: 3", expr.Any, `1:1: error[expression-syntax]: this is too much for the middle of "a ?: b" (write "a ?? b")`},
		{deep, expr.Any, "1:201: error[expression-syntax]: the expression is nested more than 200 deep"},
		{strings.Repeat("1+", 8000) + "1", expr.Any, "1:10002: error[expression-syntax]: the expression has more than 10000 parts"},
		{strings.Repeat(" ", 70_000) + "1", expr.Any, "1:65537: error[expression-syntax]: the expression is longer than 64 KiB"},
		{"\xff", expr.Any, "1:1: error[expression-syntax]: the expression is not UTF-8"},

		// numbers
		{"9223372036854775808", expr.Any, "1:1: error[expression-syntax]: 9223372036854775808 does not fit 64 bits"},
		{"x - 9223372036854775808", expr.Any, "1:5: error[expression-syntax]: 9223372036854775808 does not fit 64 bits"},
		{"9223372036854775808 + -9223372036854775808", expr.Any, "1:1: error[expression-syntax]: 9223372036854775808 does not fit 64 bits"},
		{"-9223372036854775809", expr.Any, "1:2: error[expression-syntax]: 9223372036854775809 does not fit 64 bits"},
		{"'ä' + 0x8000000000000000 + 1", expr.Any, "1:8: error[expression-syntax]: 0x8000000000000000 does not fit 64 bits"},
		{"1 + 1_000_000_000_000_000_000_000 5", expr.Any, "1:5: error[expression-syntax]: 1_000_000_000_000_000_000_000 does not fit 64 bits"},
		{"0b" + strings.Repeat("1", 65), expr.Any, "1:1: error[expression-syntax]: 0b" + strings.Repeat("1", 38) + "... does not fit 64 bits"},
		{"[1, 1e400]", expr.Any, "1:5: error[expression-syntax]: 1e400 does not fit 64 bits"},
		{"1e", expr.Any, "1:1: error[expression-syntax]: 1e is not a number"},
		{"1 + 12ab", expr.Any, `1:5: error[expression-syntax]: "12ab" is not a number`},

		// names
		{"nope", expr.Any, "1:1: error[unknown-name]: nope is not a name here (there are ok, env, steps and 8 more)"},
		{"shrad + 1", expr.Any, "1:1: error[unknown-name]: shrad is not a name here (did you mean shard?)"},
		{"1 + foo + bar + foo", expr.Any, "1:5: error[unknown-name]: foo is not a name here (there are ok, env, tag and 8 more)\n" +
			"1:11: error[unknown-name]: bar is not a name here (there are tag, env, ok and 8 more)"},
		{"len", expr.Any, "1:1: error[unknown-name]: len is not a name here (it is a function: write len(...))"},
		{"map([1], len)", expr.Any, "1:10: error[unknown-name]: len is not a name here (it is a function: write len(...))"},
		{"it + 1", expr.Any, "1:1: error[unknown-name]: it is the element inside map, filter and the like; here there is none"},
		{"steps.biuld.status", expr.Any, `1:7: error[unknown-field]: steps has no field "biuld" (did you mean build?)`},
		{`steps["biuld"].status`, expr.Any, `1:7: error[unknown-field]: steps has no field "biuld" (did you mean build?)`},
		{"steps.test.stdout + steps.x.y", expr.Any, `1:12: error[unknown-field]: steps.test has no field "stdout" (there are status and value)` + "\n" +
			`1:27: error[unknown-field]: steps has no field "x" (there are build and test)`},
		{"steps?.nope", expr.Any, `1:8: error[unknown-field]: steps has no field "nope" (there are build and test)`},
		{"map(inputs.sizes, it.nam)", expr.Any, `1:22: error[unknown-field]: this has no field "nam" (did you mean name?)`},
		{"nope() + lenn(x)", expr.Any, "1:1: error[unknown-function]: there is no function nope (did you mean none?)\n" +
			"1:10: error[unknown-function]: there is no function lenn (did you mean len?)"},
		{"now()", expr.Any, "1:1: error[unknown-function]: there is no function now (expressions know no clock; run.started_at is when the run began)"},
		{"::now()", expr.Any, "1:3: error[unknown-function]: there is no function now (expressions know no clock; run.started_at is when the run began)"},
		{`timezone("Europe/Berlin")`, expr.Any, "1:1: error[unknown-function]: there is no function timezone (expressions know no clock; run.started_at is when the run began)"},
		{"x(1)", expr.Any, "1:1: error[unknown-function]: there is no function x (there are max, abs, all and 75 more)"},
		{"let f = 1; f(2)", expr.Any, "1:12: error[unknown-function]: there is no function f (there are abs, all, any and 75 more)"},

		// types
		{"shard + tag", expr.Any, "1:7: error[expression-type]: + does not go with a whole number and text (for a text write string(shard))"},
		{`shard == "3"`, expr.Any, "1:7: error[expression-type]: == does not go with a whole number and text (without its quotes 3 is a number)"},
		{`tag == "äö" and shard < tag`, expr.Any, "1:25: error[expression-type]: < does not go with a whole number and text (for a number write int(tag))"},
		{"inputs.n + inputs.sizes", expr.Any, "1:10: error[expression-type]: + does not go with a whole number and a list"},
		{"upper(shard)", expr.Any, "1:7: error[expression-type]: upper wants text, got a whole number"},
		{"upper(null)", expr.Any, "1:7: error[expression-type]: upper wants text, got null"},
		{"upper()", expr.Any, "1:1: error[expression-type]: not enough arguments to call upper"},
		{"success(1)", expr.Any, "1:1: error[expression-type]: too many arguments to call success"},
		{"map(shard, it)", expr.Any, "1:5: error[expression-type]: map wants a list, got a whole number"},
		{"filter(words, it + \"a\")", expr.Any, "1:15: error[expression-type]: true or false is wanted for every element, but this is text"},
		{"map(words, it + 1)", expr.Any, "1:15: error[expression-type]: + does not go with text and a whole number (for a text write string(1))"},
		{"map(words, # + 1)", expr.Any, "1:14: error[expression-type]: + does not go with text and a whole number (for a text write string(1))"},
		{`tag matches "("`, expr.Any, "1:5: error[expression-type]: error parsing regexp: missing closing ): `(`"},
		{"shard ? 1 : 2", expr.Any, "1:1: error[expression-type]: the condition must be true or false, but this is a whole number (compare it: shard != 0)"},
		{"default(1)", expr.Any, "1:1: error[expression-type]: default wants 2 arguments, got 1"},
		{"#", expr.Any, `1:1: error[expression-syntax]: unexpected "#" (# is the element inside map, filter and the like)`},
		{"date(\"2024-01-01\", tag, tag)", expr.Any, "1:1: error[expression-type]: too many arguments to call date"},
		{"shard", expr.Bool, "1:1: error[expression-type]: true or false is wanted here, but shard is a whole number"},
		{"tag + tag", expr.Bool, "1:1: error[expression-type]: true or false is wanted here, but this is text"},
		{"null", expr.Bool, "1:1: error[expression-type]: true or false is wanted here, but this is null"},
		{"ok", expr.Int, "1:1: error[expression-type]: a whole number is wanted here, but ok is true or false"},
		{"inputs", expr.List, "1:1: error[expression-type]: a list is wanted here, but inputs is a map"},
		{"{a: 1}", expr.String, "1:1: error[expression-type]: text is wanted here, but this is a map"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.60s", test.src), func(t *testing.T) {
			e, errs := expr.Parse(test.src, at)
			if len(errs) == 0 {
				_, errs = e.Check(names, test.want)
			}
			if got := errs.Error(); got != test.err {
				t.Errorf("\ngot  %s\nwant %s", got, test.err)
			}
		})
	}
}

// TestNewcomers has what people write who know other languages: the message says what to write instead.
func TestNewcomers(t *testing.T) {
	tests := []struct{ src, err string }{
		{"x++", `1:4: error[expression-syntax]: the expression ends too early (there is no ++: nothing can be changed, write x + 1)`},
		{`inputs.n == "3" and`, `1:20: error[expression-syntax]: the expression ends too early (something must follow "and")`},
		{"x === y", `1:5: error[expression-syntax]: unexpected "=" (write ==)`},
		{"x !== y", `1:5: error[expression-syntax]: unexpected "=" (write !=)`},
		{"x <> y", `1:4: error[expression-syntax]: unexpected ">" (write !=)`},
		{"x =~ 'a'", `1:3: error[expression-syntax]: unexpected "=" (write matches)`},
		{"x is null", `1:3: error[expression-syntax]: unexpected "is" (to compare, write ==)`},
		{"if x then y else z", `1:6: error[expression-syntax]: unexpected "then" (write x ? a : b)`},
		{"if(ok, 1, 2)", `1:6: error[expression-syntax]: unexpected "," (write x ? a : b)`},
		{"ok ? 1", `1:7: error[expression-syntax]: the expression ends too early (a condition has two values: write x ? a : b)`},
		{"contains(x, y)", `1:1: error[expression-syntax]: unexpected "contains" (contains stands between two texts: write a contains b)`},
		{"startsWith(x,'y')", `1:1: error[expression-syntax]: unexpected "startsWith" (startsWith stands between two texts: write a startsWith b)`},
		{"x | upper", `1:10: error[expression-syntax]: the expression ends too early (write | upper())`},
		{"len x", `1:5: error[expression-syntax]: unexpected "x" (write len(x))`},
		{"map(z, x => x + 1)", `1:10: error[expression-syntax]: unexpected "=" (as in map(list, it + 1), it is the element)`},
		{"[x for x in z]", `1:4: error[expression-syntax]: unexpected "for" (write map(list, it + 1) or filter(list, it > 1))`},
		{"x[0", `1:4: error[expression-syntax]: the expression ends too early (is a "]" missing?)`},
		{"words.0", `1:6: error[expression-syntax]: unexpected ".0" (an element is read with its place in brackets: [0])`},
		{"“a”", `1:1: error[expression-syntax]: unexpected "“" (a text stands in " or ')`},
		{"10s", `1:1: error[expression-syntax]: "10s" is not a number (a duration is written duration("10s"))`},
		{"${VAR}", `1:2: error[expression-syntax]: unexpected "{" (a variable of the environment is read with env.NAME)`},

		{"$VAR", `1:1: error[unknown-name]: $VAR is not a name here (write env.VAR)`},
		{"github.ref", `1:1: error[unknown-name]: github is not a name here (GitHub's CI has it as a variable: write env.GITHUB_REF)`},
		{"matrix.os", `1:1: error[unknown-name]: matrix is not a name here (the variables of a for have their own names: matrix.os is os)`},
		{"needs.build.result", `1:1: error[unknown-name]: needs is not a name here (write steps.build.status)`},
		{"needs.build.outputs.image", `1:1: error[unknown-name]: needs is not a name here (write steps.build.outputs)`},
		{"github.event.inputs.tag", `1:1: error[unknown-name]: github is not a name here (write inputs.tag)`},
		{"vars.REGION", `1:1: error[unknown-name]: vars is not a name here (write env.REGION)`},
		{"workflow.parameters.A", `1:1: error[unknown-name]: workflow is not a name here (write inputs.A)`},
		{"x == True", `1:6: error[unknown-name]: True is not a name here (write true)`},
		{"x == None", `1:6: error[unknown-name]: None is not a name here (write null)`},
		{"inputs.tag == production", `1:15: error[unknown-name]: production is not a name here (a text stands in quotes: 'production')`},
		{"format('{0}', x)", `1:1: error[unknown-function]: there is no function format (put texts together with +, or write the value as "a ${{ x }} b")`},
		{"always()", `1:1: error[unknown-function]: there is no function always (what runs always stands in finally)`},
		{"!steps.build.ok", `1:14: error[unknown-field]: steps.build has no field "ok" ` +
			`(write steps.build.status == "succeeded")`},
		{"steps.build.outputs.x", `1:13: error[unknown-field]: steps.build has no field "outputs" ` +
			`(write steps.build.value)`},
		{"steps.build.stdout.length", `1:20: error[unknown-field]: steps.build.stdout is text and has no field "length" (write len(steps.build.stdout))`},
		{"words.first", `1:7: error[unknown-field]: words is a list and has no field "first" (an element is read with its place: words[0])`},
		{"ok.a", `1:4: error[unknown-field]: ok is true or false and has no field "a"`},

		{"'a' + 1", `1:5: error[expression-type]: + does not go with text and a whole number (for a text write string(1))`},
		{"null + 1", `1:6: error[expression-type]: + does not go with null and a whole number`},
		{"tag == 3", `1:5: error[expression-type]: == does not go with text and a whole number (for a number write int(tag))`},
		{"tag contains 3", `1:5: error[expression-type]: contains does not go with text and a whole number (write string(3))`},
		{"words contains 'a'", `1:7: error[expression-type]: contains does not go with a list and text (for an element of a list write "a" in words)`},
		{"'a' in tag", `1:5: error[expression-type]: in does not go with text and text (for a part of a text write tag contains "a")`},
		{"shard in words", `1:7: error[expression-type]: an element of the list is text, never a whole number`},
		{"words + words", `1:7: error[expression-type]: + does not go with a list and a list (write concat(words, words))`},
		{"shard and ok", `1:7: error[expression-type]: and wants true or false on both sides, got a whole number (compare it: shard != 0)`},
		{"!steps.build.status", `1:1: error[expression-type]: ! wants true or false, got text (compare it: steps.build.status == "succeeded")`},
		{"not words", `1:1: error[expression-type]: not wants true or false, got a list (compare it: len(words) > 0)`},
		{"-tag", `1:1: error[expression-type]: - wants a number, got text`},
		{"len(shard)", `1:5: error[expression-type]: len wants text, a list or a map, got a whole number`},
		{"tag[0:'a']", `1:7: error[expression-type]: a place in a list is a whole number, got text`},
		{"shard[0]", `1:6: error[expression-type]: a whole number has no elements`},
		{"let len = 1; len", `1:5: error[expression-type]: len is a function: the variable needs another name`},
		{"let a = 1; let a = 2; a", `1:16: error[expression-type]: a is the name of a variable already`},
	}
	for _, test := range tests {
		t.Run(test.src, func(t *testing.T) {
			e, errs := expr.Parse(test.src, at)
			if len(errs) == 0 {
				_, errs = e.Check(names, expr.Any)
			}
			if got := errs.Error(); got != test.err {
				t.Errorf("\ngot  %s\nwant %s", got, test.err)
			}
		})
	}
	if !slices.Contains(expr.FunctionNames(), "concat") {
		t.Error("a message names concat, which is no function")
	}
}

func TestUses(t *testing.T) {
	tests := []struct{ src, want string }{
		{"1 + 2", ""},
		{"shard", "1:shard"},
		{"steps.build.status", "1:steps.build.status"},
		{"steps.build.value.a.b", "1:steps.build.value"},
		{`steps["build"]["status"]`, "1:steps.build.status"},
		{"steps?.build?.status", "1:steps.build.status"},
		{`steps?.build["status"]`, "1:steps.build.status"},
		{"steps.build[0]", "1:steps.build"},
		{"steps[tag].status", "1:steps 7:tag"},
		{`env["HOME"] + env.PATH`, "1:env.HOME 15:env.PATH"},
		{"steps.b.value == steps.a.value", "1:steps.b.value 18:steps.a.value"},
		{"let a = steps.a; a.value + shard", "9:steps.a 28:shard"},
		{"let steps = 1; steps", ""},
		{"(let a = 1; a) + a", "18:a"},
		{"map(z, it + # + .size + y)", "5:z 25:y"},
		{"map(z, it.value.x)", "5:z"},
		{"map(z, map(it.list, it)) | map(it) | len()", "5:z"},
		{"it", "1:it"},
		{"len(x) + default(y, null)", "5:x 18:y"},
		{"x ? y.a : z.b", "1:x 5:y.a 11:z.b"},
		{"{a: x.a, (y): 1}", "5:x.a 11:y"},
		{"x[y:z]", "1:x 3:y 5:z"},
		{`"ä" + x`, "8:x"}, // in bytes, as the caller's function expects
		{"1 < x.a < 3", "5:x.a 5:x.a"},
		{"steps.build.value.f(1)", ""},
	}
	for _, test := range tests {
		t.Run(test.src, func(t *testing.T) {
			e, errs := expr.Parse(test.src, at)
			if errs != nil {
				if test.want == "" {
					return
				}
				t.Fatal(errs)
			}
			var got []string
			for _, u := range e.Uses() {
				path := slices.DeleteFunc([]string{u.Root, u.Member, u.Field}, func(s string) bool { return s == "" })
				got = append(got, fmt.Sprintf("%d:%s", u.Pos.Col, strings.Join(path, ".")))
			}
			if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestIsNameAndCalls(t *testing.T) {
	parse := func(src string) *expr.Expr {
		e, errs := expr.Parse(src, at)
		if errs != nil {
			t.Fatal(errs)
		}
		return e
	}
	if !parse(" error ").IsName("error") || parse("error.type").IsName("error") || parse("[error]").IsName("error") {
		t.Error("IsName")
	}
	e := parse("map(x, success()) and not failure()")
	if !e.Calls("success") || !e.Calls("failure") || !e.Calls("map") || e.Calls("x") || e.Calls("glob") {
		t.Error("Calls")
	}
}

// TestCheckTwice checks one expression against different names: `defaults` are checked for every step that they reach.
func TestCheckTwice(t *testing.T) {
	e, errs := expr.Parse("first(x) + 1", at)
	if errs != nil {
		t.Fatal(errs)
	}
	ints := map[string]expr.Type{"x": {Kind: expr.List, Elem: &expr.Type{Kind: expr.Int}}}
	texts := map[string]expr.Type{"x": {Kind: expr.String}}
	for range 2 {
		if _, errs := e.Check(ints, expr.Any); errs != nil {
			t.Error(errs)
		}
		if _, errs := e.Check(texts, expr.Any); errs == nil {
			t.Error("a text has a first element")
		}
	}
}

func TestFunctionNames(t *testing.T) {
	got := expr.FunctionNames()
	if !slices.IsSorted(got) || slices.Contains(got, "now") || !slices.Contains(got, "map") || !slices.Contains(got, "sha256") {
		t.Error(got)
	}
}
