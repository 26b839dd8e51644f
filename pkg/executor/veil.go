package executor

import (
	"maps"
	"slices"
	"strconv"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// veil is what every event passes before anybody sees it: it masks secrets and the values of secret inputs, and gives errors the
// place of their step in the file.
//
// It looks at each text by itself; who makes a text of a stream sees to it that no secret is cut (mask.Stream).
type veil struct {
	plan    *plan.Plan
	secrets *mask.Set // nil: none
	places  map[string]*plan.Step
	// seen keeps what an error became: it comes by again at every step that it passes through.
	seen map[*event.Error]*event.Error
}

func newVeil(p *plan.Plan, secrets *mask.Set) *veil {
	return &veil{plan: p, secrets: secrets, places: map[string]*plan.Step{}, seen: map[*event.Error]*event.Error{}}
}

// constants appends what is masked of the constants of p: those that calls give to secret inputs, by `with` or as the
// default. What a call computes is known only in the run; as far as it is made of secrets it is masked as they are.
func constants(p *plan.Plan, to []string) []string {
	for _, s := range p.Steps {
		call, ok := s.Action().(*plan.Call)
		if !ok {
			continue
		}
		for _, in := range call.Workflow.Inputs {
			if !in.Secret {
				continue
			}
			v, known := in.Default, true
			if i := slices.IndexFunc(call.With, func(a plan.Arg) bool { return a.Key == in.Name.Text }); i >= 0 {
				v, known = call.With[i].Value.V.Constant()
			}
			if known {
				to = textsIn(v, to)
			}
		}
	}
	return to
}

// event is e as it may be seen.
func (v *veil) event(e event.Event) event.Event {
	if e.Err != nil || e.Recovered != nil || v.plan.Steps[e.Node].Ready != nil {
		v.places[e.Path] = v.plan.Steps[e.Node]
	}
	e.Err = v.error(e.Err)
	e.Last = v.error(e.Last)
	e.Recovered = v.error(e.Recovered)
	if v.secrets == nil {
		return e
	}
	e.Name, e.Why, e.Text, e.Reason = v.text(e.Name), v.text(e.Why), v.text(e.Text), v.text(e.Reason)
	e.Value, _ = v.value(e.Value)
	e.Extra, _ = v.fields(e.Extra)
	return e
}

func (v *veil) text(s string) string { return v.secrets.Text(s) }

// value is x with masked texts, and whether that changed anything. Values of a run are shared and stay as they are.
func (v *veil) value(x any) (any, bool) {
	switch x := x.(type) {
	case string:
		s := v.text(x)
		return s, s != x
	case int:
		return v.number(x, strconv.Itoa(x))
	case float64:
		return v.number(x, strconv.FormatFloat(x, 'f', -1, 64))
	case []any:
		var out []any
		for i, y := range x {
			if z, changed := v.value(y); changed {
				if out == nil {
					out = slices.Clone(x)
				}
				out[i] = z
			}
		}
		if out == nil {
			return x, false
		}
		return out, true
	case map[string]any:
		out, changed := v.fields(x)
		return out, changed
	case event.Poison:
		return event.Poison{Err: v.error(x.Err)}, true
	}
	return x, false
}

// number is value for x, which is written like that. What is masked of it makes it a text.
func (v *veil) number(x any, written string) (any, bool) {
	if s := v.text(written); s != written {
		return s, true
	}
	return x, false
}

// fields is value for a map.
func (v *veil) fields(x map[string]any) (map[string]any, bool) {
	var out map[string]any
	for k, y := range x {
		name := v.text(k)
		z, changed := v.value(y)
		if name == k && !changed {
			continue
		}
		if out == nil {
			out = maps.Clone(x)
		}
		delete(out, k)
		out[name] = z
	}
	if out == nil {
		return x, false
	}
	return out, true
}

// error is e as it may be seen: a copy, for the run goes on with the original, and an expression must not see
// the line of its step in one run and not in another.
func (v *veil) error(e *event.Error) *event.Error {
	if e == nil {
		return nil
	}
	if c := v.seen[e]; c != nil {
		return c
	}
	c := *e
	v.seen[e] = &c
	if s := v.places[e.Step]; s != nil {
		c.Line, c.Column = s.Pos.Line, s.Pos.Col
	}
	c.Message = v.text(e.Message)
	if v.secrets != nil {
		c.Fields, _ = v.fields(e.Fields)
	}
	c.Errors, c.Others = v.errors(e.Errors), v.errors(e.Others)
	c.Cause, c.Cleanup = v.error(e.Cause), v.error(e.Cleanup)
	return &c
}

func (v *veil) errors(list []*event.Error) []*event.Error {
	if list == nil {
		return nil
	}
	out := make([]*event.Error, len(list))
	for i, e := range list {
		out[i] = v.error(e)
	}
	return out
}
