package plan

import (
	"regexp"
	"strconv"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// Size is how many children g makes, as far as it can be known of a workflow with these inputs before it runs; 0: nobody knows.
// Not exact: that is with the defaults of inputs.
func (g *Generator) Size(inputs []*ast.Input) (n int, exact bool) {
	var in, exclude *expr.Template
	if g.In != nil {
		in = g.In.Src
	}
	if g.Exclude != nil {
		exclude = g.Exclude.Src
	}
	lists := make([]*expr.Template, len(g.Lists))
	for i, l := range g.Lists {
		lists[i] = l.Src
	}
	return sizeOf(in, lists, exclude, inputs)
}

// tooMany bounds what is counted.
const tooMany = 1_000_000_000

func sizeOf(in *expr.Template, lists []*expr.Template, exclude *expr.Template, inputs []*ast.Input) (n int, exact bool) {
	if in != nil {
		return length(in, inputs)
	}
	if exclude != nil || len(lists) == 0 {
		return 0, false
	}
	n, exact = 1, true
	for _, l := range lists {
		m, sure := length(l, inputs)
		n = min(n*m, tooMany)
		exact = exact && sure
	}
	return n, exact
}

// numbers is a range whose ends are written, or are an input.
var numbers = regexp.MustCompile(`^\s*range\(\s*(?:(\d{1,9})\s*,\s*)?(?:(\d{1,9})|inputs\.(\w+))\s*\)\s*$`)

func length(t *expr.Template, inputs []*ast.Input) (n int, exact bool) {
	if t == nil {
		return 0, false
	}
	switch t.Shape {
	case expr.Constant:
		list, _ := t.Const.([]any)
		return len(list), true
	case expr.Sequence:
		return len(t.List), true
	case expr.Single:
		m := numbers.FindStringSubmatch(t.Expr.Src)
		if m == nil {
			return 0, false
		}
		from, _ := strconv.Atoi(m[1])
		to, _ := strconv.Atoi(m[2])
		exact = true
		if name := m[3]; name != "" {
			exact = false
			if in := input(inputs, name); in != nil {
				to, _ = in.Default.(int)
			}
		}
		return max(0, min(to-from, tooMany)), exact
	}
	return 0, false
}
