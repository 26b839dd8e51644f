package spec

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

func TestValues(t *testing.T) {
	for _, c := range []struct {
		src  string
		want map[string]any
		err  string
	}{
		{"a: 1\nb: [x, {c: true}]\n", map[string]any{"a": 1, "b": []any{"x", map[string]any{"c": true}}}, ""},
		{`{"a": 1.5, "b": null}`, map[string]any{"a": 1.5, "b": nil}, ""},
		{"{}", map[string]any{}, ""},
		{"", nil, "v.yaml:1:1: error[empty-file]: the file is empty (write {} for no values)"},
		{"[1]", nil, "v.yaml:1:1: error[wrong-type]: the file must be a mapping of names to values"},

		// Values are data.
		{"a: ${{ 1 }}\nb: [\"$${{\", '${{ secrets.X']\n", map[string]any{"a": "${{ 1 }}", "b": []any{"$${{", "${{ secrets.X"}}, ""},
		{`{"a": "${{ 1 }}", "${{ b }}": 1}`, map[string]any{"a": "${{ 1 }}", "${{ b }}": 1}, ""},

		{"a: [${{ 1 }}]\n", map[string]any{}, `v.yaml:1:5: error[unquoted-expression]: an expression in flow style, between [ ] or { }, needs quotes (write: a: ["${{ 1 }}"])`},

		// A text by YAML's rules, and by those of JSON.
		{
			"a: x\nb: [no]\nc: 1e3\n",
			map[string]any{"a": "x"},
			`v.yaml:2:5: error[ambiguous-scalar]: YAML 1.1 reads no as a boolean (write "no" if a text is meant, true or false if not)
v.yaml:3:4: error[ambiguous-scalar]: 1e3 is a number and would be printed as 1000 (write "1e3" if a text is meant)`,
		},
		{"\ufeff" + `{"a": 1e3, "b": "\ud83d\ude00\u2028", "c": {"d": [1.50]}}`, map[string]any{"a": 1000.0, "b": "\U0001f600\u2028", "c": map[string]any{"d": []any{1.5}}}, ""},
		{
			"{\"a\": 1,\n \"b\": [12345678901234567890],\n \"é\": 1, \"a\" :  2}",
			map[string]any{"a": 2, "é": 1},
			`v.yaml:2:7: error[bad-number]: 12345678901234567890 does not fit into 64 bits
v.yaml:3:17: error[duplicate-key]: the key "a" stands here twice [v.yaml:1:7: first here]`,
		},
	} {
		got, err := Values("v.yaml", []byte(c.src))
		text := ""
		if err != nil {
			text = err.Error()
		}
		var problems diag.List
		errors.As(err, &problems)
		for _, d := range problems {
			if d.Fix != nil {
				t.Errorf("%q: validate --fix knows nothing of this file, and is to mend it: %v", c.src, d)
			}
		}
		if text != c.err {
			t.Errorf("%q: error %q, want %q", c.src, text, c.err)
		}
		if c.want == nil && got != nil {
			t.Errorf("%q: %v", c.src, got)
		}
		values := map[string]any{}
		for name, v := range got {
			if !v.Wrong {
				values[name] = v.V
			}
		}
		if d := cmp.Diff(c.want, values); c.want != nil && d != "" {
			t.Errorf("%q: %s", c.src, d)
		}
	}
	values, _ := Values("v.yaml", []byte("a: 1\nb:\n  - x\n"))
	if at := values["b"].Pos.String(); at != "v.yaml:3:3" {
		t.Errorf("the value is at %s", at)
	}
}
