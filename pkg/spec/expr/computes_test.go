package expr_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// TestComputes: with which of the secrets in it an expression does more than to hand them on.
func TestComputes(t *testing.T) {
	for _, x := range []struct{ src, want string }{
		{"secrets.A", ""},
		{`secrets["A"]`, ""},
		{"inputs.n * 2", ""},
		{`"Bearer " + secrets.A`, ""},
		{`secrets.A + ":" + secrets.B`, ""},
		{`secrets.A != ""`, ""},
		{`'' == secrets.A && inputs.n > 2`, ""},
		{`!(secrets.A == "")`, ""},
		{`secrets.A != "" ? secrets.A : secrets.B`, ""},
		{`secrets.A ?? "x"`, ""},
		{`default(secrets.A, secrets.B)`, ""},
		{`{"user": "x", "password": secrets.A, "more": [secrets.B]}`, ""},
		{`range(inputs.n)`, ""},
		{"upper(secrets.A)", "A"},
		{"sha256(secrets.A)", "A"},
		{`secrets.A + upper(secrets.B)`, "B"},
		{`secrets.A == "x"`, "A"},
		{`secrets.A == secrets.B`, "A B"},
		{`len(secrets.A) > 0 && secrets.A != ""`, "A"},
		{`secrets.A[0:4]`, "A"},
		{`{(secrets.A): 1}`, "A"},
		{`toJSON({"x": secrets.A})`, "A"},
		{`let x = secrets.A; x`, "A"},
		{`map([1], secrets.A + "x")`, "A"},
		{`secrets.A contains "x" ? secrets.A : ""`, "A"},
		{`secrets.A | upper()`, "A"},
		{`default(upper(secrets.A), "x")`, "A"},
		{`"é" + lower(secrets.A)`, "A"},
	} {
		e, problems := expr.Parse(x.src, func(offset int) diag.Pos { return diag.Pos{Line: 1, Col: offset + 1} })
		if len(problems) > 0 {
			t.Errorf("%s: %v", x.src, problems)
			continue
		}
		var got []string
		for _, u := range e.Computes(func(u expr.Use) bool { return u.Root == "secrets" }) {
			got = append(got, u.Member)
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s computes with %v, not with %q", x.src, got, x.want)
		}
	}
}
