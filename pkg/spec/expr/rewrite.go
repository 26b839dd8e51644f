package expr

import (
	"fmt"
	"math"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/vm"
)

// budgetName is the name of the budget in what the bytecode sees as its environment.
const budgetName = "__budget"

// compile makes bytecode of e, which has passed the check. It reads the source again: the types that the check
// writes into a tree would make the compiler trust them, and a value may be null whatever its type.
func compile(e *Expr) (*vm.Program, error) {
	tree, _, serr := parse(e.Src)
	if serr != nil {
		return nil, fmt.Errorf("%s", serr.text)
	}
	ast.Walk(&tree.Node, rewriter{})
	config := &conf.Config{
		Functions:    functions(),
		ShortCircuit: true,
		Env:          nature.NatureOf(map[string]any{}),
	}
	return compiler.Compile(tree, config)
}

// rewriter is the visitor that puts counted functions in the place of everything whose cost depends on data. The functions
// take the budget last, since a member read with `?.` jumps out of the arguments after it with one value on the stack.
type rewriter struct{}

// Visit implements ast.Visitor. It sees a node after the nodes inside.
func (rewriter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.CallNode:
		rewriteCall(node, n)
	case *ast.MemberNode:
		rewriteMember(node, n)
	case *ast.SliceNode:
		from, to := n.From, n.To
		if from == nil {
			from = &ast.NilNode{}
		}
		if to == nil {
			to = &ast.NilNode{}
		}
		replace(node, "__slice", n.Node, from, to)
	case *ast.UnaryNode:
		if i, ok := n.Node.(*ast.IntegerNode); n.Operator == "-" && (!ok || i.Value == math.MinInt) {
			replace(node, "__negate", n.Node)
		}
	case *ast.BinaryNode:
		rewriteBinary(node, n)
	case *ast.PredicateNode:
		n.Node = counted("__tick", n.Node, &ast.IntegerNode{Value: size(&n.Node)})
	case *ast.BuiltinNode:
		rewriteLoop(node, n)
	}
}

// counted is the call name(args..., budget).
func counted(name string, args ...ast.Node) *ast.CallNode {
	args = append(args[:len(args):len(args)], &ast.IdentifierNode{Value: budgetName})
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

func replace(node *ast.Node, name string, args ...ast.Node) { ast.Patch(node, counted(name, args...)) }

// isCall says whether node is a call of that function.
func isCall(node ast.Node, name string) (*ast.CallNode, bool) {
	c, ok := node.(*ast.CallNode)
	if !ok {
		return nil, false
	}
	id, ok := c.Callee.(*ast.IdentifierNode)
	return c, ok && id.Value == name
}

// forgive lets a read of env give null when the variable is not set.
func forgive(node ast.Node) {
	if c, ok := isCall(node, "__env"); ok {
		c.Callee = &ast.IdentifierNode{Value: "__member"}
	}
}

func rewriteCall(node *ast.Node, n *ast.CallNode) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok { // a method of a date
		for i, a := range n.Arguments {
			n.Arguments[i] = counted("__read", a)
		}
		return
	}
	switch {
	case id.Value == "success" || id.Value == "failure":
		ast.Patch(node, &ast.IdentifierNode{Value: id.Value + "()"})
		return
	case id.Value == "glob":
		n.Arguments = append(n.Arguments, &ast.IdentifierNode{Value: "glob()"})
	case id.Value == "default":
		forgive(n.Arguments[0])
	}
	replace(node, id.Value, n.Arguments...)
}

func rewriteMember(node *ast.Node, n *ast.MemberNode) {
	if n.Method || n.Optional {
		return
	}
	name := "__member"
	if id, ok := n.Node.(*ast.IdentifierNode); ok && id.Value == "env" {
		name = "__env"
	}
	replace(node, name, n.Node, n.Property)
}

func isConstant(node ast.Node) bool {
	switch node.(type) {
	case *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
		return true
	}
	return false
}

var arithmetic = map[string]string{
	"+": "__add", "-": "__subtract", "*": "__multiply", "/": "__divide", "%": "__modulo", "**": "__power", "^": "__power",
	"in": "__in", "..": "__upto",
}

func rewriteBinary(node *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "==", "!=":
		if isConstant(n.Left) || isConstant(n.Right) {
			return // the library compares a constant with anything at once
		}
		name := "__equal"
		if n.Operator == "!=" {
			name = "__unequal"
		}
		replace(node, name, n.Left, n.Right)
	case "<", "<=", ">", ">=", "contains", "startsWith", "endsWith":
		n.Left = counted("__read", n.Left)
	case "??":
		forgive(n.Left)
	case "matches":
		if s, ok := n.Right.(*ast.StringNode); ok {
			if p, err := compilePattern(s.Value); err == nil {
				n.Right = &ast.ConstantNode{Value: p}
			}
		}
		replace(node, "__matches", n.Left, n.Right)
	case "and", "&&", "or", "||":
	default:
		replace(node, arithmetic[n.Operator], n.Left, n.Right)
	}
}

// rewriteLoop bounds what a function with a predicate goes through. Those that the library cannot do
// with a count (sum), in a stable order (sortBy) or with text keys (groupBy) are put together from others.
func rewriteLoop(node *ast.Node, n *ast.BuiltinNode) {
	n.Arguments[0] = counted("__list", n.Arguments[0], &ast.StringNode{Value: n.Name})
	switch n.Name {
	case "count":
		if len(n.Arguments) == 1 {
			replace(node, "__count", n.Arguments...)
		}
	case "sum":
		if len(n.Arguments) == 2 {
			replace(node, "__sum", &ast.BuiltinNode{Name: "map", Arguments: n.Arguments})
		} else {
			replace(node, "__sum", n.Arguments...)
		}
	case "groupBy":
		replace(node, "__groupBy", pairs(n))
	case "sortBy":
		replace(node, "__sortBy", append([]ast.Node{pairs(n)}, n.Arguments[2:]...)...)
	}
}

// pairs is the list of [element, value of the predicate].
func pairs(n *ast.BuiltinNode) ast.Node {
	p := n.Arguments[1].(*ast.PredicateNode)
	p.Node = &ast.ArrayNode{Nodes: []ast.Node{&ast.PointerNode{}, p.Node}}
	return &ast.BuiltinNode{Name: "map", Arguments: n.Arguments[:2]}
}

// size is the number of nodes of a tree: what one round of a loop costs, loops in it apart.
func size(node *ast.Node) int {
	var c counter
	ast.Walk(node, &c)
	return int(c)
}

type counter int

func (c *counter) Visit(*ast.Node) { *c++ }
