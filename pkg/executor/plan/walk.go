package plan

// Walk calls visit for n and every node below it that belongs to the same step: it stops at the steps inside.
func Walk(n Node, visit func(Node)) {
	if n == nil {
		return
	}
	visit(n)
	Walk(Inner(n), visit)
	if h, ok := n.(*Handle); ok {
		if h.Else != nil {
			visit(h.Else)
		}
		if h.Finally != nil {
			visit(h.Finally)
		}
	}
}

// Inside calls visit for the steps directly inside s, in the order of the file: those of its action, then those of its handlers.
// What a call runs is not inside it.
func (s *Step) Inside(visit func(*Step)) {
	each := func(list []*Step) {
		for _, x := range list {
			visit(x)
		}
	}
	var handle *Handle
	n := s.Body
	for next := Inner(n); next != nil; next = Inner(n) {
		if h, ok := n.(*Handle); ok {
			handle = h
		}
		n = next
	}
	switch n := n.(type) {
	case *Sequence:
		each(n.Items)
	case *Loop:
		visit(n.Gen.Do)
	case *Join:
		each(n.Children)
		if n.Gen != nil {
			visit(n.Gen.Do)
		}
		if n.Visit != nil {
			visit(n.Visit.Step)
		}
	}
	if handle == nil {
		return
	}
	for _, c := range handle.Clauses {
		visit(c.Step)
	}
	for _, l := range []*Sequence{handle.Else, handle.Finally} {
		if l != nil {
			each(l.Items)
		}
	}
}

// Action is what s does: its body without the modifiers around it.
func (s *Step) Action() Node {
	n := s.Body
	for next := Inner(n); next != nil; next = Inner(n) {
		n = next
	}
	return n
}

// Works says that s does something itself. A block or a call only has others do it.
func (s *Step) Works() bool {
	switch s.Action().(type) {
	case *Sequence, *Loop, *Join, *Call:
		return false
	}
	return true
}

// Inner is the node that the modifier n stands around; nil if n is none.
func Inner(n Node) Node {
	if b := within(n); b != nil {
		return *b
	}
	return nil
}

// SetInner has the modifier n stand around another node.
func SetInner(n, inner Node) { *within(n) = inner }

// within is where a modifier has what it stands around; nil: it is none.
func within(n Node) *Node {
	switch n := n.(type) {
	case *Shield:
		return &n.Body
	case *Needs:
		return &n.Body
	case *When:
		return &n.Body
	case *Handle:
		return &n.Body
	case *Limit:
		return &n.Body
	case *Retry:
		return &n.Body
	case *Hold:
		return &n.Body
	case *Result:
		return &n.Body
	case *Leaf, *Sequence, *Loop, *Join, *Call, *Await, *Cancel:
		return nil
	default:
		panic("plan: unknown node")
	}
}

// EachValue calls visit for every value of s that is not one of a step inside it, with the word of the file that it belongs to:
// if, timeout, env, in, ... The arguments of an action have the word action, those of a probe the word ready.
func (s *Step) EachValue(visit func(word string, v *Value)) {
	see := func(word string, v *Value) {
		if v != nil {
			visit(word, v)
		}
	}
	see("name", s.Name)
	for e := s.Env; e != nil; e = e.Outer {
		e.values(see)
	}
	if s.Ready != nil {
		for _, a := range s.Ready.Probe.Args {
			see("ready", a.Value)
		}
	}
	Walk(s.Body, func(n Node) { nodeValues(n, see) })
}

// EachValue calls visit for every value of p: once, also if it is that of a variable which many steps have.
func (p *Plan) EachValue(visit func(v *Value)) {
	see := func(_ string, v *Value) {
		if v != nil {
			visit(v)
		}
	}
	seen := map[*Env]bool{}
	for _, s := range p.Steps {
		for e := s.Env; e != nil && !seen[e]; e = e.Outer {
			seen[e] = true
			e.values(see)
		}
		own := *s
		own.Env = nil
		own.EachValue(see)
	}
}

func (e *Env) values(see func(word string, v *Value)) {
	for i := range e.Vars {
		see("env", e.Vars[i].Value)
	}
}

func nodeValues(n Node, see func(word string, v *Value)) {
	each := func(word string, list []Arg) {
		for _, a := range list {
			see(word, a.Value)
		}
	}
	switch n := n.(type) {
	case *When:
		see("if", n.Cond)
	case *Limit:
		if n.Total {
			see("total_timeout", n.D)
		} else {
			see("timeout", n.D)
		}
	case *Retry:
		see("attempts", n.Attempts)
		see("delay", n.Delay)
		see("factor", n.Factor)
		see("max_delay", n.MaxDelay)
		see("jitter", n.Jitter)
		see("until", n.Until)
		for _, m := range n.Match {
			see("when", m.When)
		}
	case *Handle:
		see("cleanup_timeout", n.Cleanup)
		for _, c := range n.Clauses {
			for _, m := range c.Match {
				see("when", m.When)
			}
		}
	case *Result:
		see("result", n.Value)
	case *Leaf:
		each("action", n.Args)
	case *Call:
		each("with", n.With)
	case *Loop:
		generatorValues(n.Gen, see)
	case *Join:
		see("limit", n.Limit)
		see("return_when", n.Return.Count)
		see("return_after", n.Return.After)
		if n.Gen != nil {
			generatorValues(n.Gen, see)
		}
	case *Shield, *Needs, *Hold, *Sequence, *Await, *Cancel:
	default:
		panic("plan: unknown node")
	}
}

func generatorValues(g *Generator, see func(word string, v *Value)) {
	see("in", g.In)
	for _, l := range g.Lists {
		see("in", l)
	}
	see("exclude", g.Exclude)
}
