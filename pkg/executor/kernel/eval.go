package kernel

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// eval gives the value of v at b. local holds the names that only this place has (value in until, error in when).
func (k *Kernel) eval(b *base, v *plan.Value, local map[string]any) (any, *event.Error) {
	if k.opt.Eval == nil {
		return k.evalHere(b, v, local)
	}
	return k.opt.Eval(v, func() (any, *event.Error) { return k.evalHere(b, v, local) })
}

func (k *Kernel) evalHere(b *base, v *plan.Value, local map[string]any) (any, *event.Error) {
	if c, ok := v.V.Constant(); ok {
		return c, nil
	}
	env := make(map[string]any, len(v.Refs)+len(local))
	maps.Copy(env, local)
	if err := k.bind(b, env, v.Refs); err != nil {
		return nil, err
	}
	return evaluated(v.V.Eval(env))
}

func evaluated(x any, err error) (any, *event.Error) {
	if err == nil {
		return x, nil
	}
	var e *event.Error
	if errors.As(err, &e) {
		return nil, e
	}
	return nil, event.Errorf(event.ExpressionError, "%s", err)
}

// bind puts the values of refs into env.
func (k *Kernel) bind(b *base, env map[string]any, refs []plan.Ref) *event.Error {
	sub := func(root string) map[string]any {
		m, _ := env[root].(map[string]any)
		if m == nil {
			m = map[string]any{}
			env[root] = m
		}
		return m
	}
	for i := range refs {
		r := &refs[i]
		switch r.Kind {
		case plan.RefStep:
			steps := sub("steps")
			sl := k.slot(b.Frame, r.Depth, r.Slot)
			m, _ := steps[r.Member].(map[string]any)
			if m == nil {
				m = sl.value()
				steps[r.Member] = m
			}
			sl.lists(m, r.Field)
		case plan.RefInputs:
			env["inputs"] = k.frames.at(b.Frame, 0).Inputs
		case plan.RefEnv:
			if err := k.bindEnv(b, sub("env"), r); err != nil {
				return err
			}
		case plan.RefSecret:
			sub("secrets")[r.Member] = k.opt.Secrets[r.Member]
		case plan.RefRun:
			env["run"] = map[string]any{"id": k.opt.RunID, "name": k.opt.Name, "started_at": k.begun().UTC().Format(time.RFC3339Nano)}
		case plan.RefVar:
			env[r.Name] = k.frames.at(b.Frame, r.Depth).Vars[r.Slot]
		case plan.RefLoop:
			env["loop"] = map[string]any{"index": k.frames.at(b.Frame, r.Depth).Index}
		case plan.RefAttempt:
			env["attempt"] = int(k.slot(b.Frame, r.Depth, r.Slot).Attempt)
		case plan.RefConst:
			env[r.Name] = int(r.Slot)
		case plan.RefError:
			if e := k.slot(b.Frame, r.Depth, r.Slot).Err; e != nil {
				env["error"] = e.Value()
			} else {
				env["error"] = nil
			}
		case plan.RefNeeds:
			s := k.step(b)
			env["success()"], env["failure()"] = !s.NeedsBad, s.NeedsFailed
		case plan.RefGlob:
			env["glob()"] = k.opt.Glob
		case plan.RefLocal:
		default:
			panic("kernel: unknown kind of name")
		}
	}
	return nil
}

// begun is when the run began, which may have had takes before this one.
func (k *Kernel) begun() time.Time {
	if k.opt.Begun.IsZero() {
		return k.opt.Start
	}
	return k.opt.Begun
}

func (k *Kernel) bindEnv(b *base, m map[string]any, r *plan.Ref) *event.Error {
	if r.Member != "" {
		v, ok, err := k.variable(b, r.Env, r.Member)
		if err == nil && ok {
			m[r.Member] = v
		}
		return err
	}
	all, err := k.environ(b, r.Env)
	for name, v := range all {
		m[name] = v
	}
	return err
}

// variable is one environment variable as in force under the layer e.
func (k *Kernel) variable(b *base, e *plan.Env, name string) (string, bool, *event.Error) {
	for ; e != nil; e = e.Outer {
		for i := range e.Vars {
			if e.Vars[i].Name != name {
				continue
			}
			if e.Vars[i].Value == nil {
				return "", false, nil
			}
			v, err := k.text(b, e.Vars[i].Value)
			return v, true, err
		}
	}
	v, ok := k.env[name]
	return v, ok, nil
}

// environ is the whole environment under the layer e.
func (k *Kernel) environ(b *base, e *plan.Env) (map[string]string, *event.Error) {
	if e == nil {
		m := maps.Clone(k.env)
		for _, s := range k.plan.Secrets {
			delete(m, s.Name.Text)
		}
		return m, nil
	}
	m, err := k.environ(b, e.Outer)
	if err != nil {
		return nil, err
	}
	for i := range e.Vars {
		v := &e.Vars[i]
		if v.Value == nil {
			delete(m, v.Name)
			continue
		}
		if m[v.Name], err = k.text(b, v.Value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// environList is environ as NAME=value. What nothing is added to is shared: nobody may change it.
func (k *Kernel) environList(b *base, e *plan.Env) ([]string, *event.Error) {
	if e == nil {
		return k.inherited, nil
	}
	over := map[string]string{} // without those that are removed
	known := map[string]bool{}
	for ; e != nil; e = e.Outer { // the innermost wins
		for i := range e.Vars {
			v := &e.Vars[i]
			if known[v.Name] {
				continue
			}
			known[v.Name] = true
			if v.Value == nil {
				continue
			}
			text, err := k.text(b, v.Value)
			if err != nil {
				return nil, err
			}
			over[v.Name] = text
		}
	}
	list := make([]string, 0, len(k.inherited)+len(over))
	for _, v := range k.inherited {
		if name, _, _ := strings.Cut(v, "="); !known[name] {
			list = append(list, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(over)) {
		list = append(list, name+"="+over[name])
	}
	return list, nil
}

// text is a value as text: a text as it is, anything else as JSON.
func (k *Kernel) text(b *base, v *plan.Value) (string, *event.Error) {
	x, err := k.eval(b, v, nil)
	if err != nil {
		return "", err
	}
	s, ok := x.(string)
	if !ok {
		j, err := event.Marshal(x)
		if err != nil {
			return "", event.Errorf(event.ExpressionError, "%s", err)
		}
		s = string(j)
	}
	if strings.ContainsRune(s, 0) {
		return "", event.Errorf(event.ValueError, "a text with a NUL byte cannot be passed to a process")
	}
	return s, nil
}

// condition is a value that must be true or false.
func (k *Kernel) condition(b *base, v *plan.Value, local map[string]any) (bool, *event.Error) {
	x, err := k.eval(b, v, local)
	if err != nil {
		return false, err
	}
	c, ok := x.(bool)
	if !ok {
		return false, event.Errorf(event.ExpressionError, "the condition is %s, want true or false", show(x))
	}
	return c, nil
}

// duration is a value as a time: a text in Go's form, or a number of seconds.
func (k *Kernel) duration(b *base, v *plan.Value) (time.Duration, *event.Error) {
	x, err := k.eval(b, v, nil)
	if err != nil {
		return 0, err
	}
	d, e := event.Duration(x)
	if e != nil {
		return 0, event.Errorf(event.ValueError, "%s", e)
	}
	return d, nil
}

// whole is a value that must be a whole number of at least least.
func (k *Kernel) whole(b *base, v *plan.Value, what string, least int) (int, *event.Error) {
	x, err := k.eval(b, v, nil)
	if err != nil {
		return 0, err
	}
	n, ok := x.(int)
	if f, isFloat := x.(float64); isFloat && f == float64(int(f)) {
		n, ok = int(f), true
	}
	if !ok || n < least {
		return 0, event.Errorf(event.ValueError, "%s is %s, want a whole number of at least %d", what, show(x), least)
	}
	return n, nil
}

// number is a value that must be a number of at least 0; absent is def.
func (k *Kernel) number(b *base, v *plan.Value, what string, def float64) (float64, *event.Error) {
	if v == nil {
		return def, nil
	}
	x, err := k.eval(b, v, nil)
	if err != nil {
		return 0, err
	}
	var f float64
	switch x := x.(type) {
	case int:
		f = float64(x)
	case float64:
		f = x
	default:
		f = -1
	}
	if f < 0 {
		return 0, event.Errorf(event.ValueError, "%s is %s, want a number of at least 0", what, show(x))
	}
	return f, nil
}

// show is a value for a message, bounded.
func show(x any) string {
	j, err := event.Marshal(x)
	if err != nil {
		return "a value that is not JSON"
	}
	if len(j) > 80 {
		return string(j[:77]) + "..."
	}
	return string(j)
}

// matches says whether any pattern of list matches the plain error e. No pattern matches everything.
func (k *Kernel) matches(b *base, list []plan.Match, e *event.Error) (bool, *event.Error) {
	if len(list) == 0 {
		return true, nil
	}
	for i := range list {
		ok, err := k.matchOne(b, &list[i], e)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (k *Kernel) matchOne(b *base, m *plan.Match, e *event.Error) (bool, *event.Error) {
	if len(m.Types) > 0 && !slices.Contains(m.Types, e.Type) {
		return false, nil
	}
	if len(m.ExitCode) > 0 {
		code, ok := e.Fields["exit_code"].(int)
		if !ok || !slices.Contains(m.ExitCode, code) {
			return false, nil
		}
	}
	if m.Message != nil && !m.Message.MatchString(e.Message) {
		return false, nil
	}
	if m.When != nil {
		return k.condition(b, m.When, map[string]any{"error": e.Value()})
	}
	return true, nil
}
