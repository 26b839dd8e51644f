package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// What one expression may be.
const (
	maxSource  = 64 << 10
	maxNodes   = 10_000
	maxNesting = 200
)

const syntaxCode = "expression-syntax"

// syntaxError is what is wrong with an expression and where: a byte offset.
type syntaxError struct {
	at         int
	text, help string
}

// Parse reads src, the text between the braces. pos gives the place in the file of a byte offset in src.
func Parse(src string, pos func(offset int) diag.Pos) (*Expr, diag.List) {
	e := &Expr{Src: src, pos: pos}
	tree, r, err := parse(src)
	if err != nil {
		return nil, diag.List{{Pos: pos(min(err.at, len(src))), Code: syntaxCode, Text: err.text, Help: err.help}}
	}
	e.reads, e.calls = r.reads, r.calls
	if len(e.reads) == 1 && r.isPath(tree.Node) {
		e.path = e.reads[0].path
	} else {
		e.tree.Store(tree)
	}
	return e, nil
}

// parse gives the tree of src with `it` and `null` resolved, and the names in it.
func parse(src string) (tree *parser.Tree, r *resolver, err *syntaxError) {
	defer func() {
		if p := recover(); p != nil {
			if s, ok := p.(*syntaxError); ok {
				err = s
			} else {
				err = &syntaxError{text: fmt.Sprintf("the expression cannot be read (%v)", p)}
			}
		}
	}()
	if err := scan(src); err != nil {
		return nil, nil, err
	}
	config := &conf.Config{MaxNodes: maxNodes, Functions: functions(), Disabled: disabled()}
	r = &resolver{offset: offsets(src)}
	tree, perr := parser.ParseWithConfig(src, config)
	if perr != nil && isNumberError(perr) {
		if mended := r.takeLeast(src); mended != src {
			tree, perr = parser.ParseWithConfig(mended, config)
		}
	}
	if perr != nil {
		return nil, nil, r.explain(src, perr)
	}
	r.walk(&tree.Node)
	slices.SortStableFunc(r.reads, func(a, b read) int { return a.at[0] - b.at[0] })
	slices.SortStableFunc(r.calls, func(a, b call) int { return a.at - b.at })
	return tree, r, nil
}

// disabled names the functions of the library; without it `::now()` would reach them past our own.
var disabled = sync.OnceValue(func() map[string]bool {
	m := make(map[string]bool, len(builtin.Builtins))
	for _, f := range builtin.Builtins {
		m[f.Name] = !f.Predicate
	}
	return m
})

// isLoop says whether name is a function of the library with a predicate. Those alone stay the library's.
func isLoop(name string) bool {
	off, ok := disabled()[name]
	return ok && !off
}

// scan refuses before parsing what the parser is slow at, or says too little about.
func scan(src string) *syntaxError {
	switch {
	case strings.TrimSpace(src) == "":
		return &syntaxError{text: "the expression is empty"}
	case len(src) > maxSource:
		return &syntaxError{at: maxSource, text: fmt.Sprintf("the expression is longer than %d KiB", maxSource>>10)}
	case !utf8.ValidString(src):
		return &syntaxError{text: "the expression is not UTF-8"}
	}
	depth := 0
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '"' || c == '\'' || c == '`':
			end := skipString(src, i)
			if end < 0 {
				return &syntaxError{at: i, text: noClosingQuote}
			}
			if line, _, more := strings.Cut(src[i:end], "\n"); more && c != '`' {
				if strings.Contains(line, "}}") {
					return &syntaxError{at: i, text: noClosingQuote}
				}
				return &syntaxError{at: i, text: "a text in an expression stands on one line", help: lineBreakHelp}
			}
			i = end
			continue
		case strings.HasPrefix(src[i:], "//"):
			if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			return nil
		case strings.HasPrefix(src[i:], "/*"):
			n := strings.Index(src[i+2:], "*/")
			if n < 0 {
				return &syntaxError{at: i, text: "the comment that begins here has no end"}
			}
			i += n + 4
			continue
		case c == '(' || c == '[' || c == '{':
			if depth++; depth > maxNesting {
				return &syntaxError{at: i, text: fmt.Sprintf("the expression is nested more than %d deep", maxNesting)}
			}
		case c == ')' || c == ']' || c == '}':
			depth--
		}
		i++
	}
	return nil
}

// noClosingQuote is said at a quote that opens a text.
const noClosingQuote = "the text that begins here has no closing quote"

const lineBreakHelp = `for a line break write \n, which in a YAML text in double quotes is \\n, or put the text in backquotes`

// skipString gives the offset after the string that begins at i, or -1 if it has no end. Only one in backquotes may hold
// line breaks; but the end of one that does so wrongly must be found to say that.
func skipString(src string, i int) int {
	quote := src[i]
	for i++; i < len(src); i++ {
		switch c := src[i]; {
		case c == quote && quote == '`' && i+1 < len(src) && src[i+1] == '`':
			i++
		case c == quote:
			return i + 1
		case c == '\\' && quote != '`':
			i++
		}
	}
	return -1
}

// offsets gives the function from a place in runes, as the library counts, to one in bytes.
func offsets(src string) func(runes int) int {
	if utf8.RuneCountInString(src) == len(src) {
		return func(n int) int { return n }
	}
	return func(n int) int {
		for i := range src {
			if n == 0 {
				return i
			}
			n--
		}
		return len(src)
	}
}

// resolver walks a tree as written: it tells the names of outside from those bound inside, and puts the
// language's own words in place.
type resolver struct {
	offset func(runes int) int
	reads  []read
	calls  []call
	bound  []string // variables of let, innermost last
	inside int      // predicates around
	nodes  int
	least  map[int]bool // where takeLeast has put a 1
}

func (r *resolver) at(n ast.Node) int { return r.offset(n.Location().From) }

func (r *resolver) refuse(n ast.Node, format string, args ...any) {
	panic(&syntaxError{at: r.at(n), text: fmt.Sprintf(format, args...)})
}

func (r *resolver) name(n ast.Node, name string) {
	if strings.HasPrefix(name, "__") {
		r.refuse(n, "names that begin with __ are reserved (%s)", name)
	}
	if name == "$env" {
		r.refuse(n, "$env is not in the language: write the name itself")
	}
}

func (r *resolver) walk(node *ast.Node) {
	// The parser puts one node in two places for chained comparisons; unshare keeps that from growing.
	if r.nodes++; r.nodes > 2*maxNodes {
		r.refuse(*node, "the expression has more than %d parts", maxNodes)
	}
	switch n := (*node).(type) {
	case nil, *ast.NilNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.PointerNode:
	case *ast.IntegerNode:
		if r.least != nil && r.least[r.at(n)] {
			r.refuse(n, "%d does not fit 64 bits", uint64(1<<63))
		}
	case *ast.IdentifierNode:
		r.identifier(node, n)
	case *ast.UnaryNode:
		if i, ok := n.Node.(*ast.IntegerNode); ok && n.Operator == "-" && r.least != nil && r.least[r.at(i)] {
			ast.Patch(node, &ast.IntegerNode{Value: math.MinInt})
			return
		}
		r.walk(&n.Node)
	case *ast.BinaryNode:
		if n.Operator == "&&" {
			r.unshareComparison(n)
		}
		r.walk(&n.Left)
		r.walk(&n.Right)
	case *ast.ChainNode:
		r.walk(&n.Node)
	case *ast.MemberNode:
		if !r.path(n) {
			r.walk(&n.Node)
			r.walk(&n.Property)
		}
	case *ast.SliceNode:
		r.walk(&n.Node)
		r.optional(&n.From)
		r.optional(&n.To)
	case *ast.CallNode:
		r.call(n)
	case *ast.BuiltinNode:
		if !isLoop(n.Name) {
			r.refuse(n, "there is no function %s", n.Name)
		}
		r.calls = append(r.calls, call{name: n.Name, at: r.at(n)})
		r.all(n.Arguments)
	case *ast.PredicateNode:
		r.inside++
		r.walk(&n.Node)
		r.inside--
	case *ast.ConditionalNode:
		if n.Cond == n.Exp1 {
			n.Exp1 = r.copy(n.Exp1, "a ?: b", "a ?? b")
		}
		r.walk(&n.Cond)
		r.walk(&n.Exp1)
		r.walk(&n.Exp2)
	case *ast.VariableDeclaratorNode:
		r.name(n, n.Name)
		r.walk(&n.Value)
		r.bound = append(r.bound, n.Name)
		r.walk(&n.Expr)
		r.bound = r.bound[:len(r.bound)-1]
	case *ast.SequenceNode:
		r.all(n.Nodes)
	case *ast.ArrayNode:
		r.all(n.Nodes)
	case *ast.MapNode:
		r.all(n.Pairs)
	case *ast.PairNode:
		r.walk(&n.Key)
		r.walk(&n.Value)
	case *ast.BytesNode:
		r.refuse(n, `b"..." is not in the language`)
	default:
		panic(fmt.Sprintf("expr: unknown node %T", n))
	}
}

func (r *resolver) all(nodes []ast.Node) {
	for i := range nodes {
		r.walk(&nodes[i])
	}
}

func (r *resolver) optional(n *ast.Node) {
	if *n != nil {
		r.walk(n)
	}
}

func (r *resolver) identifier(node *ast.Node, n *ast.IdentifierNode) {
	r.name(n, n.Value)
	switch {
	case slices.Contains(r.bound, n.Value):
	case n.Value == "it" && r.inside > 0:
		ast.Patch(node, &ast.PointerNode{})
	case n.Value == "null":
		ast.Patch(node, &ast.NilNode{})
	default:
		r.reads = append(r.reads, read{[]string{n.Value}, []int{r.at(n)}})
	}
}

// path records `root.a["b"].c` as one read, if n is such.
func (r *resolver) path(n *ast.MemberNode) bool {
	var names []string
	var at []int
	var node ast.Node = n
	for {
		if r.nodes++; r.nodes > 2*maxNodes {
			r.refuse(n, "the expression has more than %d parts", maxNodes)
		}
		switch x := node.(type) {
		case *ast.ChainNode:
			node = x.Node
			continue
		case *ast.MemberNode:
			name, ok := x.Property.(*ast.StringNode)
			if !ok || x.Method {
				return false
			}
			names, at = append(names, name.Value), append(at, r.at(name))
			node = x.Node
			continue
		case *ast.IdentifierNode:
			if slices.Contains(r.bound, x.Value) || x.Value == "it" && r.inside > 0 || x.Value == "null" {
				return false
			}
			r.name(x, x.Value)
			names, at = append(names, x.Value), append(at, r.at(x))
		default:
			return false
		}
		break
	}
	slices.Reverse(names)
	slices.Reverse(at)
	r.reads = append(r.reads, read{names, at})
	return true
}

// isPath says whether node is nothing but the one read that r found in it.
func (r *resolver) isPath(node ast.Node) bool {
	for {
		switch n := node.(type) {
		case *ast.IdentifierNode:
			return true
		case *ast.MemberNode:
			if n.Optional {
				return false
			}
			if _, ok := n.Property.(*ast.StringNode); !ok {
				return false
			}
			node = n.Node
		default:
			return false
		}
	}
}

// methods are those of dates and durations that depend on nothing but their value.
var methods = []string{
	"After", "Before", "Day", "Equal", "Format", "Hour", "Hours", "Milliseconds", "Minute", "Minutes", "Month",
	"Second", "Seconds", "Unix", "UnixMilli", "Weekday", "Year", "YearDay",
}

func (r *resolver) call(n *ast.CallNode) {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		r.name(callee, callee.Value)
		c := call{name: callee.Value, at: r.at(callee)}
		if len(n.Arguments) > 0 {
			if text, ok := n.Arguments[0].(*ast.StringNode); ok {
				c.arg = &text.Value
			}
		}
		r.calls = append(r.calls, c)
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok || !slices.Contains(methods, name.Value) {
			r.refuse(callee.Property, "only functions can be called: write f(x), not x.f()")
		}
		r.walk(&callee.Node)
	default:
		r.refuse(n, "only functions can be called")
	}
	r.all(n.Arguments)
}

// unshareComparison gives `a < b < c`, which comes as `a < b && b < c` with one node b, a second b.
func (r *resolver) unshareComparison(n *ast.BinaryNode) {
	right, ok := n.Right.(*ast.BinaryNode)
	if !ok {
		return
	}
	left, ok := n.Left.(*ast.BinaryNode)
	if ok && left.Operator == "&&" {
		left, ok = left.Right.(*ast.BinaryNode)
	}
	if ok && left.Right == right.Left {
		right.Left = r.copy(right.Left, "a < b < c", "a < b and b < c")
	}
}

// copy copies a node that stands in two places, if it is a name with members or a constant.
func (r *resolver) copy(node ast.Node, wrote, write string) ast.Node {
	var out ast.Node
	switch n := node.(type) {
	case nil:
		return nil
	case *ast.IdentifierNode:
		out = &ast.IdentifierNode{Value: n.Value}
	case *ast.PointerNode:
		out = &ast.PointerNode{Name: n.Name}
	case *ast.IntegerNode:
		out = &ast.IntegerNode{Value: n.Value}
	case *ast.FloatNode:
		out = &ast.FloatNode{Value: n.Value}
	case *ast.StringNode:
		out = &ast.StringNode{Value: n.Value}
	case *ast.BoolNode:
		out = &ast.BoolNode{Value: n.Value}
	case *ast.MemberNode:
		out = &ast.MemberNode{Node: r.copy(n.Node, wrote, write), Property: r.copy(n.Property, wrote, write)}
	default:
		panic(&syntaxError{
			at: r.at(node), text: fmt.Sprintf("this is too much for the middle of %q", wrote), help: fmt.Sprintf("write %q", write),
		})
	}
	out.SetLocation(node.Location())
	return out
}
