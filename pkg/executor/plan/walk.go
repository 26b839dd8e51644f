package plan

// Walk calls visit for n and every node below it that belongs to the same step: it stops at the steps inside.
func Walk(n Node, visit func(Node)) {
	if n == nil {
		return
	}
	visit(n)
	Walk(inner(n), visit)
	if h, ok := n.(*Handle); ok {
		if h.Else != nil {
			visit(h.Else)
		}
		if h.Finally != nil {
			visit(h.Finally)
		}
	}
}

// Action is what s does: its body without the modifiers around it.
func (s *Step) Action() Node {
	n := s.Body
	for next := inner(n); next != nil; next = inner(n) {
		n = next
	}
	return n
}

// inner is the node that the modifier n stands around; nil if n is none.
func inner(n Node) Node {
	switch n := n.(type) {
	case *Shield:
		return n.Body
	case *Needs:
		return n.Body
	case *When:
		return n.Body
	case *Handle:
		return n.Body
	case *Limit:
		return n.Body
	case *Retry:
		return n.Body
	case *Hold:
		return n.Body
	case *Result:
		return n.Body
	case *Leaf, *Sequence, *Loop, *Join, *Call, *Await, *Cancel:
		return nil
	default:
		panic("plan: unknown node")
	}
}
