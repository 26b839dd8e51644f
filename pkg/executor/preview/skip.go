package preview

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// skipped says why s is skipped by its own `if`.
func (b *bounds) skipped(s *plan.Step, p at) (why string) {
	plan.Walk(s.Body, func(n plan.Node) {
		if w, ok := n.(*plan.When); ok && b.never(w.Cond, p.scope) {
			why = "its if is false"
		}
	})
	return why
}

// skippedOf says which children of a block are skipped: by their own `if`, or since one that they need is.
func (b *bounds) skippedOf(n *plan.Join, p at) []string {
	why := make([]string, len(n.Children))
	done := make([]bool, len(n.Children))
	var look func(i int) string
	look = func(i int) string {
		if done[i] {
			return why[i]
		}
		done[i] = true
		s := n.Children[i]
		for _, need := range needs(s) {
			if need.Hard && look(int(need.Child)) != "" {
				why[i] = fmt.Sprintf("%q, which it needs, is skipped", n.Children[need.Child].ID)
				return why[i]
			}
		}
		why[i] = b.skipped(s, p.below(s))
		return why[i]
	}
	for i := range n.Children {
		look(i)
	}
	return why
}
