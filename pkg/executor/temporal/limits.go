package temporal

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// limitKey is the argument that has the limit of a leaf.
const limitKey = "timeout"

// limitsToWorkers has the limits that stand directly around work be kept by who does it: there they are exact, and do not count
// how long the work waits for a worker. p is the caller's own.
func limitsToWorkers(p *plan.Plan) {
	for _, s := range p.Steps {
		s.Body = limitToWorker(s.Body)
	}
}

func limitToWorker(n plan.Node) plan.Node {
	inner := plan.Inner(n)
	if inner == nil {
		return n
	}
	inner = limitToWorker(inner)
	plan.SetInner(n, inner)
	limit, ok := n.(*plan.Limit)
	if !ok || limit.Total {
		return n
	}
	leaf, ok := inner.(*plan.Leaf)
	if !ok || leaf.Kind.Run == nil {
		return n
	}
	limited := *leaf
	limited.Args = append(slices.Clip(limited.Args), plan.Arg{Key: limitKey, Value: limit.D})
	return &limited
}
