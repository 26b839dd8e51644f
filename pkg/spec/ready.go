package spec

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// probes are the members of `ready` that ask; the others say how often and how long.
var probes = []string{"tcp", "http", "run", "log"}

// ready reads the probe of a service: its members are the arguments of the probe kind.
func (r *reader) ready(key, n *yaml.Node) *ast.Leaf {
	out := &ast.Leaf{Kind: r.lang.probe, Pos: r.text.pos(key)}
	var asks []*yaml.Node
	for k, v := range r.entries(n) {
		a := ast.Pair{Key: r.name(k)}
		switch k.Value {
		case "every", "timeout":
			a.Value = r.limit(v)
		case "http":
			a.Value = r.template(v, kind.Free)
		case "run":
			a.Value = r.template(v, kind.Script)
		case "log":
			a.Value = r.template(v, kind.Literal)
			if !r.bad[deref(v)] {
				r.regexp(v)
			}
		default:
			a.Value = r.template(v, kind.Text)
		}
		for _, p := range probes {
			if p == k.Value {
				asks = append(asks, k)
			}
		}
		out.Args = append(out.Args, a)
	}
	switch {
	case deref(n).Kind != yaml.MappingNode: // it stands where no schema has looked at it
	case len(asks) > 1:
		r.problem(asks[1], "ready", "ready asks in one way, and this one has both %s and %s", asks[0].Value, asks[1].Value)
		r.second(asks[0], asks[0].Value+" is here")
		r.help("leave one out, or ask by a script with both: run: ...")
	case len(asks) == 0 && !r.partial(deref(n)):
		r.problem(deref(n), "ready", "ready does not say what to ask: it has none of %s", strings.Join(probes, ", "))
		r.help(`write for example ready: {tcp: "127.0.0.1:8080"}`)
	default:
		r.checkKind(out, deref(n))
	}
	return out
}
