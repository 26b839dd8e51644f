// Package graph draws a plan: what runs after what, and what runs beside what.
//
//	plan.Plan ─► boxes and arrows ─► folded until it can be read ─► tree | mermaid | dot | svg
//
// The language is a tree, so a picture of it is boxes in boxes; only the arrows (then, needs, reads, awaits) go across. All
// forms are made from the same boxes, so they cannot disagree, and each is a function of the plan alone: the same plan
// gives the same bytes. No text of a file gets into a picture as anything but text. Values are never drawn: what stands
// in a picture is what stands in the file, and of the environment and of the arguments of a call not even that.
package graph

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Formats are the forms that Draw knows.
func Formats() []string { return []string{"tree", "mermaid", "dot", "svg"} }

// Draw is a picture of p in one of Formats. ran is what became of steps in a run, by their paths; a step that is written once for many
// has the path with [*] in the place of numbers. The steps of called workflows, which have a path for each call, are drawn without. A
// nil ran is the picture of a plan.
func Draw(p *plan.Plan, format string, ran map[string]event.Status) string {
	drawn := func() *picture { return build(p, ran) }
	switch format {
	case "tree":
		return drawTree(drawn())
	case "mermaid":
		return drawMermaid(drawn)
	case "dot":
		return drawDot(drawn())
	case "svg":
		return drawSVG(drawn())
	default:
		panic(fmt.Sprintf("graph: there is no format %q", format))
	}
}
