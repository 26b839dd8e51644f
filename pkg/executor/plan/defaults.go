package plan

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// defaults are the `defaults` in force for the steps below a block, the nearest for each key. They are shared
// by all these steps and never changed. Nil: none.
type defaults struct {
	timeout *expr.Template
	retry   *ast.Retry
	env     []ast.Pair
	args    []ast.Pair
}

// with is d under the defaults of a nearer block.
func (d *defaults) with(near *ast.Defaults) *defaults {
	if near == nil {
		return d
	}
	var out defaults
	if d != nil {
		out = *d
	}
	if near.Timeout != nil {
		out.timeout = near.Timeout
	}
	if near.Retry != nil {
		out.retry = near.Retry
	}
	if near.Env != nil {
		out.env = near.Env
	}
	out.args = slices.Clone(near.Args)
	if d != nil {
		for _, a := range d.args {
			if !written(near.Args, a.Key.Text) {
				out.args = append(out.args, a)
			}
		}
	}
	return &out
}

func written(args []ast.Pair, key string) bool {
	return slices.ContainsFunc(args, func(a ast.Pair) bool { return a.Key.Text == key })
}

// args are the arguments of a leaf: those written, then those that defaults add. A script of a probe runs where the
// service's does, and is in the same language.
func (p *place) args(l *ast.Leaf) []ast.Pair {
	if l.Kind.Probe {
		out := slices.Clone(l.Args)
		if service, ok := p.step.Action.(*ast.Leaf); ok && service.Kind.Name == "run" && written(l.Args, "run") {
			for _, a := range p.args(service) {
				if a.Key.Text == "dir" || a.Key.Text == "shell" {
					out = append(out, a)
				}
			}
		}
		return out
	}
	if p.rules == nil || len(p.rules.args) == 0 || !l.Kind.Limited {
		return l.Args
	}
	out := slices.Clone(l.Args)
	for _, a := range p.rules.args {
		known := false
		for _, k := range l.Kind.Keys {
			known = known || k.Name == a.Key.Text
		}
		if known && !written(l.Args, a.Key.Text) {
			out = append(out, a)
		}
	}
	return out
}
