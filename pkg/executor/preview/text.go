package preview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Text is the plan for people, as plan.String, with all that is known of it. What comes from the file may hold control
// characters.
func (v *Preview) Text() string {
	return v.plan.Annotated(v.notes()) + "\n" + v.summary()
}

func (v *Preview) notes() plan.Notes {
	return plan.Notes{
		Input: func(name string) (any, bool) {
			x, ok := v.opt.Inputs[name]
			return x, ok
		},
		Value:     v.value,
		Words:     func(_ *plan.Workflow, s *plan.Step) []string { return v.steps[s].words() },
		Lines:     func(_ *plan.Workflow, s *plan.Step) []string { return v.steps[s].lines() },
		Semaphore: v.takers,
	}
}

// maxTakers is how many steps are named that take a semaphore.
const maxTakers = 5

func (v *Preview) takers(sem int) string {
	list := v.Takers[int32(sem)]
	switch n := len(list); {
	case n == 0:
		return ", taken by no step"
	case n > maxTakers:
		return fmt.Sprintf(", taken by %s and %s more", strings.Join(list[:maxTakers], ", "), thousands(n-maxTakers))
	}
	return ", taken by " + strings.Join(list, ", ")
}

// value is that of x in every run of w, to be shown.
func (v *Preview) value(w *plan.Workflow, x *plan.Value) (any, bool) {
	i := slices.IndexFunc(v.Workflows, func(y *Workflow) bool { return y.Workflow == w })
	known, ok := v.b.value(x, v.Workflows[i].scope, true)
	if m, isMap := known.(map[string]any); isMap && x.Src.Shape != expr.Mapping && m[kind.QuotedText] != nil {
		return nil, false // a script, which reads its values as variables
	}
	return known, ok
}

// words stand behind the modifiers of s.
func (s *Step) words() []string {
	var words []string
	if reads := s.reads(); len(reads) > 0 {
		words = append(words, "reads "+strings.Join(reads, ", "))
	}
	switch {
	case s.Skipped != "":
		words = append(words, "skipped: "+s.Skipped)
	case s.Worst.Why == noTimeout && s.Worst.Step == s.Path:
		words = append(words, "no timeout")
	case s.Worst.Unbounded() && (s.Worst.Step == s.Path || s.Worst.Step == ""):
		words = append(words, "unbounded: "+s.Worst.Why)
	case s.Worst.Unbounded():
		words = append(words, "unbounded by "+s.Worst.Step)
	case s.Worst.Time > 0 && s.Worst.Time != s.limit:
		words = append(words, s.Worst.String())
	}
	return words
}

// reads is what s reads of other steps, but for what `needs` says already.
func (s *Step) reads() []string {
	var said, out []string
	for _, need := range needs(s.Step) {
		said = append(said, need.Why)
	}
	for _, e := range s.After {
		for _, r := range e.Read {
			if !slices.Contains(said, r) && !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// lines are the children of a generator.
func (s *Step) lines() []string {
	c := s.Children
	if c == nil {
		return nil
	}
	lines := []string{plural(c.Count, "child", "children")}
	for _, x := range c.First {
		line := "  " + x.Path
		for _, v := range x.Vars {
			line += fmt.Sprintf("  %s = %s", v.Name, plan.Shown(v.Value))
		}
		if x.Skipped {
			line += "  (skipped: its if is false)"
		}
		lines = append(lines, line)
	}
	if more := c.Count - len(c.First); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %s more", thousands(more)))
	}
	return lines
}

// summary is the bound of the run, and what is not in it.
func (v *Preview) summary() string {
	text := "worst case: " + v.Worst.String() + "\n"
	var not []string
	for _, s := range v.plan.Semaphores {
		if s.Name != plan.Room {
			not = append(not, s.Name)
		}
	}
	if len(not) > 0 && !v.Worst.Unbounded() {
		text += "  without the time in the queue of " + strings.Join(not, ", ") + "\n"
	}
	return text
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands is n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
