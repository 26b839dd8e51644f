// Package listing says what is in a plan, for people who look for a name and for programs that complete one: the workflows
// with their inputs, and the paths of all steps. What the steps do is told by package preview.
package listing

import (
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Version is the `flowrun` of the JSON of a Listing.
const Version = 1

// Listing is what is in a plan. Its JSON is that of schema/list.schema.json.
type Listing struct {
	Flowrun   int        `json:"flowrun"`
	File      string     `json:"file"`
	Workflows []Workflow `json:"workflows"` // that of the file first
}

// Workflow is one workflow, with its inputs and steps in the order of the file.
type Workflow struct {
	Name        string  `json:"name"` // that of its file if it has none
	Description string  `json:"description,omitempty"`
	File        string  `json:"file"`
	Line        int     `json:"line"`
	Inputs      []Input `json:"inputs"`
	Steps       []Step  `json:"steps"`
}

// Input is one input. A secret one has no default here.
type Input struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // any if none was written
	Required    bool   `json:"required"`
	Secret      bool   `json:"secret"`
	Default     any    `json:"default"`
	Enum        []any  `json:"enum,omitempty"`
	Description string `json:"description,omitempty"`
	Line        int    `json:"line"`
}

// Step is one step. Depth is 0 for those of the workflow's own body.
type Step struct {
	Path   string `json:"path"` // as in results; [*] stands for a number
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"` // as written
	Kind   string `json:"kind"`
	Depth  int    `json:"depth"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Of lists what is in p.
func Of(p *plan.Plan) *Listing {
	l := &Listing{Flowrun: Version, File: p.File}
	for _, x := range p.Workflows {
		w := Workflow{Name: x.Title(), Description: x.Description, File: x.Body.Pos.File, Line: x.Body.Pos.Line, Inputs: []Input{}, Steps: []Step{}}
		for _, in := range x.Inputs {
			i := Input{
				Name: in.Name.Text, Type: in.TypeName(), Required: in.Required, Secret: in.Secret,
				Description: in.Description, Line: in.Name.Pos.Line,
			}
			if !in.Secret {
				i.Default = in.Default
				i.Enum, _ = in.Schema["enum"].([]any)
			}
			w.Inputs = append(w.Inputs, i)
		}
		for _, item := range x.Items()[1:] {
			s := item.Step
			step := Step{Path: item.Path, ID: s.ID, Kind: s.Kind, Depth: item.Depth - 1, Line: s.Pos.Line, Column: s.Pos.Col}
			if s.Name != nil {
				step.Name = s.Name.Written()
			}
			w.Steps = append(w.Steps, step)
		}
		l.Workflows = append(l.Workflows, w)
	}
	return l
}

// WriteJSON writes the document and a newline.
func (l *Listing) WriteJSON(w io.Writer) error { return event.Encode(w, l) }

// Text is l for people: a line for each input and each step. What comes from the file may hold control characters.
func (l *Listing) Text() string {
	var b strings.Builder
	for i, w := range l.Workflows {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s  # %s:%d\n", oneLine(w.Name), w.File, w.Line)
		if w.Description != "" {
			fmt.Fprintf(&b, "  %s\n", oneLine(w.Description))
		}
		var rows [][]string
		for _, in := range w.Inputs {
			rows = append(rows, []string{in.Name, in.value(), oneLine(in.Description)})
		}
		table(&b, "inputs", rows)
		rows = nil
		for _, s := range w.Steps {
			rows = append(rows, []string{strings.Repeat("  ", s.Depth) + s.Path, s.Kind, fmt.Sprintf("line %d", s.Line), oneLine(s.Name)})
		}
		table(&b, "steps", rows)
	}
	return b.String()
}

func (in Input) value() string {
	switch {
	case in.Secret:
		return in.Type + ", secret"
	case in.Required:
		return in.Type + ", required"
	}
	j, err := event.Marshal(in.Default)
	if err != nil {
		panic("listing: a default is no JSON: " + err.Error())
	}
	return in.Type + " = " + plan.Clip(string(j), 40)
}

// table writes rows with their columns below each other, each as wide as its widest cell but for the last.
func table(b *strings.Builder, title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s\n", title)
	wide := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			wide[i] = max(wide[i], min(len([]rune(cell)), 40))
		}
	}
	for _, r := range rows {
		line := "   "
		for i, cell := range r {
			line += fmt.Sprintf(" %-*s ", wide[i], cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func oneLine(s string) string { return plan.Clip(strings.Join(strings.Fields(s), " "), 100) }
