package expr_test

import (
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/expr"
)

func BenchmarkLoad(b *testing.B) {
	for _, src := range []string{
		"steps.build.value",
		`steps.build.status == "succeeded"`,
		"filter(inputs.sizes, it.size > 5) | map(it.name) | join(\",\")",
	} {
		b.Run(src, func(b *testing.B) {
			for b.Loop() {
				e, errs := expr.Parse(src, at)
				if errs != nil {
					b.Fatal(errs)
				}
				if _, errs = e.Check(names, expr.Any); errs != nil {
					b.Fatal(errs)
				}
			}
		})
	}
}

func BenchmarkEval(b *testing.B) {
	for _, src := range []string{
		"steps.build.value",
		`steps.build.status == "succeeded"`,
		"shard + 1",
		"filter(inputs.sizes, it.size > 5) | map(it.name) | join(\",\")",
		"sum(range(1000), it * 2)",
	} {
		b.Run(src, func(b *testing.B) {
			p, env := program(b, src, expr.Any), environment()
			for b.Loop() {
				if _, err := p.Eval(env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstEval includes the making of bytecode.
func BenchmarkFirstEval(b *testing.B) {
	env := environment()
	for b.Loop() {
		if _, err := program(b, `steps.build.status == "succeeded"`, expr.Any).Eval(env); err != nil {
			b.Fatal(err)
		}
	}
}
