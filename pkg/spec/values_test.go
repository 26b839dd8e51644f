package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{"a: ${{ 1 }}", nil, "v.yaml:1:1: error[no-expression]: values may not hold expressions"},
	} {
		got, err := Values("v.yaml", []byte(c.src))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != c.err {
			t.Errorf("%q: error %q, want %q", c.src, text, c.err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.src, d)
		}
	}
}
