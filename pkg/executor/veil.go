package executor

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// mask is what stands in the place of a secret.
const mask = "***"

// veil is what every event passes before anybody sees it: it masks secrets and the values of secret inputs, and gives errors the
// place of their step in the file.
//
// It looks for the exact values, in each text by itself: a secret that a process prints in two pieces, or in another
// form (base64, one line of several), is not found.
type veil struct {
	plan    *plan.Plan
	secrets *strings.Replacer // nil: none
	places  map[string]*plan.Step
	// seen keeps what an error became: it comes by again at every step that it passes through.
	seen map[*event.Error]*event.Error
}

// newVeil makes a veil over texts, which it sorts.
func newVeil(p *plan.Plan, texts []string) *veil {
	v := &veil{plan: p, places: map[string]*plan.Step{}, seen: map[*event.Error]*event.Error{}}
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
	// Where one value begins with another the longer one must win.
	slices.SortFunc(texts, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, s := range texts {
		pairs = append(pairs, s, mask)
	}
	if pairs != nil {
		v.secrets = strings.NewReplacer(pairs...)
	}
	return v
}

// event is e as it may be seen.
func (v *veil) event(e event.Event) event.Event {
	if e.Err != nil {
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

func (v *veil) text(s string) string {
	if v.secrets == nil {
		return s
	}
	return v.secrets.Replace(s)
}

// value is x with masked texts, and whether that changed anything. Values of a run are shared and stay as they are.
func (v *veil) value(x any) (any, bool) {
	switch x := x.(type) {
	case string:
		s := v.text(x)
		return s, s != x
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
