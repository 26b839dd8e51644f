package temporal

import "github.com/flowrun/flowrun/pkg/executor/plan"

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
	switch n := n.(type) {
	case *plan.Shield:
		n.Body = limitToWorker(n.Body)
	case *plan.Needs:
		n.Body = limitToWorker(n.Body)
	case *plan.When:
		n.Body = limitToWorker(n.Body)
	case *plan.Handle:
		n.Body = limitToWorker(n.Body)
	case *plan.Retry:
		n.Body = limitToWorker(n.Body)
	case *plan.Hold:
		n.Body = limitToWorker(n.Body)
	case *plan.Result:
		n.Body = limitToWorker(n.Body)
	case *plan.Limit:
		n.Body = limitToWorker(n.Body)
		if leaf, ok := n.Body.(*plan.Leaf); ok && leaf.Kind.Run != nil && !n.Total {
			limited := *leaf
			limited.Args = append(limited.Args[:len(limited.Args):len(limited.Args)], plan.Arg{Key: limitKey, Value: n.D})
			return &limited
		}
	}
	return n
}
