package spec

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// block reads what stands below steps, gather, wait or taskgroup: a list of steps or a generator.
func (r *reader) block(key, n *yaml.Node, depth int) *ast.Block {
	b := &ast.Block{Pos: r.text.pos(key)}
	switch key.Value {
	case "gather":
		b.Kind = ast.Gather
	case "wait":
		b.Kind = ast.Wait
	case "taskgroup":
		b.Kind = ast.TaskGroup
	}
	switch {
	case r.bad[n]:
	case n.Kind == yaml.SequenceNode:
		b.Children = r.steps(n, depth+1)
		if b.Kind == ast.Wait && len(n.Content) == 0 {
			r.problem(n, "empty-wait", "wait needs at least one step")
		}
	case n.Kind == yaml.MappingNode:
		b.For = r.generator(n, depth)
	default:
		r.mismatch(n)
	}
	return b
}

// generator reads `for`, `in`, `exclude`, `do`.
func (r *reader) generator(n *yaml.Node, depth int) *ast.Generator {
	g := &ast.Generator{Pos: r.text.pos(n.Content[0])}
	partial := r.partial(n)
	loop, in := field(n, "for"), field(n, "in")
	switch {
	case loop == nil:
		r.mismatch(n)
	case r.bad[loop]:
	case loop.Kind == yaml.MappingNode:
		r.matrix(g, loop)
		if key := keyOf(n, "in"); key != nil {
			r.problem(key, "matrix-in", "a matrix has its lists in for, and no in")
			r.help("to loop over one list write for: NAME")
		}
	default:
		g.Vars = []ast.Name{r.variable(loop)}
		if key := keyOf(n, "exclude"); key != nil {
			r.problem(key, "exclude-without-matrix", "exclude belongs to a matrix")
			r.help("filter the list instead, as in: filter(" + inText(in) + ", ...)")
		}
		if in == nil && !partial { // a missing key may be the misspelt one
			r.problem(keyOf(n, "for"), "missing-key", "this generator has no in: what shall %s go over?", brief(loop.Value))
			r.help("write in: range(3), or in: [a, b]")
		}
	}
	if in != nil && (loop == nil || loop.Kind != yaml.MappingNode) {
		g.In = r.sequenceOrCondition(in)
	}
	if exclude := field(n, "exclude"); exclude != nil {
		g.Exclude = r.condition(exclude)
	}
	g.Do = &ast.Step{Pos: g.Pos, Partial: true}
	if do := field(n, "do"); do != nil {
		g.Do = r.step(do, inList, depth+1)
	}
	return g
}

func inText(in *yaml.Node) string {
	if in == nil || in.Kind != yaml.ScalarNode || len(in.Value) > 30 {
		return "LIST"
	}
	return in.Value
}

// matrix reads `for: {os: [linux, darwin], go: ["1.25", "1.26"]}`.
func (r *reader) matrix(g *ast.Generator, n *yaml.Node) {
	for i := 0; i < len(n.Content); i += 2 {
		g.Vars = append(g.Vars, r.variable(deref(n.Content[i])))
		g.Lists = append(g.Lists, r.sequenceOrCondition(n.Content[i+1]))
	}
}

// variable reads the name of a loop variable.
func (r *reader) variable(n *yaml.Node) ast.Name {
	name := r.name(n)
	if slices.Contains(reserved, name.Text) {
		r.problem(n, "reserved-name", "%s has a meaning of its own in expressions", name.Text)
		r.help("call the loop variable something else")
	}
	return name
}

// reserved names cannot be loop variables: expressions know them.
var reserved = []string{
	"inputs", "env", "secrets", "steps", "run", "loop", "attempt", "error", "task", "value",
	"it", "true", "false", "nil", "null", "in", "not", "and", "or", "let", "if", "else",
}

// blockKey reads a key that stands beside a block.
func (r *reader) blockKey(b *ast.Block, k, v *yaml.Node, depth int) {
	switch k.Value {
	case "limit":
		b.Limit = r.count(v)
	case "return_exceptions":
		b.ReturnExceptions = r.flag(v)
	case "errors":
		b.GroupErrors = r.name(v).Text == "group"
	case "as_completed":
		b.AsCompleted = r.step(v, inList, depth+1)
	case "return_when":
		b.Return.Mode, b.Return.Count = r.returnWhen(v)
		if b.Return.Pos.Line == 0 {
			b.Return.Pos = r.text.pos(k)
		}
	case "return_after":
		b.Return.After = r.limit(v)
	case "rest":
		b.Return.Keep = r.name(v).Text == "keep"
		b.Return.Pos = r.text.pos(k)
	}
}

// returnWhen reads a mode, or {completed: n}, {succeeded: n}.
func (r *reader) returnWhen(n *yaml.Node) (ast.ReturnMode, *expr.Template) {
	if n.Kind == yaml.MappingNode {
		if completed := field(n, "completed"); completed != nil {
			return ast.CountCompleted, r.count(completed)
		}
		if succeeded := field(n, "succeeded"); succeeded != nil {
			return ast.CountSucceeded, r.count(succeeded)
		}
		r.mismatch(n)
		return 0, nil
	}
	mode := slices.Index(returnModes, n.Value)
	if mode < 0 {
		r.mismatch(n)
		return 0, nil
	}
	return ast.ReturnMode(mode), nil
}

// returnModes are the words of return_when, in the order of ast.ReturnMode.
var returnModes = []string{"all_completed", "first_completed", "first_exception", "first_success"}

// count reads a whole number of at least 1; the schema has seen to constants.
func (r *reader) count(n *yaml.Node) *expr.Template { return r.template(n, kind.Typed) }

// checkBlock looks at keys of a block that must fit each other.
func (r *reader) checkBlock(b *ast.Block) {
	if b.ReturnExceptions && b.GroupErrors {
		r.problems.Add(b.Pos, "errors-and-return-exceptions", "with return_exceptions the block does not fail, so errors: group says nothing")
	}
	n := b.Return.Count
	if n == nil || n.Shape != expr.Constant || b.For != nil {
		return
	}
	if want, ok := n.Const.(int); ok && want > len(b.Children) && len(b.Children) > 0 {
		r.problems.Add(n.Pos, "quorum-too-large", "%d steps are to be waited for, and the wait has only %d", want, len(b.Children))
	}
}
