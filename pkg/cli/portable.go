package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/portable"
)

// The engines.
const (
	engineLocal    = "local"
	engineTemporal = "temporal"
)

// isRemote says whether the steps of a run are carried out by workers.
func isRemote(c *cli.Context) bool { return c.String(flagEngine) == engineTemporal }

// ported is p, with what is to be known of it on an engine beyond this machine among its warnings. The error is what cannot
// work there.
func ported(p *plan.Plan) (*plan.Plan, error) {
	found := portable.Check(p)
	all := slices.Concat(p.Warnings, found).Sorted()
	if wrong, _ := found.Count(); wrong > 0 {
		return nil, all
	}
	out := *p
	out.Warnings = all
	return &out, nil
}
