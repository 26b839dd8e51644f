package plan

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// The names of the semaphores of Options.Jobs and Options.Room: none that a file can give to one of its own.
const (
	Jobs = "--jobs"
	Room = "file descriptors"
)

// The last pass runs only when nothing is wrong: every step becomes a Step with its modifiers as nodes.

// builder builds the steps of one workflow.
type builder struct {
	*unit
	steps []Step // by the numbers of the places
	jobs  int32  // the semaphore of Options.Jobs or Room; -1: none
}

func (c *compiler) build(f *ast.File) {
	p := c.plan
	p.Name, p.File = f.Main.Name.Text, f.Path
	jobs := int32(-1)
	bound := Semaphore{Name: Jobs, Permits: c.opt.Jobs}
	if room := c.room(); room > 0 && (c.opt.Jobs == 0 || room < c.opt.Jobs) {
		bound = Semaphore{Name: Room, Permits: room}
	}
	if bound.Permits > 0 {
		jobs = int32(len(p.Semaphores))
		p.Semaphores = append(p.Semaphores, bound)
	}
	total := 0
	for _, u := range c.units {
		total += len(u.places)
	}
	all := make([]Step, total)
	p.Steps = make([]*Step, total)
	for i := range all {
		all[i].Index = int32(i)
		p.Steps[i] = &all[i]
	}
	for _, u := range c.units {
		p.Workflows = append(p.Workflows, u.out)
		n := len(u.places)
		b := &builder{unit: u, steps: all[:n:n], jobs: jobs}
		all = all[n:]
		u.out.Body = b.step(u.places[0])
		u.out.Slots = u.root.size
	}
	p.Main = p.Workflows[0]
}

// of is the value of a template; nil for nil.
func (b *builder) of(t *expr.Template) *Value {
	if t == nil {
		return nil
	}
	v := b.values[t]
	if v == nil {
		panic("plan: a value was not resolved: " + t.Pos.String())
	}
	return v
}

func (b *builder) step(p *place) *Step {
	s := &b.steps[p.num]
	s.ID, s.Kind, s.Name, s.Pos = p.step.ID.Text, p.kind(), b.of(p.step.Name), p.step.Pos
	s.Piece, s.Order, s.Slot, s.Env = p.piece(), p.order(), p.slots.own, p.env
	s.Background = p.step.Mode.Background
	s.Ready = b.ready(p)
	s.Body = b.modifiers(p, b.action(p))
	return s
}

// kind is the key of p's action.
func (p *place) kind() string {
	switch a := p.step.Action.(type) {
	case *ast.Leaf:
		return a.Kind.Name
	case *ast.Block:
		return a.Kind.String()
	case *ast.Call:
		return "call"
	case *ast.Await:
		return "await"
	case *ast.Cancel:
		return "cancel"
	default:
		panic("plan: unknown action")
	}
}

// room is what Options.Room leaves for steps that wait for their turn. Those in the background have theirs at once, and
// may keep it as long as the run.
func (c *compiler) room() int {
	room := c.opt.Room
	if room == 0 {
		return 0
	}
	for _, u := range c.units {
		for _, p := range u.places {
			if p.inBack && p.limited() {
				room--
			}
		}
	}
	return max(1, room)
}

func (p *place) order() int64 {
	section := [...]int64{
		body: event.InBody, item: event.InBody, child: event.InBody, do: event.InBody, visit: event.InVisit,
		clause: event.InExcept, onElse: event.InElse, finally: event.InFinally,
	}[p.role]
	return section | int64(p.index)
}

// modifiers puts the modifiers of p around its action, innermost first.
func (b *builder) modifiers(p *place, n Node) Node {
	s := p.step
	if s.Result != nil {
		n = &Result{Value: b.of(s.Result), Body: n}
	}
	if t := p.timeout(); t != nil {
		n = &Limit{D: b.of(t), Body: n}
	}
	if b.jobs >= 0 && p.limited() && !p.inBack {
		n = &Hold{Sem: b.jobs, Body: n}
	}
	for _, h := range slices.Backward(b.named(p)) {
		n = &Hold{Sem: h.sem, Body: n}
	}
	if p.slotted() {
		n = &Hold{Sem: Slots, Body: n}
	}
	if r := p.retry(); r != nil {
		n = &Retry{
			Attempts: b.of(r.Attempts), Delay: b.of(r.Delay), Factor: b.of(r.Factor), MaxDelay: b.of(r.MaxDelay), Jitter: b.of(r.Jitter),
			Match: b.matches(r.Match), Until: b.of(r.Until), Slot: p.slots.own, From: p.slots.from, To: p.slots.to, Body: n,
		}
	}
	if s.Bounds.Total != nil {
		n = &Limit{D: b.of(s.Bounds.Total), Total: true, Body: n}
	}
	if p.handled() {
		n = b.handle(p, n)
	}
	if s.Gate.If != nil {
		n = &When{Cond: b.of(s.Gate.If), Body: n}
	}
	if len(p.needs) > 0 {
		n = &Needs{On: p.on(), Body: n}
	}
	if s.Mode.Shield {
		n = &Shield{Body: n}
	}
	return n
}

// slotted says whether p takes a slot of the block around it.
func (p *place) slotted() bool {
	if p.role != child && p.role != do {
		return false
	}
	b := p.parent.block()
	return b.Kind != ast.Steps && b.Limit != nil
}

// on is what p needs, in argument order.
func (p *place) on() []Need {
	var out []Need
	for _, e := range p.needs {
		out = append(out, Need{Child: e.on.index, ID: e.on.step.ID.Text, Hard: p.hard(e), Why: e.why})
	}
	slices.SortFunc(out, func(a, b Need) int { return cmp.Compare(a.Child, b.Child) })
	return out
}

func (b *builder) handle(p *place, n Node) Node {
	h := &Handle{Body: n, Cleanup: b.of(p.step.Bounds.Cleanup), Slot: p.slots.err}
	for i, c := range p.step.Handlers.Except {
		h.Clauses = append(h.Clauses, Clause{
			Match: b.matches(c.Match), OnCancel: onCancel(c.Match), Step: b.step(p.parts.except[i]),
		})
	}
	if p.step.Handlers.Else != nil {
		h.Else = b.sequence(p.parts.orElse)
	}
	if p.step.Handlers.Finally != nil {
		h.Finally = b.sequence(p.parts.finally)
	}
	return h
}

func onCancel(list []*ast.Match) bool {
	return len(list) == 1 && len(list[0].Types) == 1 && list[0].Types[0].Text == event.CancelledError
}

func (b *builder) matches(list []*ast.Match) []Match {
	var out []Match
	for _, m := range list {
		x := Match{ExitCode: m.ExitCode, When: b.of(m.When)}
		for _, t := range m.Types {
			x.Types = append(x.Types, t.Text)
		}
		if m.Message != "" {
			x.Message = regexp.MustCompile(m.Message)
		}
		out = append(out, x)
	}
	return out
}

func (b *builder) sequence(list []*place) *Sequence { return &Sequence{Items: b.list(list)} }

func (b *builder) list(list []*place) []*Step {
	out := make([]*Step, len(list))
	for i, p := range list {
		out[i] = b.step(p)
	}
	return out
}

// action is the node of what p does.
func (b *builder) action(p *place) Node {
	switch a := p.step.Action.(type) {
	case *ast.Leaf:
		return b.leaf(p, a)
	case *ast.Block:
		return b.blockNode(p, a)
	case *ast.Call:
		return &Call{Workflow: b.calls[a].out, With: b.args(a.With)}
	case *ast.Await:
		return &Await{Tasks: tasks(p), List: a.List}
	case *ast.Cancel:
		return &Cancel{Tasks: tasks(p)}
	default:
		panic("plan: unknown action")
	}
}

func tasks(p *place) []Task {
	out := make([]Task, len(p.tasks))
	for i, t := range p.tasks {
		out[i] = Task{ID: t.step.ID.Text, Depth: t.frame.depth, Slot: t.slots.own}
	}
	return out
}

func (b *builder) leaf(p *place, a *ast.Leaf) Node {
	l := &Leaf{Kind: a.Kind, Args: b.args(p.args(a)), Dir: b.file.ast.Dir}
	if t := reraised(a); t != nil {
		l.Reraise = &b.of(t).Refs[0]
	}
	return l
}

// ready is what makes p a service.
func (b *builder) ready(p *place) *Ready {
	a := p.step.Mode.Ready
	if a == nil {
		return nil
	}
	r := &Ready{Probe: &Leaf{Kind: a.Kind, Args: b.args(p.args(a)), Dir: b.file.ast.Dir}}
	for _, arg := range a.Args {
		if arg.Key.Text == "log" {
			r.Line = regexp.MustCompile(arg.Value.Const.(string))
		}
	}
	return r
}

// reraised is the template of `fail: ${{ error }}`, nil for anything else.
func reraised(a ast.Action) *expr.Template {
	l, ok := a.(*ast.Leaf)
	if !ok || l.Kind.Name != "fail" || len(l.Args) == 0 {
		return nil
	}
	if t := l.Args[0].Value; t != nil && t.Shape == expr.Single && t.Expr.IsName("error") {
		return t
	}
	return nil
}

func (b *builder) args(pairs []ast.Pair) []Arg {
	if len(pairs) == 0 {
		return nil
	}
	out := make([]Arg, len(pairs))
	for i, a := range pairs {
		out[i] = Arg{Key: a.Key.Text, Value: b.of(a.Value)}
		if a.Value == nil {
			out[i].Value = null(a.Key)
		}
	}
	return out
}

// null is the value of a key that was written with null.
func null(key ast.Name) *Value {
	return &Value{V: expr.Literal(nil), Pos: key.Pos, Src: expr.New(key.Pos, nil)}
}

func (b *builder) blockNode(p *place, a *ast.Block) Node {
	var gen *Generator
	var children []*Step
	if a.For != nil {
		gen = b.generator(p, a.For)
	} else {
		children = b.list(p.parts.body)
	}
	if a.Kind == ast.Steps {
		if gen != nil {
			return &Loop{Gen: gen}
		}
		return &Sequence{Items: children}
	}
	j := &Join{
		Kind: a.Kind, Children: children, Gen: gen, Limit: b.of(a.Limit),
		Return: Return{Mode: a.Return.Mode, Count: b.of(a.Return.Count), After: b.of(a.Return.After)},
		Keep:   a.Return.Keep, ReturnExceptions: a.ReturnExceptions, GroupErrors: a.GroupErrors,
	}
	// A total_timeout counts the time in the queue, so its clock must run from the block's begin.
	j.Lazy = gen != nil && j.Limit != nil && a.For.Do.Bounds.Total == nil
	if v := p.parts.visit; v != nil {
		j.Visit = &Visit{Step: b.step(v), Slots: v.frame.size}
	}
	return j
}

func (b *builder) generator(p *place, a *ast.Generator) *Generator {
	g := &Generator{Vars: p.parts.inner.vars, In: b.of(a.In), Exclude: b.of(a.Exclude)}
	for _, l := range a.Lists {
		g.Lists = append(g.Lists, b.of(l))
	}
	g.Do = b.step(p.parts.body[0])
	g.Slots = p.parts.inner.size
	return g
}
