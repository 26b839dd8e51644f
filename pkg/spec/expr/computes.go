package expr

import "github.com/expr-lang/expr/ast"

// Computes lists those of the uses of e that unknown chooses and that e computes with: it does more with the value than to hand
// it on, to join it to a text, or to ask whether it is "". So with something else in the place of the value e does not come out right.
func (e *Expr) Computes(unknown func(Use) bool) (out []Use) {
	var free freely
	for i, u := range e.Uses() {
		if e.path != nil || !unknown(u) {
			continue
		}
		if free == nil {
			free = e.freely()
		}
		if !free[e.reads[i].at[0]] {
			out = append(out, u)
		}
	}
	return out
}

// freely are the offsets of the names that may have any value.
type freely map[int]bool

func (e *Expr) freely() freely {
	tree, r, err := parse(e.Src)
	if err != nil {
		panic("expr: what was parsed cannot be parsed again: " + err.text)
	}
	free := freely{}
	free.handed(tree.Node, r)
	ast.Walk(&tree.Node, asked{free, r})
	return free
}

// handed takes the names whose values node hands on.
func (f freely) handed(node ast.Node, r *resolver) {
	switch n := node.(type) {
	case *ast.ConditionalNode:
		f.handed(n.Exp1, r)
		f.handed(n.Exp2, r)
	case *ast.BinaryNode:
		if n.Operator == "??" || n.Operator == "+" {
			f.handed(n.Left, r)
			f.handed(n.Right, r)
		}
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok && id.Value == "default" {
			for _, a := range n.Arguments {
				f.handed(a, r)
			}
		}
	case *ast.ArrayNode:
		for _, x := range n.Nodes {
			f.handed(x, r)
		}
	case *ast.MapNode:
		for _, p := range n.Pairs {
			if p, ok := p.(*ast.PairNode); ok {
				f.handed(p.Value, r)
			}
		}
	default:
		f.name(n, r)
	}
}

// name takes node if it is a name, with members or without.
func (f freely) name(node ast.Node, r *resolver) {
	for {
		switch n := node.(type) {
		case *ast.ChainNode:
			node = n.Node
		case *ast.MemberNode:
			if _, ok := n.Property.(*ast.StringNode); !ok {
				return
			}
			node = n.Node
		case *ast.IdentifierNode:
			f[r.at(n)] = true
			return
		default:
			return
		}
	}
}

// asked takes the names that are compared with "".
type asked struct {
	free freely
	r    *resolver
}

// Visit implements ast.Visitor.
func (a asked) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.BinaryNode)
	if !ok || n.Operator != "==" && n.Operator != "!=" {
		return
	}
	if isEmpty(n.Right) {
		a.free.name(n.Left, a.r)
	}
	if isEmpty(n.Left) {
		a.free.name(n.Right, a.r)
	}
}

func isEmpty(n ast.Node) bool {
	text, ok := n.(*ast.StringNode)
	return ok && text.Value == ""
}
