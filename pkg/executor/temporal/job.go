package temporal

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/steps"
)

// commonOf is what all jobs of the run of p have in common.
func commonOf(s executor.Spec, p *plan.Plan) common {
	c := common{Run: s.Run, Reads: executor.Reads(p), Grace: s.Grace}
	for _, x := range p.Secrets {
		c.Secrets = append(c.Secrets, secret{Name: x.Name.Text, File: filepath.ToSlash(x.File)})
	}
	return c
}

// megabytes is a size as people read it.
func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

// prepared is the job of a leaf of the step.
func prepared(s start, step *plan.Step, c common) (job, *event.Error) {
	j := job{Leaf: s.leaf, Kind: s.kind.Name, Step: s.call.Step, Attempt: s.call.Attempt, Common: c}
	if limit, ok := s.call.Args[limitKey]; ok && !s.kind.Probe {
		d, err := event.Duration(limit)
		if err != nil {
			return j, event.Errorf(event.ValueError, "timeout: %s", err)
		}
		if d <= 0 {
			return j, event.Errorf(event.ValueError, "timeout is %s, want more than 0", event.FormatDuration(d))
		}
		j.Limit = d
		delete(s.call.Args, limitKey)
	}
	var problem *event.Error
	if j.Queue, problem = steps.Queue(s.call.Args); problem != nil {
		return j, problem
	}
	j.OnLost, _ = s.call.Args["on_lost"].(string)
	j.Args = kernel.WriteValues(s.call.Args, asItIs)
	if s.call.ReadyLine != nil {
		j.ReadyLine = s.call.ReadyLine.String()
	}
	j.Place = place{Dir: filepath.ToSlash(s.call.Dir)}
	j.Place.Env, j.Place.Without = written(step.Env, s.call.Env)
	size := len(j.Args)
	for _, v := range j.Place.Env {
		size += len(v)
	}
	if size > maxPayload {
		return j, event.Errorf(event.OutputError, "what it is given has %s, and no more than %s can be sent to a worker: keep large data in files (artifacts)", megabytes(size), megabytes(maxPayload))
	}
	return j, nil
}

// written are the variables of env that the layers of e set, and those that they remove: the others are the worker's own matter.
func written(e *plan.Env, env []string) (set, removed []string) {
	known := map[string]bool{}
	for ; e != nil; e = e.Outer { // the innermost wins
		for _, v := range e.Vars {
			if known[v.Name] {
				continue
			}
			known[v.Name] = true
			if v.Value == nil {
				removed = append(removed, v.Name)
			}
		}
	}
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); known[name] {
			set = append(set, v)
		}
	}
	return set, removed
}
