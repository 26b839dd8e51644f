package preview

import (
	"encoding/json"
	"io"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// The document of schema/plan.schema.json. A value that is not known stands there as it is written, in a text.

// Version is the `flowrun` of the document.
const Version = 1

type document struct {
	Flowrun    int             `json:"flowrun"`
	Name       string          `json:"name"`
	File       string          `json:"file"`
	Inputs     []inputEntry    `json:"inputs"`
	Worst      Bound           `json:"worst_case"`
	Semaphores []semaphore     `json:"semaphores"`
	Secrets    []string        `json:"secrets"`
	Workflows  []workflowEntry `json:"workflows"`
}

type inputEntry struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Secret bool   `json:"secret"`
	Value  any    `json:"value"`
}

type semaphore struct {
	Name    string   `json:"name"`
	Permits int      `json:"permits"`
	Machine bool     `json:"machine"`
	Steps   []string `json:"steps"`
}

type workflowEntry struct {
	Name string    `json:"name"`
	File string    `json:"file"`
	Body stepEntry `json:"body"`
}

type stepEntry struct {
	Path   string `json:"path"`
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Kind   string `json:"kind"`
	Part   string `json:"part,omitempty"`
	Action string `json:"action"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	modifiers
	Skipped  string         `json:"skipped,omitempty"`
	After    []edgeEntry    `json:"after,omitempty"`
	Children *childrenEntry `json:"children,omitempty"`
	Worst    Bound          `json:"worst_case"`
	Steps    []stepEntry    `json:"steps,omitempty"`
}

type modifiers struct {
	If         string      `json:"if,omitempty"`
	Background bool        `json:"background,omitempty"`
	Shield     bool        `json:"shield,omitempty"`
	Timeout    string      `json:"timeout,omitempty"`
	Total      string      `json:"total_timeout,omitempty"`
	Cleanup    string      `json:"cleanup_timeout,omitempty"`
	Limit      any         `json:"limit,omitempty"`
	Retry      *retryEntry `json:"retry,omitempty"`
	Semaphores []string    `json:"semaphores,omitempty"`
}

type retryEntry struct {
	Attempts any    `json:"attempts"`
	Delay    string `json:"delay,omitempty"`
	Factor   any    `json:"factor,omitempty"`
	MaxDelay string `json:"max_delay,omitempty"`
	Jitter   any    `json:"jitter,omitempty"`
	Until    string `json:"until,omitempty"`
}

type edgeEntry struct {
	Kind     EdgeKind `json:"kind"`
	Step     string   `json:"step"`
	Reads    []string `json:"reads,omitempty"`
	Requires bool     `json:"requires_success"`
}

type childrenEntry struct {
	Count int          `json:"count"`
	First []childEntry `json:"first"`
}

type childEntry struct {
	Path    string         `json:"path"`
	Vars    map[string]any `json:"variables"`
	Skipped bool           `json:"skipped"`
}

// MarshalJSON writes the bound in seconds, or why there is none.
func (b Bound) MarshalJSON() ([]byte, error) {
	o := event.NewObject(nil)
	if b.Unbounded() {
		o.Value("seconds", nil)
		o.Value("unbounded", map[string]any{"step": b.Step, "why": b.Why})
		return o.End()
	}
	o.Seconds("seconds", b.Time)
	return o.End()
}

// MarshalJSON writes the document.
func (v *Preview) MarshalJSON() ([]byte, error) { return json.Marshal(v.document()) }

// WriteJSON writes the document and a newline.
func (v *Preview) WriteJSON(w io.Writer) error { return event.Encode(w, v.document()) }

func (v *Preview) document() document {
	d := document{
		Flowrun: Version, Name: v.plan.Name, File: v.plan.File, Worst: v.Worst,
		Inputs: []inputEntry{}, Semaphores: []semaphore{}, Secrets: []string{},
	}
	for _, in := range v.plan.Main.Inputs {
		e := inputEntry{Name: in.Name.Text, Type: in.TypeName(), Secret: in.Secret}
		if !in.Secret {
			e.Value = v.opt.Inputs[in.Name.Text]
		}
		d.Inputs = append(d.Inputs, e)
	}
	for i, s := range v.plan.Semaphores {
		if s.Name != plan.Room {
			d.Semaphores = append(d.Semaphores, semaphore{s.Name, s.Permits, s.Machine, append([]string{}, v.Takers[int32(i)]...)})
		}
	}
	for _, s := range v.plan.Secrets {
		d.Secrets = append(d.Secrets, s.Name.Text)
	}
	for _, w := range v.Workflows {
		d.Workflows = append(d.Workflows, workflowEntry{w.Workflow.Title(), w.Workflow.Body.Pos.File, v.entry(w, w.Body)})
	}
	return d
}

func (v *Preview) entry(w *Workflow, s *Step) stepEntry {
	e := stepEntry{
		Path: s.Path, ID: s.Step.ID, Kind: s.Step.Kind, Part: s.Part, Action: v.plan.Action(w.Workflow, s.Step, v.notes()),
		Line: s.Step.Pos.Line, Column: s.Step.Pos.Col, modifiers: v.modifiers(w, s.Step), Skipped: s.Skipped, Worst: s.Worst,
	}
	if s.Step.Name != nil {
		e.Name = v.text(w, s.Step.Name)
	}
	for _, a := range s.After {
		e.After = append(e.After, edgeEntry{a.Kind, a.To, a.Read, a.Requires})
	}
	if s.Children != nil {
		e.Children = &childrenEntry{Count: s.Children.Count, First: []childEntry{}}
		for _, c := range s.Children.First {
			x := childEntry{Path: c.Path, Vars: map[string]any{}, Skipped: c.Skipped}
			for _, r := range c.Vars {
				x.Vars[r.Name] = r.Value
			}
			e.Children.First = append(e.Children.First, x)
		}
	}
	for _, x := range s.Steps {
		e.Steps = append(e.Steps, v.entry(w, x))
	}
	return e
}

func (v *Preview) modifiers(w *Workflow, s *plan.Step) modifiers {
	m := modifiers{Background: s.Background}
	plan.Walk(s.Body, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Shield:
			m.Shield = true
		case *plan.When:
			m.If = n.Cond.Written()
		case *plan.Limit:
			if n.Total {
				m.Total = v.duration(w, n.D)
			} else {
				m.Timeout = v.duration(w, n.D)
			}
		case *plan.Handle:
			m.Cleanup = v.duration(w, n.Cleanup)
		case *plan.Join:
			m.Limit = v.known(w, n.Limit)
		case *plan.Hold:
			if n.Sem != plan.Slots && v.plan.Semaphores[n.Sem].Name != plan.Room {
				m.Semaphores = append(m.Semaphores, v.plan.Semaphores[n.Sem].Name)
			}
		case *plan.Retry:
			m.Retry = &retryEntry{
				Attempts: v.known(w, n.Attempts), Delay: v.duration(w, n.Delay), Factor: v.known(w, n.Factor),
				MaxDelay: v.duration(w, n.MaxDelay), Jitter: v.known(w, n.Jitter),
			}
			if n.Until != nil {
				m.Retry.Until = n.Until.Written()
			}
		}
	})
	return m
}

// known is the value of x, or x as written; nil if it is nil.
func (v *Preview) known(w *Workflow, x *plan.Value) any {
	if x == nil {
		return nil
	}
	if k, ok := v.value(w.Workflow, x); ok {
		return k
	}
	return x.Written()
}

// text is known as a text; "" if x is nil.
func (v *Preview) text(w *Workflow, x *plan.Value) string {
	switch k := v.known(w, x).(type) {
	case nil:
		return ""
	case string:
		return k
	default:
		return plan.Shown(k)
	}
}

// duration is text for a duration, in its usual form.
func (v *Preview) duration(w *Workflow, x *plan.Value) string {
	if x != nil {
		if d, ok := v.b.duration(x, w.scope); ok {
			return event.FormatDuration(d)
		}
	}
	return v.text(w, x)
}
