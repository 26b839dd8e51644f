package preview

import (
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// scope is what is known of the names at a place: a workflow with its inputs, and inside it a scope for each generator, as
// the kernel has frames.
type scope struct {
	workflow *plan.Workflow
	inputs   map[string]any // those that are known
	outer    *scope         // the frame around it; nil in the workflow's own
	prefix   string         // of the paths of steps with an id
	depth    int32
	vars     []any // of an iteration; nil: not known
	index    int
	calls    int            // how deep it is called
	tasks    map[int32]task // background tasks by their slots
}

// inner is the scope of one iteration; without vars that of any.
func (s *scope) inner(prefix string, vars []any, index int) *scope {
	return &scope{
		workflow: s.workflow, inputs: s.inputs, outer: s, prefix: prefix, depth: s.depth + 1, vars: vars, index: index, calls: s.calls,
	}
}

// at is the scope of the given depth around s.
func (s *scope) at(depth int32) *scope {
	for s.depth > depth {
		s = s.outer
	}
	return s
}

// unknown stands for what only a run can know: an expression that reads it has no value.
var unknown = event.Poison{Err: event.Errorf(event.ExpressionError, "this is known in a run only")}

// facts evaluates what does not hang on what steps do.
type facts struct {
	opt Options
	env map[string]string // inherited, without the declared secrets
}

func newFacts(p *plan.Plan, opt Options) *facts {
	f := &facts{opt: opt, env: map[string]string{}}
	for _, v := range opt.Env {
		if name, value, ok := strings.Cut(v, "="); ok && name != "" {
			f.env[name] = value
		}
	}
	for _, s := range p.Secrets {
		delete(f.env, s.Name.Text)
	}
	return f
}

// value is that of v, if it is known. What is inherited from the environment counts only when it is not to be shown: there
// may be secrets in it that nobody declared.
func (f *facts) value(v *plan.Value, s *scope, shown bool) (any, bool) {
	if c, ok := v.V.Constant(); ok {
		return c, true
	}
	env := map[string]any{}
	under := func(root string) map[string]any {
		m, _ := env[root].(map[string]any)
		if m == nil {
			m = map[string]any{}
			env[root] = m
		}
		return m
	}
	for i := range v.Refs {
		r := &v.Refs[i]
		switch r.Kind {
		case plan.RefInputs:
			m := under("inputs")
			for _, in := range s.workflow.Inputs {
				name := in.Name.Text
				m[name] = unknown
				if value, ok := s.inputs[name]; ok && !in.Secret {
					m[name] = value
				}
			}
		case plan.RefEnv:
			if r.Member == "" {
				return nil, false
			}
			f.variable(under("env"), r, s, shown)
		case plan.RefVar:
			env[r.Name] = unknown
			if vars := s.at(r.Depth).vars; int(r.Slot) < len(vars) {
				env[r.Name] = vars[r.Slot]
			}
		case plan.RefLoop:
			env["loop"] = unknown
			if at := s.at(r.Depth); at.vars != nil {
				env["loop"] = map[string]any{"index": at.index}
			}
		case plan.RefConst:
			env[r.Name] = int(r.Slot)
		case plan.RefStep:
			under("steps")[r.Member] = unknown
		case plan.RefSecret:
			under("secrets")[r.Member] = unknown
		case plan.RefGlob:
			if f.opt.Glob != nil {
				env["glob()"] = f.opt.Glob
			}
		case plan.RefRun, plan.RefAttempt, plan.RefError, plan.RefLocal:
			env[r.Name] = unknown
		case plan.RefNeeds: // a function that is not there is an error
		default:
			panic("preview: unknown kind of name")
		}
	}
	x, err := v.V.Eval(env)
	if err != nil || !event.Known(x) {
		return nil, false
	}
	return x, true
}

// variable puts env.NAME into m as it is in force under the layer of r.
func (f *facts) variable(m map[string]any, r *plan.Ref, s *scope, shown bool) {
	for e := r.Env; e != nil; e = e.Outer {
		i := slices.IndexFunc(e.Vars, func(v plan.Var) bool { return v.Name == r.Member })
		if i < 0 {
			continue
		}
		if e.Vars[i].Value == nil {
			return // removed
		}
		m[r.Member] = unknown
		if x, ok := f.value(e.Vars[i].Value, s, shown); ok && !(shown && e.Dotenv) {
			m[r.Member] = text(x)
		}
		return
	}
	if v, ok := f.env[r.Member]; ok && !shown {
		m[r.Member] = v
	} else if shown {
		m[r.Member] = unknown
	}
}

func text(x any) any {
	if s, ok := x.(string); ok {
		return s
	}
	j, err := event.Marshal(x)
	if err != nil {
		return unknown
	}
	return string(j)
}

// never says whether the condition is false, whatever the steps do.
func (f *facts) never(cond *plan.Value, s *scope) bool {
	x, ok := f.value(cond, s, false)
	return ok && x == false
}

// whole is a value that is a whole number of at least 1.
func (f *facts) whole(v *plan.Value, s *scope) (int, bool) {
	x, _ := f.value(v, s, false)
	if n, ok := x.(int); ok && n >= 1 {
		return n, true
	}
	if n, ok := x.(float64); ok && n >= 1 && n == float64(int(n)) {
		return int(n), true
	}
	return 0, false
}

// maxItems bounds how many items of a generator are looked at.
const maxItems = 1_000_000

// items are the values of the variables for each child of g, in a block whose scope is s; shown as in value.
func (f *facts) items(g *plan.Generator, s *scope, shown bool) (rows [][]any, ok bool) {
	if g.In != nil {
		list, ok := f.list(g.In, s, shown)
		for _, x := range list {
			rows = append(rows, []any{x})
		}
		return rows, ok
	}
	rows = [][]any{nil}
	for _, v := range g.Lists {
		list, ok := f.list(v, s, shown)
		if !ok || len(rows)*len(list) > maxItems {
			return nil, false
		}
		next := make([][]any, 0, len(rows)*len(list))
		for _, row := range rows {
			for _, x := range list {
				next = append(next, append(slices.Clip(row), x))
			}
		}
		rows = next
	}
	if g.Exclude == nil {
		return rows, true
	}
	kept := rows[:0]
	for _, row := range rows {
		x, ok := f.value(g.Exclude, s.inner("", row, 0), shown)
		out, isBool := x.(bool)
		if !ok || !isBool {
			return nil, false
		}
		if !out {
			kept = append(kept, row)
		}
	}
	return kept, true
}

func (f *facts) list(v *plan.Value, s *scope, shown bool) ([]any, bool) {
	x, ok := f.value(v, s, shown)
	switch x := x.(type) {
	case []any:
		return x, ok
	case map[string]any:
		list := make([]any, 0, len(x))
		for _, key := range slices.Sorted(maps.Keys(x)) {
			list = append(list, map[string]any{"key": key, "value": x[key]})
		}
		return list, ok
	}
	return nil, false
}

// called is the scope of the workflow that c calls.
func (f *facts) called(c *plan.Call, s *scope, prefix string) *scope {
	in := &scope{workflow: c.Workflow, prefix: prefix, inputs: map[string]any{}, calls: s.calls + 1}
	for _, i := range c.Workflow.Inputs {
		name := i.Name.Text
		at := slices.IndexFunc(c.With, func(a plan.Arg) bool { return a.Key == name })
		if at < 0 {
			if !i.Required {
				in.inputs[name] = i.Default
			}
			continue
		}
		if x, ok := f.value(c.With[at].Value, s, true); ok {
			in.inputs[name] = x
		}
	}
	return in
}

// args are the arguments of a leaf, if all are known.
func (f *facts) args(list []plan.Arg, s *scope) (kind.Args, bool) {
	args := make(kind.Args, len(list))
	for _, a := range list {
		x, ok := f.value(a.Value, s, false)
		if !ok {
			return nil, false
		}
		args[a.Key] = x
	}
	return args, true
}
