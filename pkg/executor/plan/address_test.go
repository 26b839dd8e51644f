package plan_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// TestAddresses follows every address of every plan in testdata to where it leads.
func TestAddresses(t *testing.T) {
	for _, archive := range archives(t) {
		files := filesOf(archive)
		for _, f := range archive.Files {
			if !strings.HasSuffix(f.Name, ".yaml") {
				continue
			}
			p, err := compile(files, f.Name)
			if err != nil {
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				c := &follower{t: t}
				for i, s := range p.Steps {
					if int(s.Index) != i {
						t.Errorf("step %d has the index %d", i, s.Index)
					}
				}
				for _, w := range p.Workflows {
					c.frames = []*scope{newScope(w.Slots, nil)}
					c.step(w.Body)
				}
			})
		}
	}
}

// scope is a frame: what stands in each slot.
type scope struct {
	ids  map[int32]string // of steps
	used map[int32]bool
	errs map[int32]bool
	size int32
	vars []string
}

func newScope(size int32, vars []string) *scope {
	return &scope{ids: map[int32]string{}, used: map[int32]bool{}, errs: map[int32]bool{}, size: size, vars: vars}
}

// follower walks a plan. A step that is read stands before its reader in the order of the walk, or beside it.
type follower struct {
	t      *testing.T
	frames []*scope
	later  []func()
}

func (c *follower) take(n int32, what string) {
	top := c.frames[len(c.frames)-1]
	switch {
	case n < 0 || n >= top.size:
		c.t.Errorf("%s: slot %d of %d", what, n, top.size)
	case top.used[n]:
		c.t.Errorf("%s: slot %d is taken twice", what, n)
	}
	top.used[n] = true
}

func (c *follower) step(s *plan.Step) {
	top := c.frames[len(c.frames)-1]
	if s.Slot >= 0 {
		c.take(s.Slot, s.ID)
		top.ids[s.Slot] = s.ID
	} else if s.ID != "" {
		c.t.Errorf("%s has no slot", s.ID)
	}
	before := len(top.used)
	c.node(s.Body, s, before)
	c.value(s.Name)
	if len(c.frames) == 1 && s.Piece == "" && s.Order == 0 {
		for _, f := range c.later {
			f()
		}
		c.later = nil
	}
}

func (c *follower) node(n plan.Node, s *plan.Step, before int) {
	top := c.frames[len(c.frames)-1]
	switch x := n.(type) {
	case *plan.Leaf:
		for _, a := range x.Args {
			c.value(a.Value)
		}
	case *plan.Sequence:
		c.list(x.Items)
	case *plan.Loop:
		c.generator(x.Gen)
	case *plan.Join:
		c.value(x.Limit)
		c.list(x.Children)
		if x.Gen != nil {
			c.generator(x.Gen)
		}
		if x.Visit != nil {
			c.inner(newScope(x.Visit.Slots, []string{"task"}), x.Visit.Step)
		}
	case *plan.Needs:
		c.node(x.Body, s, before)
	case *plan.When:
		c.value(x.Cond)
		c.node(x.Body, s, before)
	case *plan.Limit:
		c.value(x.D)
		c.node(x.Body, s, before)
	case *plan.Hold:
		c.node(x.Body, s, before)
	case *plan.Shield:
		c.node(x.Body, s, before)
	case *plan.Result:
		c.node(x.Body, s, before)
		c.value(x.Value)
	case *plan.Retry:
		if x.Slot != s.Slot {
			c.t.Errorf("%s: attempts at %d, the step at %d", s.ID, x.Slot, s.Slot)
		}
		c.value(x.Delay)
		was := slots(top)
		c.node(x.Body, s, before)
		for n := range top.used {
			if inside := n >= x.From && n < x.To; !slices.Contains(was, n) && !inside || slices.Contains(was, n) && inside {
				c.t.Errorf("%s: slot %d and the range %d..%d", s.ID, n, x.From, x.To)
			}
		}
	case *plan.Handle:
		c.take(x.Slot, s.ID+" error")
		top.errs[x.Slot] = true
		c.node(x.Body, s, before)
		for _, k := range x.Clauses {
			c.step(k.Step)
		}
		if x.Else != nil {
			c.list(x.Else.Items)
		}
		if x.Finally != nil {
			c.list(x.Finally.Items)
		}
	case *plan.Call:
		for _, a := range x.With {
			c.value(a.Value)
		}
	case *plan.Await:
		c.tasks(x.Tasks)
	case *plan.Cancel:
		c.tasks(x.Tasks)
	default:
		panic(fmt.Sprintf("unknown node %T", n))
	}
}

func slots(s *scope) []int32 {
	var out []int32
	for n := range s.used {
		out = append(out, n)
	}
	return out
}

func (c *follower) list(steps []*plan.Step) {
	for _, s := range steps {
		c.step(s)
	}
}

func (c *follower) generator(g *plan.Generator) {
	c.value(g.In)
	c.inner(newScope(g.Slots, g.Vars), g.Do)
}

func (c *follower) inner(s *scope, do *plan.Step) {
	c.frames = append(c.frames, s)
	c.step(do)
	c.frames = c.frames[:len(c.frames)-1]
}

func (c *follower) tasks(list []plan.Task) {
	for _, x := range list {
		if got := c.frames[x.Depth].ids[x.Slot]; got != x.ID {
			c.t.Errorf("the task %s is at the slot of %q", x.ID, got)
		}
	}
}

// value follows the addresses of v. A step may stand after its reader when an edge between siblings sees to the
// order, so steps are looked up when the workflow is complete.
func (c *follower) value(v *plan.Value) {
	if v == nil {
		return
	}
	frames := slices.Clone(c.frames)
	for _, r := range v.Refs {
		if int(r.Depth) >= len(frames) {
			c.t.Errorf("%s: depth %d of %d", v.Pos, r.Depth, len(frames))
			continue
		}
		f := frames[r.Depth]
		switch r.Kind {
		case plan.RefStep:
			c.later = append(c.later, func() {
				if f.ids[r.Slot] != r.Member {
					c.t.Errorf("%s: steps.%s is at the slot of %q", v.Pos, r.Member, f.ids[r.Slot])
				}
			})
		case plan.RefVar:
			if f.vars[r.Slot] != r.Name {
				c.t.Errorf("%s: %s is at %d of %v", v.Pos, r.Name, r.Slot, f.vars)
			}
		case plan.RefError:
			if !f.errs[r.Slot] {
				c.t.Errorf("%s: error at slot %d", v.Pos, r.Slot)
			}
		case plan.RefAttempt:
			if !f.used[r.Slot] {
				c.t.Errorf("%s: attempt at slot %d", v.Pos, r.Slot)
			}
		}
	}
}

// TestImports holds the package to what the kernel may depend on.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skip("no go command: ", err)
	}
	for _, p := range strings.Fields(string(out)) {
		for _, bad := range []string{"gopkg.in/yaml", "github.com/santhosh-tekuri", "os/exec", "net", "net/http"} {
			if p == bad || strings.HasPrefix(p, bad+".") || strings.HasPrefix(p, bad+"/jsonschema") {
				t.Errorf("plan depends on %s", p)
			}
		}
	}
}
