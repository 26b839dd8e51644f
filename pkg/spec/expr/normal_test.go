package expr_test

import (
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

func TestNormal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, want string }{
		{"  a + b\n ", "a + b"},
		{"a\n  +\tb", "a + b"},
		{"a /* why */ + b", "a + b"},
		{"a // not /* the\n+ b // end", "a + b"},
		{`"a  //  b" + 'c  /* d */'`, `"a  //  b" + 'c  /* d */'`},
		{"`a\n  b`  + \"\\\"  \"", "`a\n  b` + \"\\\"  \""},
		{"a/b", "a/b"},
	} {
		e, problems := expr.Parse(c.src, func(int) diag.Pos { return diag.Pos{} })
		if len(problems) > 0 {
			t.Fatalf("%s: %v", c.src, problems)
		}
		if got := e.Normal(); got != c.want {
			t.Errorf("%q: %q, want %q", c.src, got, c.want)
		}
	}
}
