package simulation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// What a step prints is known when it has run, and so nothing is in a simulation but what the durations say. It is a Poison;
// an expression that reads it cannot be evaluated, and gets the answer that lets the run go on (assumptions). What it makes of
// other values goes on as unknown.

// Assumption is what was taken for the value of an expression that reads what only a run can know.
type Assumption struct {
	Path  string `json:"step"` // of the step, with [*] for numbers
	Word  string `json:"key"`  // of the file: if, in, timeout, ...
	Value string `json:"expression"`
	Taken string `json:"taken_as"`
	Line  int    `json:"line"`
}

// unknown stands for what a step that works outside gives.
var unknown = event.Poison{Err: event.Errorf(event.ExpressionError, "this is known in a run only")}

// place is where a value of the plan stands.
type place struct {
	word     string
	step     *plan.Step
	path     string
	workflow *plan.Workflow
}

// guesser answers for values that are unknown.
type guesser struct {
	places  map[*plan.Value]place
	ids     map[*plan.Workflow]map[string]*plan.Step
	doubt   map[*plan.Step]bool // steps with a value in which something is unknown
	limits  map[*plan.Value]int // of blocks, as they were evaluated; 0: not always alike
	assumed map[*plan.Value]bool
	list    []Assumption
	// free is a limit that is taken for infinite; nil: none.
	free *plan.Value
}

func newGuesser(p *plan.Plan) *guesser {
	g := &guesser{
		places: map[*plan.Value]place{}, ids: map[*plan.Workflow]map[string]*plan.Step{},
		doubt: map[*plan.Step]bool{}, limits: map[*plan.Value]int{}, assumed: map[*plan.Value]bool{},
	}
	for _, x := range p.Workflows {
		ids := map[string]*plan.Step{}
		g.ids[x] = ids
		for _, item := range x.Items() {
			s := item.Step
			if s.ID != "" {
				ids[s.ID] = s
			}
			s.EachValue(func(word string, v *plan.Value) {
				if _, constant := v.V.Constant(); !constant || word == "limit" {
					g.places[v] = place{word, s, item.Path, x}
				}
			})
		}
	}
	return g
}

// boundless is in the place of a limit that is not to be: more than any block has children.
const boundless = 2_000_000

// eval stands around an evaluation (kernel.Options.Eval).
func (g *guesser) eval(v *plan.Value, eval func() (any, *event.Error)) (any, *event.Error) {
	if v == g.free {
		return boundless, nil
	}
	at, ok := g.places[v]
	if !ok {
		return eval()
	}
	if condition(at.word) && g.doubtful(v, at) {
		return g.assume(v, at), nil
	}
	x, err := eval()
	if err != nil && reads(v) {
		return g.assume(v, at), nil
	}
	if n, ok := x.(int); ok && at.word == "limit" {
		if before, again := g.limits[v]; again && before != n {
			n = 0
		}
		g.limits[v] = n
	}
	return x, err
}

func condition(word string) bool {
	return slices.Contains([]string{"if", "until", "when", "exclude"}, word)
}

// reads says whether v reads anything that may be unknown.
func reads(v *plan.Value) bool {
	return slices.ContainsFunc(v.Refs, func(r plan.Ref) bool {
		switch r.Kind {
		case plan.RefConst, plan.RefRun, plan.RefLoop, plan.RefAttempt, plan.RefNeeds, plan.RefGlob, plan.RefSecret:
			return false
		}
		return true
	})
}

// doubtful says whether v reads a value in which something is unknown: it might find something else than that in it.
func (g *guesser) doubtful(v *plan.Value, at place) bool {
	return slices.ContainsFunc(v.Refs, func(r plan.Ref) bool {
		switch r.Kind {
		case plan.RefStep:
			known := slices.Contains([]string{"status", "attempts", "duration", "error"}, r.Field)
			return !known && g.doubt[g.ids[at.workflow][r.Member]]
		case plan.RefEnv:
			for e := r.Env; e != nil; e = e.Outer {
				for _, x := range e.Vars {
					if (x.Name == r.Member || r.Member == "") && x.Value != nil {
						return g.doubtful(x.Value, at)
					}
				}
			}
		}
		return false
	})
}

// note sees how a step ended. A value that is unknown as a whole is no doubt: to read it is an error.
func (g *guesser) note(s *plan.Step, o event.Outcome) {
	_, whole := o.Value.(event.Poison)
	g.doubt[s] = !whole && !event.Known(o.Value)
}

// assume is the value that is taken for v, which is written down.
func (g *guesser) assume(v *plan.Value, at place) any {
	x, words := taken(v, at)
	if words != "" && !g.assumed[v] {
		g.assumed[v] = true
		text := v.Written()
		if only, ok := strings.CutPrefix(text, "${{ "); ok && !strings.Contains(only, "${{") {
			text = strings.TrimSuffix(only, " }}")
		}
		word := at.word
		if word == "action" {
			word = at.step.Kind
		}
		g.list = append(g.list, Assumption{at.path, word, text, words, v.Pos.Line})
	}
	return x
}

// taken is what stands for an unknown value: no words where nothing depends on it.
func taken(v *plan.Value, at place) (value any, words string) {
	const never = 3_000_000_000 // seconds, nearly a hundred years
	switch at.word {
	case "if", "until", "when":
		return true, "true"
	case "exclude":
		return false, "false"
	case "in":
		return []any{unknown}, "one item"
	case "limit":
		return boundless, "no limit"
	case "timeout", "total_timeout", "return_after", "max_delay", "cleanup_timeout":
		return never, "never"
	case "attempts":
		return 1, "1"
	case "return_when":
		return 1, "1"
	case "delay", "jitter":
		return 0, "0"
	case "factor":
		return 1, "1"
	case "name", "env":
		return "?", ""
	case "with", "result", "ready":
		return unknown, ""
	case "action":
		leaf, ok := at.step.Action().(*plan.Leaf)
		switch {
		case ok && leaf.Kind.Waits:
			return 1, "1s"
		case ok && leaf.Kind.Instant != nil && leaf.Kind.Name != "value":
			return v.Written(), ""
		}
		return unknown, ""
	default:
		panic(fmt.Sprintf("simulation: nothing stands for an unknown %s", at.word))
	}
}
