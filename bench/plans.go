package main

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// builder makes plans without a file: no text stands between the clock and the kernel.
type builder struct {
	kinds map[string]*kind.Kind
	steps []*plan.Step
}

func newBuilder() *builder {
	b := &builder{kinds: map[string]*kind.Kind{}}
	for _, k := range steps.Builtin() {
		b.kinds[k.Name] = k
	}
	return b
}

func constant(v any) *plan.Value { return checked(expr.New(diag.Pos{}, v)) }

func checked(t *expr.Template) *plan.Value {
	v, problems := t.Check(nil, expr.Any)
	if len(problems) > 0 {
		panic(problems)
	}
	return &plan.Value{V: v, Src: t}
}

// expression is the value of an expression without names.
func expression(text string) *plan.Value {
	e, problems := expr.Parse(text, func(int) diag.Pos { return diag.Pos{} })
	if len(problems) > 0 {
		panic(problems)
	}
	return checked(expr.NewExpr(diag.Pos{}, e))
}

// step makes the step that is the i-th child of its block.
func (b *builder) step(kind string, i int, body plan.Node) *plan.Step {
	s := &plan.Step{
		Index: int32(len(b.steps)), Kind: kind, Piece: fmt.Sprintf("gather[%d]", i), Order: int64(i), Slot: -1, Body: body,
	}
	b.steps = append(b.steps, s)
	return s
}

func (b *builder) leaf(kind string, arg any, i int) *plan.Step {
	return b.step(kind, i, &plan.Leaf{Kind: b.kinds[kind], Args: []plan.Arg{{Key: kind, Value: constant(arg)}}})
}

func (b *builder) gather(i int, children ...*plan.Step) *plan.Step {
	return b.step("gather", i, &plan.Join{Kind: ast.Gather, Children: children})
}

// plan makes a workflow of its body.
func (b *builder) plan(body *plan.Step) *plan.Plan {
	body.Piece = ""
	w := &plan.Workflow{Dir: "/", Body: body}
	return &plan.Plan{Name: "bench", File: "bench.yaml", Main: w, Workflows: []*plan.Workflow{w}, Steps: b.steps}
}

// flat is a gather of n values, written out.
func flat(n int) *plan.Plan {
	b := newBuilder()
	children := make([]*plan.Step, n)
	for i := range children {
		children[i] = b.leaf("value", i, i)
	}
	return b.plan(b.gather(0, children...))
}

// generated is a gather of n values, made by a generator.
func generated(n int) *plan.Plan {
	b := newBuilder()
	gen := &plan.Generator{
		Vars: []string{"i"}, In: expression(fmt.Sprintf("range(%d)", n)), Do: b.leaf("value", "x", 0),
	}
	return b.plan(b.step("gather", 0, &plan.Join{Kind: ast.Gather, Gen: gen}))
}

// tree is a binary tree of gathers with 1<<height values for leaves.
func tree(height int) *plan.Plan {
	b := newBuilder()
	return b.plan(b.subtree(height, 0))
}

func (b *builder) subtree(height, i int) *plan.Step {
	if height == 0 {
		return b.leaf("value", i, i)
	}
	return b.gather(i, b.subtree(height-1, 0), b.subtree(height-1, 1))
}

// deep is a chain of gathers, one in the other; each has width values besides the next gather.
func deep(depth, width int) *plan.Plan {
	b := newBuilder()
	var inner *plan.Step
	for range depth {
		children := make([]*plan.Step, 0, width+1)
		for i := range width {
			children = append(children, b.leaf("value", i, i))
		}
		if inner != nil {
			inner.Piece, inner.Order = fmt.Sprintf("gather[%d]", width), int64(width)
			children = append(children, inner)
		}
		inner = b.gather(0, children...)
	}
	return b.plan(inner)
}

// sleeps is a gather of n sleeps of 100 ms, each with a timeout of its own.
func sleeps(n int) *plan.Plan {
	b := newBuilder()
	leaf := b.leaf("sleep", "100ms", 0)
	leaf.Body = &plan.Limit{D: constant("10s"), Body: leaf.Body}
	gen := &plan.Generator{Vars: []string{"i"}, In: expression(fmt.Sprintf("range(%d)", n)), Do: leaf}
	return b.plan(b.step("gather", 0, &plan.Join{Kind: ast.Gather, Gen: gen}))
}
