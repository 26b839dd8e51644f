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
		{"1 +", expr.Any, "1:4: error[expression-syntax]: the expression ends too early"},
		{"map(x, it", expr.Any, "1:10: error[expression-syntax]: the expression ends too early"},
		{"1 + )", expr.Any, `1:5: error[expression-syntax]: unexpected ")"`},
		{"x = 1", expr.Any, `1:3: error[expression-syntax]: unexpected "=" (to compare, write ==)`},
		{"x & y", expr.Any, `1:3: error[expression-syntax]: unexpected "&" (write && or and)`},
		{"1 2", expr.Any, `1:3: error[expression-syntax]: unexpected "2"`},
		{`"äöü" + + )`, expr.Any, `1:14: error[expression-syntax]: unexpected ")"`},
		{`x + "abc`, expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"x + 'a\nb'", expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"x /* y", expr.Any, "1:3: error[expression-syntax]: the comment that begins here has no end"},
		{"x ~ y", expr.Any, "1:3: error[expression-syntax]: unrecognized character: U+007E '~'"},
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

		// names
		{"nope", expr.Any, "1:1: error[unknown-name]: nope is not a name here, there are env, inputs, ok, ratio, shard, steps, tag, words, x, y, z"},
		{"shrad + 1", expr.Any, "1:1: error[unknown-name]: shrad is not a name here (did you mean shard?)"},
		{"1 + foo + bar + foo", expr.Any, "1:5: error[unknown-name]: foo is not a name here, there are env, inputs, ok, ratio, shard, steps, tag, words, x, y, z\n" +
			"1:11: error[unknown-name]: bar is not a name here, there are env, inputs, ok, ratio, shard, steps, tag, words, x, y, z"},
		{"len", expr.Any, "1:1: error[unknown-name]: len is not a name here: it is a function (write len(...))"},
		{"map([1], len)", expr.Any, "1:10: error[unknown-name]: len is not a name here: it is a function (write len(...))"},
		{"it + 1", expr.Any, "1:1: error[unknown-name]: it is the element inside map, filter and the like; here there is none"},
		{"steps.biuld.status", expr.Any, `1:7: error[unknown-field]: steps has no field "biuld", it has build, test (did you mean build?)`},
		{`steps["biuld"].status`, expr.Any, `1:7: error[unknown-field]: steps has no field "biuld", it has build, test (did you mean build?)`},
		{"steps.test.stdout + steps.x.y", expr.Any, `1:12: error[unknown-field]: steps.test has no field "stdout", it has status, value` + "\n" +
			`1:27: error[unknown-field]: steps has no field "x", it has build, test`},
		{"steps?.nope", expr.Any, `1:8: error[unknown-field]: steps has no field "nope", it has build, test`},
		{"map(inputs.sizes, it.nam)", expr.Any, `1:22: error[unknown-field]: this has no field "nam", it has name, size (did you mean name?)`},
		{"nope() + lenn(x)", expr.Any, "1:1: error[unknown-function]: there is no function nope (did you mean none?)\n" +
			"1:10: error[unknown-function]: there is no function lenn (did you mean len?)"},
		{"now()", expr.Any, "1:1: error[unknown-function]: there is no function now (expressions know no clock; run.started_at is when the run began)"},
		{"::now()", expr.Any, "1:3: error[unknown-function]: there is no function now (expressions know no clock; run.started_at is when the run began)"},
		{`timezone("Europe/Berlin")`, expr.Any, "1:1: error[unknown-function]: there is no function timezone (expressions know no clock; run.started_at is when the run began)"},
		{"x(1)", expr.Any, "1:1: error[unknown-function]: there is no function x"},
		{"let f = 1; f(2)", expr.Any, "1:12: error[unknown-function]: there is no function f"},

		// types
		{"shard + tag", expr.Any, "1:7: error[expression-type]: + does not go with int and string"},
		{`shard == "3"`, expr.Any, "1:7: error[expression-type]: == does not go with int and string"},
		{`tag == "äö" and shard < tag`, expr.Any, "1:25: error[expression-type]: < does not go with int and string"},
		{"inputs.n + inputs.sizes", expr.Any, "1:10: error[expression-type]: + does not go with int and list"},
		{"upper(shard)", expr.Any, "1:7: error[expression-type]: upper wants string, got int"},
		{"upper(null)", expr.Any, "1:7: error[expression-type]: upper wants string, got null"},
		{"upper()", expr.Any, "1:1: error[expression-type]: not enough arguments to call upper"},
		{"success(1)", expr.Any, "1:1: error[expression-type]: too many arguments to call success"},
		{"map(shard, it)", expr.Any, "1:5: error[expression-type]: builtin map takes only array (got int)"},
		{"filter(words, it + \"a\")", expr.Any, "1:15: error[expression-type]: predicate should return boolean (got string)"},
		{"map(words, it + 1)", expr.Any, "1:15: error[expression-type]: + does not go with string and int"},
		{"map(words, # + 1)", expr.Any, "1:14: error[expression-type]: + does not go with string and int"},
		{`tag matches "("`, expr.Any, "1:5: error[expression-type]: error parsing regexp: missing closing ): `(`"},
		{"shard ? 1 : 2", expr.Any, "1:1: error[expression-type]: non-bool expression (type int) used as condition"},
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
