package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
)

// large is a file of n steps, each reading one before it.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString("flowrun: 1\nsemaphores: {s: 2}\nsteps:\n  - {id: s0, value: 1}\n")
	for i := 1; i < n; i += 5 {
		fmt.Fprintf(&b, `  - id: g%d
    gather:
      - {id: a%d, run: [echo, "${{ steps.s0.value }}"], timeout: 10s, semaphore: s}
      - {id: b%d, value: "${{ steps.a%d.value }}", retry: {attempts: 3, delay: 1s}}
      - {id: c%d, needs: a%d, if: steps.a%d.status == "failed", echo: "x ${{ steps.b%d.value }}"}
      - {value: 1, except: [{echo: "${{ error.message }}"}]}
`, i, i, i, i, i, i, i, i)
	}
	return []byte(b.String())
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		f, err := spec.Parse("large.yaml", large(n), spec.Options{Kinds: kinds(), Dir: "/"})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := plan.Compile(f, plan.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestTangles compiles what would take long if names, edges, cycles or suggestions were searched carelessly.
func TestTangles(t *testing.T) {
	list := func(n int, head string, step func(i int) string) string {
		var b strings.Builder
		b.WriteString("flowrun: 1\n" + head)
		for i := range n {
			b.WriteString("  - " + step(i) + "\n")
		}
		return b.String()
	}
	cases := map[string]string{
		"unknown names": list(8000, "steps:\n", func(i int) string { return fmt.Sprintf("{id: step%d, value: \"${{ steps.stap%d.value }}\"}", i, i) }),
		"one long wait": list(8000, "gather:\n", func(i int) string {
			return fmt.Sprintf("{id: s%d, value: \"${{ steps.s%d.value }}\"}", i, (i+1)%8000)
		}),
		"all of one": list(8000, "gather:\n", func(i int) string {
			if i > 0 {
				return fmt.Sprintf("{id: s%d, value: 1}", i)
			}
			var b strings.Builder
			for j := 1; j < 8000; j++ {
				fmt.Fprintf(&b, ", s%d", j)
			}
			return "{id: s0, needs: [" + b.String()[2:] + "], value: 1}"
		}),
		"same id":  list(8000, "steps:\n", func(int) string { return "{id: x, value: 1}" }),
		"await":    list(4000, "steps:\n  - {id: bg, background: true, value: 1}\n", func(int) string { return `{if: "true", await: bg}` }) + strings.Repeat("  - value: ${{ steps.bg.value }}\n", 4000),
		"clauses":  "flowrun: 1\nsteps:\n- {fail: x, except: [" + strings.Repeat("{match: {type: E, exit_code: [1, 2, 3]}, value: 1}, {match: [F, G], value: 1}, ", 4000) + "]}\n",
		"comments": "flowrun: 1\nsteps:\n" + strings.Repeat("# flowrun: allow nosuch, unused-id\n", 60_000) + "- {value: 1}\n",
		"allowed on one line": "{flowrun: 1, steps: [" + strings.Repeat("{if: true, value: 1}, ", 8000) + "]} # flowrun: allow " +
			strings.Repeat("constant-condition, ", 50_000) + "\n",
		"calls in a chain": "flowrun: 1\nworkflows:\n" + chained(8000, 8000) + "steps: [{call: w0}]\n",
		"calls in a round": "flowrun: 1\nworkflows:\n" + chained(2000, 0) + "steps: [{call: w0}]\n",
		"env deep":         nested(90, func(i int) string { return `env: {A: "${{ env.A }}${{ env.B }}", B: "${{ env.B }}${{ env.A }}"}` }),
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			f, err := spec.Parse("x.yaml", []byte(src), spec.Options{Kinds: kinds(), Dir: "/"})
			if err != nil {
				t.Fatal(err)
			}
			p, err := plan.Compile(f, plan.Options{})
			if err == nil {
				p.Digests()
			}
			if took := time.Since(begin); took > 15*time.Second { // it takes some tenths on a machine that does nothing else
				t.Errorf("took %v", took)
			} else {
				t.Log(took, err == nil)
			}
		})
	}
}

// chained are n workflows, of which each calls the next, and the last one the workflow last if there is one.
func chained(n, last int) string {
	var b strings.Builder
	for i := range n {
		next := i + 1
		if next == n {
			next = last
		}
		if next < n {
			fmt.Fprintf(&b, "  w%d: {steps: [{call: w%d}]}\n", i, next)
		} else {
			fmt.Fprintf(&b, "  w%d: {steps: [{value: 1}]}\n", i)
		}
	}
	return b.String()
}

// nested is a file of blocks within blocks.
func nested(depth int, modifiers func(i int) string) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nsteps:\n")
	for i := range depth {
		pad := strings.Repeat("  ", i+1)
		fmt.Fprintf(&b, "%s- %s\n%s  steps:\n", pad, modifiers(i), pad)
	}
	b.WriteString(strings.Repeat("  ", depth+1) + "- {run: x, env: {Z: \"${{ env.A }}\"}}\n")
	return b.String()
}

func BenchmarkDigests(b *testing.B) {
	p, err := compile(map[string][]byte{"w.yaml": large(10_000)}, "w.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p.Digests()
	}
}
