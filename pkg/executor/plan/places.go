package plan

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// The first pass: every step of a workflow becomes a place in a tree, numbered in the order of the file. The
// numbers of what lies inside a place are the interval num..last, so "is inside" is two comparisons and scopes
// need no copies: a name is looked up by its id, then judged by where it stands.

// role says what a step is to the step around it.
type role uint8

const (
	body    role = iota // a workflow's body
	item                // of a steps list that is a block
	child               // of a gather, wait or taskgroup, written out
	do                  // the body of a generator
	visit               // as_completed
	clause              // of except
	onElse              // item of else
	finally             // item of finally
)

// listed says whether steps of this role are items of a steps list, one after the other.
func (r role) listed() bool { return r == item || r == onElse || r == finally }

// section orders the parts of a step by when they run.
func (r role) section() int {
	switch r {
	case clause:
		return 2
	case onElse:
		return 3
	case finally:
		return 4
	case visit:
		return 1
	default:
		return 0
	}
}

// place is a step as written, with what the passes find out about it.
type place struct {
	step   *ast.Step
	parent *place
	role   role
	index  int32  // among those of its role
	span          // of numbers
	frame  *frame // that it lives in
	parts  parts
	slots  slots
	rules  *defaults // in force for it, its own not included
	inBack bool      // it, or a step around it, is in the background
	env    *Env      // in force for what it does
	links
}

// links lead from a place to others.
type links struct {
	needs    []*edge      // to siblings
	byStatus bool         // its `if` reads how a need ended, so that decides alone
	tasks    []*place     // that an await or a cancel names
	ends     []*place     // the await and cancel steps that name it
	readers  []*expr.Expr // that read it
}

// span is the interval of numbers of a place and of all that is inside it, and how deep it lies.
type span struct{ num, last, level int32 }

// parts are the steps inside a step.
type parts struct {
	body, except, orElse, finally []*place
	visit                         *place
	inner                         *frame // of a generator's body
}

// slots are the addresses that a step uses in its frame; -1: none.
type slots struct{ own, err, from, to int32 }

// frame is where names live while a plan runs: a workflow's, an iteration's, a visit's.
type frame struct {
	outer *frame
	depth int32
	vars  []string // loop variables; task of a visit
	loop  bool     // an iteration, which has loop.index
	lost  bool     // it may have variables that could not be read
	size  int32
}

func (f *frame) take() int32 {
	f.size++
	return f.size - 1
}

// holds says whether q is p or inside p.
func (p *place) holds(q *place) bool { return p.num <= q.num && q.num <= p.last }

func (p *place) block() *ast.Block {
	b, _ := p.step.Action.(*ast.Block)
	return b
}

// keeps says whether p is a wait whose unfinished children live on as background tasks.
func (p *place) keeps() bool {
	b := p.block()
	return b != nil && b.Kind == ast.Wait && b.Return.Keep
}

// limited says whether p is a leaf that works outside this process.
func (p *place) limited() bool {
	l, ok := p.step.Action.(*ast.Leaf)
	return ok && l.Kind.Limited
}

// retry is the retry in force for p; nil: none.
func (p *place) retry() *ast.Retry {
	if p.step.Retry == nil && p.rules != nil && p.limited() {
		return p.rules.retry
	}
	return p.step.Retry
}

// timeout is the limit of one attempt in force for p; nil: none.
func (p *place) timeout() *expr.Template {
	if p.step.Bounds.Timeout == nil && p.rules != nil && p.limited() {
		return p.rules.timeout
	}
	return p.step.Bounds.Timeout
}

func (p *place) handled() bool {
	h := &p.step.Handlers
	return len(h.Except) > 0 || h.Else != nil || h.Finally != nil
}

// piece is p's path below the step around it.
func (p *place) piece() string {
	switch p.role {
	case body, do:
		return ""
	case visit:
		return "as_completed"
	case clause:
		return fmt.Sprintf("except[%d]", p.index)
	case onElse:
		return fmt.Sprintf("else[%d]", p.index)
	case finally:
		return fmt.Sprintf("finally[%d]", p.index)
	default:
		return fmt.Sprintf("%s[%d]", p.parent.block().Kind, p.index)
	}
}

// title names p in messages: its id, else its path from the nearest step that has one.
func (p *place) title() string {
	path := ""
	for ; p != nil; p = p.parent {
		piece := p.piece()
		if p.step.ID.Text != "" {
			piece = p.step.ID.Text
		}
		if path != "" && piece != "" {
			piece += "."
		}
		path = piece + path
		if p.step.ID.Text != "" {
			break
		}
	}
	if path == "" {
		return "the workflow"
	}
	return `"` + path + `"`
}

// pos is where p is best pointed at.
func (p *place) pos() diag.Pos {
	if p.step.ID.Text != "" {
		return p.step.ID.Pos
	}
	return p.step.Pos
}

// unit is one workflow while it is compiled.
type unit struct {
	c      *compiler
	file   *file
	ast    *ast.Workflow
	out    *Workflow
	root   *frame
	places []*place // by num
	ids    map[string]*place
	calls  map[*ast.Call]*unit
	values map[*expr.Template]*Value
	edges  map[[2]int32]*edge
	names  names // of the value that is being resolved
	doubts
	facts
}

// doubts keep an error from being told a second time, as one that only follows from it.
type doubts struct {
	twice  map[string]bool // ids of several steps
	unsure []*place        // await and cancel steps with a name that is wrong
}

// facts are what scopes know of a workflow as a whole.
type facts struct {
	inputs expr.Type
	env    *Env // the file's and the workflow's, around the body
	// common are the variables of defaults, by the first of them.
	common map[*ast.Pair][]Var
	// secret holds the values that are, or are made of, a secret.
	secret map[*Value]bool
}

// survey makes the places of u.
func (u *unit) survey() {
	u.root = &frame{}
	u.ids = map[string]*place{}
	var outer *defaults
	if main := u.file.ast.Main; main != u.ast && main.Body != nil {
		outer = outer.with(main.Body.Defaults) // what stands at the top of a file is around its workflows
	}
	u.add(nil, u.ast.Body, body, 0, u.root, outer)
}

// add makes the place of step and of all inside it.
func (u *unit) add(parent *place, step *ast.Step, r role, index int, f *frame, rules *defaults) *place {
	p := &place{step: step, parent: parent, role: r, index: int32(index), frame: f}
	p.num = int32(len(u.places))
	u.places = append(u.places, p)
	if parent != nil {
		p.level, p.inBack = parent.level+1, parent.inBack
	}
	if step.Mode.Background {
		p.inBack, rules = true, nil // defaults are not meant for what runs in the background
	}
	p.rules = rules
	u.name(p)
	p.slots = slots{own: -1, err: -1}
	if step.ID.Text != "" || p.retry() != nil {
		p.slots.own = f.take()
	}
	if p.handled() {
		p.slots.err = f.take()
	}
	u.modes(p)
	p.slots.from = f.size
	u.inside(p, rules.with(step.Defaults))
	p.slots.to = f.size
	p.last = int32(len(u.places)) - 1
	return p
}

func (u *unit) inside(p *place, rules *defaults) {
	f, h := p.frame, &p.step.Handlers
	if b := p.block(); b != nil {
		r := child
		if b.Kind == ast.Steps {
			r = item
		}
		for i, s := range b.Children {
			p.parts.body = append(p.parts.body, u.add(p, s, r, i, f, rules))
		}
		if g := b.For; g != nil {
			p.parts.inner = u.iteration(p, g)
			p.parts.body = []*place{u.add(p, g.Do, do, 0, p.parts.inner, rules)}
		}
		if b.AsCompleted != nil {
			in := &frame{outer: f, depth: f.depth + 1, vars: []string{"task"}}
			p.parts.visit = u.add(p, b.AsCompleted, visit, 0, in, rules)
		}
	}
	for i, c := range h.Except {
		p.parts.except = append(p.parts.except, u.add(p, c.Step, clause, i, f, rules))
	}
	p.parts.orElse = u.list(p, h.Else, onElse, rules)
	p.parts.finally = u.list(p, h.Finally, finally, rules)
}

func (u *unit) list(p *place, b *ast.Block, r role, rules *defaults) []*place {
	if b == nil {
		return nil
	}
	var out []*place
	for i, s := range b.Children {
		out = append(out, u.add(p, s, r, i, p.frame, rules))
	}
	return out
}

// name enters the id of p.
func (u *unit) name(p *place) {
	id := p.step.ID
	if id.Text == "" {
		return
	}
	if first, ok := u.ids[id.Text]; ok {
		u.c.say(diag.Diagnostic{
			Pos: id.Pos, Code: "duplicate-id", Text: fmt.Sprintf("two steps of this workflow are called %q", id.Text),
			Help: "rename one", Why: "results and logs could not be told apart", Other: first.step.ID.Pos, OtherText: "the first",
		})
		if u.twice == nil {
			u.twice = map[string]bool{}
		}
		u.twice[id.Text] = true
		return
	}
	u.ids[id.Text] = p
}

// iteration makes the frame of a generator's body.
func (u *unit) iteration(p *place, g *ast.Generator) *frame {
	f := &frame{outer: p.frame, depth: p.frame.depth + 1, loop: true, lost: len(g.Vars) == 0}
	for _, v := range g.Vars {
		switch {
		case u.c.isFunction(v.Text):
			u.c.add(v.Pos, "reserved-name", "choose another name", "%q is a function of expressions and cannot be a loop variable", v.Text)
		case visible(p.frame, v.Text):
			u.c.add(v.Pos, "shadowed-variable", "choose another name", "the loop variable %q would hide that of a generator around it", v.Text)
			u.c.because("both are known in the body, and nobody could say which is meant")
		}
		f.vars = append(f.vars, v.Text)
	}
	return f
}

func visible(f *frame, name string) bool {
	for ; f != nil; f = f.outer {
		if slices.Contains(f.vars, name) {
			return true
		}
	}
	return false
}
