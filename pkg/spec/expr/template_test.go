package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// read makes a template of a scalar as the reader of files does.
func read(text string) (*expr.Template, diag.List) {
	parts, single, errs := expr.ParseText(text, at)
	switch {
	case errs != nil && single == nil && len(parts) == 0:
		return nil, errs
	case single != nil:
		return &expr.Template{Pos: at(0), Expr: single, Shape: expr.Single}, errs
	case len(parts) == 0:
		return expr.New(at(0), ""), errs
	case len(parts) == 1 && parts[0].Expr == nil:
		return expr.New(at(0), parts[0].Text), errs
	}
	return &expr.Template{Pos: at(0), Parts: parts, Shape: expr.Interpolated}, errs
}

// TestText reads scalars, checks them and evaluates them.
func TestText(t *testing.T) {
	tests := []struct {
		text  string
		shape expr.Shape
		want  any
	}{
		{"", expr.Constant, ""},
		{"plain $ { }} text", expr.Constant, "plain $ { }} text"},
		{"$${{ x }}", expr.Constant, "${{ x }}"},
		{"$$${{ x }}", expr.Constant, "$${{ x }}"},
		{"a $${{ x }} b", expr.Constant, "a ${{ x }} b"},
		{"${{ shard }}", expr.Single, 3},
		{" ${{ shard }}\n", expr.Single, 3},
		{"${{shard}}", expr.Single, 3},
		{"${{ z }}", expr.Single, []any{3, 1, 2}},
		{`${{ {"a": {"b": "}}"}} }}`, expr.Single, object{"a": object{"b": "}}"}}},
		{`${{ {"a": {"b": 1}}}}`, expr.Single, object{"a": object{"b": 1}}},
		{"${{ '}}' }}", expr.Single, "}}"},
		{"${{ `}}` }}", expr.Single, "}}"},
		{"${{ lines(`a\nb`) }}", expr.Single, []any{"a", "b"}},
		{"${{ `}}\n` + tag\n}}.", expr.Interpolated, "}}\nv1."},
		{`${{ "\"}}" }}`, expr.Single, `"}}`},
		{"${{ map(z, {it}) }}", expr.Single, []any{3, 1, 2}},
		{"n=${{ shard }}", expr.Interpolated, "n=3"},
		{"${{ shard }}.", expr.Interpolated, "3."},
		{"${{ shard }}${{ tag }}", expr.Interpolated, "3v1"},
		{"${{ shard }} ${{ tag }}", expr.Interpolated, "3 v1"},
		{"äö ${{ tag }} $${{ ${{ ok }}", expr.Interpolated, "äö v1 ${{ true"},
		{"${{ x }}|${{ ratio }}|${{ 4 / 2 }}|${{ 1e21 }}|${{ 1e-7 }}", expr.Interpolated, "null|0.5|2|1000000000000000000000|0.0000001"},
		{"${{ y }}|${{ z }}|${{ '<&>' }}|${{ ['<&>'] }}", expr.Interpolated, `{"a":[1,2.5,"t"],"b":1}|[3,1,2]|<&>|["<&>"]`},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			tmpl, errs := read(test.text)
			if errs != nil {
				t.Fatal(errs)
			}
			if tmpl.Shape != test.shape {
				t.Errorf("shape %d", tmpl.Shape)
			}
			v, errs := tmpl.Check(names, expr.Any)
			if errs != nil {
				t.Fatal(errs)
			}
			got, err := v.Eval(environment())
			if d := cmp.Diff(test.want, got); err != nil || d != "" {
				t.Error(err, d)
			}
			if c, ok := v.Constant(); ok != (test.shape == expr.Constant) || ok && c != test.want {
				t.Errorf("constant: %v, %v", c, ok)
			}
		})
	}
}

// TestTextRefused has the places of mistakes: columns of the whole text.
func TestTextRefused(t *testing.T) {
	tests := []struct {
		text string
		want expr.TypeKind
		err  string
	}{
		{"a ${{ b", expr.Any, "1:3: error[expression-unterminated]: this ${{ has no }}"},
		{`a ${{ "b }}`, expr.Any, "1:7: error[expression-syntax]: the text that begins here has no closing quote"},
		{"${{ 'abc }}", expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"${{ 'abc }}\n${{ 'b' }}", expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"${{ 'abc }}\n${{ 'b }}", expr.Any, "1:5: error[expression-syntax]: the text that begins here has no closing quote"},
		{"${{ 'abc }} 'b", expr.Any, "1:1: error[expression-unterminated]: this ${{ has no }} (a }} inside quotes does not end it: is a quote missing?)"},
		{"${{ lines('a\nb') }}", expr.Any, "1:11: error[expression-syntax]: a text in an expression stands on one line " +
			`(for a line break write \n, which in a YAML text in double quotes is \\n, or put the text in backquotes)`},
		{"a ${{ {b }}", expr.Any, "1:3: error[expression-unterminated]: this ${{ has no }}"},
		{"${{ }}", expr.Bool, "1:4: error[expression-syntax]: the expression is empty"},
		{"${{ 1 + }}", expr.Bool, `1:8: error[expression-syntax]: the expression ends too early (something must follow "+")`},
		{"a ${{ 1 + }} ${{ * }}", expr.Any, "1:10: error[expression-syntax]: the expression ends too early (something must follow \"+\")\n" +
			`1:18: error[expression-syntax]: unexpected "*"`},
		{
			"a ${{ nope }} ${{ tag + 1 }}", expr.Any,
			"1:7: error[unknown-name]: nope is not a name here (there are ok, env, steps and 8 more)\n" +
				"1:23: error[expression-type]: + does not go with text and a whole number (for a text write string(1))",
		},
		{"${{ shard }}", expr.Bool, "1:5: error[expression-type]: true or false is wanted here, but shard is a whole number"},
		{"a ${{ shard }}", expr.Bool, "1:1: error[expression-type]: true or false is wanted here, but this is text"},
		{"abc", expr.Int, `1:1: error[expression-type]: a whole number is wanted here, got the text "abc"`},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			tmpl, errs := read(test.text)
			_, problems := tmpl.Check(names, test.want)
			if got := append(errs, problems...).Sorted().Error(); got != test.err {
				t.Errorf("\ngot  %s\nwant %s", got, test.err)
			}
		})
	}
}

func text(t *testing.T, s string) *expr.Template {
	t.Helper()
	tmpl, errs := read(s)
	if errs != nil {
		t.Fatal(errs)
	}
	return tmpl
}

func TestCollections(t *testing.T) {
	tmpl := &expr.Template{Shape: expr.Mapping, Pos: at(0), Keys: []string{"b", "a"}, Vals: []*expr.Template{
		{Shape: expr.Sequence, List: []*expr.Template{text(t, "${{ shard }}"), text(t, "n${{ tag }}"), expr.New(at(0), 1)}},
		expr.New(at(0), nil),
	}}
	var uses []string
	for _, e := range tmpl.Exprs() {
		uses = append(uses, strings.TrimSpace(e.Src))
	}
	if got := fmt.Sprint(uses); got != "[shard tag]" {
		t.Error(got)
	}
	v, errs := tmpl.Check(names, expr.Map)
	if errs != nil {
		t.Fatal(errs)
	}
	if _, ok := v.Constant(); ok {
		t.Error("constant")
	}
	got, err := v.Eval(environment())
	if d := cmp.Diff(object{"b": []any{3, "nv1", 1}, "a": nil}, got); err != nil || d != "" {
		t.Error(err, d)
	}
	if _, errs = tmpl.Check(names, expr.List); errs.Error() != "1:1: error[expression-type]: a list is wanted here, but this is a map" {
		t.Error(errs)
	}
	if _, errs = tmpl.Check(nil, expr.Any); len(errs) != 2 {
		t.Error(errs)
	}
}

func TestConstantCollections(t *testing.T) {
	list := &expr.Template{Shape: expr.Sequence, List: []*expr.Template{expr.New(at(0), 1), text(t, "$${{")}}
	tmpl := &expr.Template{Shape: expr.Mapping, Keys: []string{"k"}, Vals: []*expr.Template{list}}
	v, errs := tmpl.Check(nil, expr.Map)
	if errs != nil {
		t.Fatal(errs)
	}
	c, ok := v.Constant()
	if d := cmp.Diff(object{"k": []any{1, "${{"}}, c); !ok || d != "" {
		t.Error(ok, d)
	}
}

// TestLongText: a text put together is bounded as one that an expression makes.
func TestLongText(t *testing.T) {
	part := `${{ repeat("x", 10000000) }}`
	v, errs := text(t, part+" "+part).Check(nil, expr.Any)
	if errs != nil {
		t.Fatal(errs)
	}
	if _, err := v.Eval(nil); err == nil || err.Error() != "ExpressionError: the text has more than 16 MiB" {
		t.Error(err)
	}
}

// FuzzParseText: whatever the text, nothing panics, and without expressions all of it comes back.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"a ${{ b }} c", "$${{", "${{ '}}' }}", "${{ {a: {}} }}", "${{", "${{ }} }}", "\n ${{ x }} \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, single, errs := expr.ParseText(s, at)
		if single != nil && parts != nil {
			t.Fatal("both one expression and parts")
		}
		if strings.Contains(s, "${{") || errs != nil {
			return
		}
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(p.Text)
		}
		if b.String() != s {
			t.Fatalf("%q became %q", s, b.String())
		}
	})
}
