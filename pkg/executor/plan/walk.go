package plan

// Walk calls visit for n and every node below it that belongs to the same step: it stops at the steps inside.
func Walk(n Node, visit func(Node)) {
	if n == nil {
		return
	}
	visit(n)
	switch n := n.(type) {
	case *Needs:
		Walk(n.Body, visit)
	case *When:
		Walk(n.Body, visit)
	case *Limit:
		Walk(n.Body, visit)
	case *Retry:
		Walk(n.Body, visit)
	case *Hold:
		Walk(n.Body, visit)
	case *Shield:
		Walk(n.Body, visit)
	case *Result:
		Walk(n.Body, visit)
	case *Handle:
		Walk(n.Body, visit)
		if n.Else != nil {
			visit(n.Else)
		}
		if n.Finally != nil {
			visit(n.Finally)
		}
	case *Leaf, *Sequence, *Loop, *Join, *Call, *Await, *Cancel:
	default:
		panic("plan: unknown node")
	}
}
