//go:build e2e && linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestSizes: what is too large for the server is an error of the step, that it says once, and no attempt is made in vain; what
// is large in sum only is no error.
func TestSizes(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.worker(nil)
	s.worker(nil)
	const letters = `head -c %d /dev/zero | tr "\0" x`
	t.Run("value", func(t *testing.T) {
		s := s.in(t)
		s.write("value.yaml", "flowrun: 1\nsteps:\n  - {id: s, run: '"+fmt.Sprintf(letters, 3<<20)+"; echo >>began', capture_limit: 8MiB}\n")
		d, c := s.runs("value.yaml")
		if x := d.step("s"); c.code != 1 || x.Attempts != 1 || !strings.Contains(fmt.Sprint(x.Error), "OutputError") {
			t.Errorf("%d attempts\n%s", x.Attempts, short(c))
		}
		if n := len(s.read("began")); n != 1 {
			t.Errorf("it ran %d times", n)
		}
	})
	t.Run("output that nobody keeps", func(t *testing.T) {
		s := s.in(t)
		s.write("output.yaml", "flowrun: 1\nsteps:\n  - {id: s, run: '"+fmt.Sprintf(letters, 30<<20)+"', capture: none}\n")
		s.succeeds("output.yaml")
	})
	t.Run("values in sum", func(t *testing.T) {
		s := s.in(t)
		s.write("sum.yaml", "flowrun: 1\nsteps:\n  - {id: g, gather: {for: x, in: range(24), do: {run: '"+fmt.Sprintf(letters, 200<<10)+"'}}}\n  - value: ${{ len(steps.g.value) }}\n")
		if d := s.succeeds("sum.yaml"); d.Value != 24.0 {
			t.Errorf("%v", d.Value)
		}
	})
	t.Run("a result", func(t *testing.T) {
		s := s.in(t)
		s.write("result.yaml", "flowrun: 1\nsteps:\n  - {id: g, gather: {for: x, in: range(24), do: {run: '"+fmt.Sprintf(letters, 200<<10)+"'}}}\n")
		d := s.succeeds("result.yaml")
		if list, _ := d.Value.([]any); len(list) != 24 || len(fmt.Sprint(list[23])) != 200<<10 {
			t.Errorf("it has %d values", len(list))
		}
	})
	t.Run("a file", func(t *testing.T) {
		s := s.in(t)
		for name, steps := range map[string]int{"large.yaml": 10000, "larger.yaml": 30000} { // both are looked at
			var b strings.Builder
			b.WriteString("flowrun: 1\nsteps:\n")
			for n := range steps {
				fmt.Fprintf(&b, "  - {id: s%d, value: \"%s %d\"}\n", n, strings.Repeat("long ", 10), n)
			}
			s.write(name, b.String())
		}
		s.succeeds("large.yaml")
		if c := s.types("run", "--engine", "temporal", "larger.yaml"); c.code != 2 || !strings.Contains(c.errs, "MB") {
			t.Error(short(c))
		}
	})
	t.Run("many at once", func(t *testing.T) {
		count := 700 // more than are with the server at a time
		if long() {
			count = 3500 // more than one history has room for
		}
		s := s.in(t)
		s.write("many.yaml", fmt.Sprintf("flowrun: 1\nsteps:\n  - {id: g, gather: {for: x, in: range(%d), do: {run: [echo, '${{ x }}']}}}\n", count))
		d := s.succeeds("many.yaml")
		list, _ := d.Value.([]any)
		for i, v := range list {
			if v != fmt.Sprint(i) {
				t.Fatalf("%d is %v", i, v)
			}
		}
		if len(list) != count {
			t.Errorf("%d values", len(list))
		}
	})
}

// short is a command without most of what it said.
func short(c typed) typed {
	cut := func(text string) string { return text[:min(len(text), 2000)] }
	c.out, c.errs = cut(c.out), cut(c.errs)
	return c
}
