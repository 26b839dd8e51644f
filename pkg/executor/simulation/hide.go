package simulation

import (
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// hide masks in what r says of errors the values of the environment and of dotenv files that p reads: there may be secrets in
// them that nobody declared, and nothing but a run has to show them.
func (r *Report) hide(p *plan.Plan, env []string) {
	hidden := mask.New(environment(p, env))
	for _, s := range r.Steps {
		s.Why = hidden.Text(s.Why)
	}
	if e := r.Outcome.Err; e != nil {
		shown := *e
		shown.Type, shown.Message = hidden.Text(e.Type), hidden.Text(e.Message)
		r.Outcome.Err = &shown
	}
}

// environment are the values of the variables that expressions of p can read and that do not stand in a workflow file.
func environment(p *plan.Plan, env []string) (values []string) {
	read, all := map[string]bool{}, false
	for _, x := range p.Workflows {
		for _, item := range x.Items() {
			item.Step.EachValue(func(_ string, v *plan.Value) {
				for _, r := range v.Refs {
					if r.Kind != plan.RefEnv {
						continue
					}
					read[r.Member] = true
					all = all || r.Member == ""
					for e := r.Env; e != nil; e = e.Outer {
						for _, x := range e.Vars {
							if e.Dotenv && (x.Name == r.Member || r.Member == "") {
								text, _ := x.Value.V.Constant()
								values = append(values, text.(string))
							}
						}
					}
				}
			})
		}
	}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok && (all || read[name]) {
			values = append(values, value)
		}
	}
	return values
}
