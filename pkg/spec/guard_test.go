package spec_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

const head = "flowrun: 1\nsteps: []\n"

// deep is a step with n lists, or n steps, within each other.
func deepValue(n int) string {
	return "flowrun: 1\nsteps: [{value: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "}]\n"
}

func deepSteps(n int) string {
	return "flowrun: 1\nsteps: " + strings.Repeat("[{steps: ", n) + "[]" + strings.Repeat("}]", n) + "\n"
}

func keys(n int) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nsteps:\n- value:\n")
	for i := range n {
		fmt.Fprintf(&b, "    k%d: 1\n", i)
	}
	return b.String()
}

// TestGuards has what cannot stand in a text archive, and the limits, each with what is just inside of it.
func TestGuards(t *testing.T) {
	values := func(n int) string { return "flowrun: 1\nsteps:\n- value:\n" + strings.Repeat("  - a\n", n) }
	for _, c := range []struct{ name, text, want string }{
		{"a byte order mark at the begin", "\ufeff" + head, ""},
		{"a byte order mark inside", head + "name: a\ufeffb\n", "3:8 bad-character"},
		{"two byte order marks", "\ufeff\ufeff" + head, "1:1 bad-character"},
		{"lines with CR LF", strings.ReplaceAll(head, "\n", "\r\n"), ""},
		{"lines with CR", strings.ReplaceAll(head, "\n", "\r") + "nmae: x\r", "3:1 unknown-key"},
		{"UTF-16", "\xff\xfef\x00l\x00", "1:1 not-utf8"},
		{"no UTF-8", head + "name: \xc3\x28\n", "3:7 not-utf8"},
		{"a lone surrogate", head + "name: \xed\xa0\x80\n", "3:7 not-utf8"},
		{"a NUL", head + "name: a\x00b\n", "3:8 bad-character"},
		{"an escape", head + "name: \x1b[1m\n", "3:7 bad-character"},
		{"a DEL", head + "name: \x7f\n", "3:7 bad-character"},
		{"U+0085", head + "name: a\u0085b: c\n", "3:8 bad-character"},
		{"U+2028", head + "name: a\u2028b: c\n", "3:8 bad-character"},
		{"U+2029", head + "# a\u2029b: c\n", "3:4 bad-character"},
		{"a change of direction", head + "# a\u202eb\n", "3:4 bad-character"},
		{"an isolate", head + "name: 'a\u2066b'\n", "3:9 bad-character"},
		{"escapes for all that", head + `name: "\0 \e \x85 \u2028 \u202e"` + "\n", ""},
		{"letters of all kinds", head + "name: 漢字 🎉 é\n", ""},
		{"4 MiB", head + "#" + strings.Repeat("x", spec.MaxBytes-len(head)-1), ""},
		{"more than 4 MiB", head + "#" + strings.Repeat("x", spec.MaxBytes-len(head)), "1:1 file-too-large"},
		{"100 lists in a value", deepValue(100), ""},
		{"101 lists in a value", deepValue(101), "3:... too-deep"},
		{"100 steps in a step", deepSteps(100), ""},
		{"101 steps in a step", deepSteps(101), "3:... too-deep"},
		{"10,000 keys", keys(spec.MaxEntries), ""},
		{"10,001 keys", keys(spec.MaxEntries + 1), "4:5 too-many-keys"},
		{"almost 200,000 values", values(spec.MaxNodes - 5), ""},
		{"200,000 values", values(spec.MaxNodes), "199999:5 too-many-nodes"},
		{"an alias bomb", "flowrun: 1\nsteps:\n- value:\n  - &a [x,x,x,x,x,x,x,x,x,x]\n  - &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
			"  - &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n  - &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n  - &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n  - &f [*e,*e]\n", "9:9 too-many-nodes"},
		{"a decoding that panics elsewhere", "flowrun: 1\nsteps: [{value: {{}: 1, <<: 2}}]\n", "2:18 bad-key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := spec.Parse("f", []byte(c.text), builtin())
			got := ""
			var list diag.List
			if errors.As(err, &list) {
				got = fmt.Sprintf("%d:%d %s", list[0].Pos.Line, list[0].Pos.Col, list[0].Code)
			}
			if _, code, any := strings.Cut(c.want, "... "); any {
				got = got[strings.LastIndex(got, " ")+1:]
				c.want = code
			}
			if got != c.want {
				t.Errorf("got %q, want %q\n%.500v", got, c.want, err)
			}
		})
	}
}

// TestAllAtOnce: the problems are a diag.List in the order of the file, each once.
func TestAllAtOnce(t *testing.T) {
	_, err := spec.Parse("f", []byte("flowrun: 1\nsteps:\n- run: a\n  tiemout: 1s\n- &x {rnu: a}\n- *x\n- value: no\n"), builtin())
	list, ok := err.(diag.List)
	if !ok || len(list) != 3 {
		t.Fatalf("%T %v", err, err)
	}
	for i := 1; i < len(list); i++ {
		if !list[i-1].Pos.Before(list[i].Pos) {
			t.Errorf("%v does not stand before %v", list[i-1], list[i])
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.yaml")
	if err := os.WriteFile(path, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	opt := spec.Options{Kinds: builtin().Kinds}
	f, err := spec.Load(path, nil, opt)
	if err != nil || f.Dir != dir || f.Path != path || string(f.Source) != head {
		t.Errorf("%+v %v", f, err)
	}
	if f, err = spec.Load("-", strings.NewReader(head), opt); err != nil || f.Path != "-" || !filepath.IsAbs(f.Dir) {
		t.Errorf("%+v %v", f, err)
	}
	if _, err = spec.Load(dir, nil, opt); err == nil {
		t.Error("a folder was read")
	}
	if _, err = spec.Load(filepath.Join(dir, "none"), nil, opt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	_, err = spec.Load("-", strings.NewReader(strings.Repeat("#", spec.MaxBytes+9)), opt)
	var list diag.List
	if !errors.As(err, &list) || list[0].Code != "file-too-large" {
		t.Errorf("%v", err)
	}
}

func TestInputProblem(t *testing.T) {
	src := `flowrun: 1
inputs:
  n: {type: integer, minimum: 1, maximum: 9, multipleOf: 2}
  s: {type: string, pattern: '^v\d+$', maxLength: 4}
  e: {type: string, enum: [a, b]}
  l: {type: array, items: {type: integer}, minItems: 1, uniqueItems: true}
  o: {type: object, properties: {a: {type: string}}, required: [a]}
  b: {type: boolean}
  f: {type: number}
  any: {}
steps: []
`
	file, err := spec.Parse("f", []byte(src), builtin())
	if err != nil {
		t.Fatal(err)
	}
	inputs := map[string]*ast.Input{}
	for _, in := range file.Main.Inputs {
		inputs[in.Name.Text] = in
	}
	for _, c := range []struct {
		input string
		value any
		want  string
	}{
		{"n", 4, ""},
		{"n", 4.0, ""},
		{"n", 0, "it must be at least 1"},
		{"n", 10, "it may be at most 9"},
		{"n", 3, "it must be a multiple of 2"},
		{"n", "4", "it must be a whole number, and this is text"},
		{"n", 4.5, "it must be a whole number, and this is a number"},
		{"n", nil, "it must be a whole number, and this is nothing"},
		{"s", "v12", ""},
		{"s", "x", `it must match ^v\d+$`},
		{"s", "v12345", "it may have at most 4 characters"},
		{"e", "b", ""},
		{"e", "c", "it must be one of a, b"},
		{"l", []any{1, 2}, ""},
		{"l", []any{}, "it must have at least 1 items"},
		{"l", []any{1, 1}, "its items must differ from each other"},
		{"l", []any{"a"}, "something inside it does not have the declared form"},
		{"o", map[string]any{"a": "x"}, ""},
		{"o", map[string]any{}, "something inside it does not have the declared form"},
		{"b", true, ""},
		{"b", "true", "it must be true or false, and this is text"},
		{"f", 1, ""},
		{"f", 1.5, ""},
		{"any", map[string]any{"x": nil}, ""},
	} {
		if got := inputs[c.input].Problem(c.value); got != c.want {
			t.Errorf("%s = %v: %q, want %q", c.input, c.value, got, c.want)
		}
	}
}

// FuzzParse: whatever the bytes, Parse ends with a file or with problems that have places in it, and the text that may be shown
// has as many characters as the file.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"errors", "guards", "syntax", "tree"} {
		b, err := os.ReadFile(filepath.Join("testdata", name+".txtar"))
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(b), "\n-- ") {
			if _, text, ok := strings.Cut(part, ".yaml --\n"); ok {
				f.Add([]byte(text))
			}
		}
	}
	f.Add([]byte("x: 0\nsemaphores:\n  a: {}\n"))
	f.Add([]byte("flowrun: 1\ninputs: {a: {secret: true, default: [\"ü\\n\", 'it''s', &x y, *x]}, b: {secret: true, default: |\n  a\n}}\n# flowrun: allow x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		opt := builtin()
		opt.Source = func(_ string, shown []byte) {
			text := bytes.TrimPrefix(src, []byte("\ufeff"))
			if utf8.RuneCount(shown) != utf8.RuneCount(text) || bytes.Count(shown, []byte("\n")) != bytes.Count(text, []byte("\n")) {
				t.Fatalf("it is shown as\n%s", shown)
			}
		}
		file, err := spec.Parse("f", src, opt)
		if err == nil {
			dump(file)
			return
		}
		list, ok := err.(diag.List)
		if !ok || len(list) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		lines := strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + 2
		for _, d := range list {
			if d.Pos.Line < 1 || d.Pos.Line > lines || d.Pos.Col < 1 || d.Code == "" || d.Text == "" {
				t.Fatalf("%+v", d)
			}
			if strings.Contains(d.Text, "does not fit here") {
				t.Fatalf("the schema let something through: %v", d)
			}
		}
	})
}
