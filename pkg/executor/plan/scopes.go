package plan

import (
	"fmt"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// moment is when an expression of a step is read.
type moment uint8

const (
	before   moment = iota // before the first attempt: if, total_timeout, the numbers of retry
	inside                 // for each attempt
	after                  // when what is inside has ended: result, until
	handling               // when an attempt has failed: match, cleanup_timeout
)

// site is where an expression stands.
type site struct {
	at    *place
	when  moment
	frame *frame // at.frame, but for `exclude`
	env   *Env   // in force
	given given
	// condition: it is an `if`, which may test secrets and needs. secret: a secret may stand here. channels: a
	// secret may stand in those members of the mapping that take it out of this process safely.
	condition, secret, channels bool
	// request: it is an http step's.
	request bool
	// again: a text at the top of the file, read once more for one of its workflows. What is wrong with it
	// was said for the file's own workflow.
	again bool
	// argument: of a call, which looks at the value itself when it is made; before that only the type is checked.
	argument bool
}

// given are the names that only this place has.
type given uint8

const (
	givenValue given = 1 << iota // value and attempt, in until
	givenError                   // error, in when
)

// resolve checks every expression of u and gives its names their addresses.
func (u *unit) resolve() {
	u.values = make(map[*expr.Template]*Value, 3*len(u.places))
	p := u.places[0]
	s := site{at: p, when: inside, frame: p.frame}
	main := u.file.ast.Main
	if main != u.ast {
		s.again = true
		u.env = u.layer(main.Env, u.dotenv(s), s)
		if main.Body != nil {
			s.env = u.env
			u.defaults(main.Body.Defaults, s)
		}
		s.again = false
	} else {
		u.env = u.dotenv(s)
	}
	u.env = u.layer(u.ast.Env, u.env, s)
	for _, p := range u.places {
		u.visit(p)
	}
}

// visit resolves the expressions of p itself.
func (u *unit) visit(p *place) {
	step := p.step
	env := u.env
	if p.parent != nil {
		env = p.parent.env
	}
	s := site{at: p, when: inside, frame: p.frame}
	if p.rules != nil && p.limited() && len(p.rules.env) > 0 {
		env = &Env{Outer: env, Vars: u.shared(p.rules.env)}
	}
	p.env = u.layer(step.Env, env, s)
	s.env = p.env

	u.value(step.Name, s, expr.Any)
	u.value(step.Bounds.Timeout, s, expr.Any)
	if step.Mode.Ready != nil {
		u.leaf(p, step.Mode.Ready, s)
	}
	u.defaults(step.Defaults, s)
	u.action(p, s)

	early := with(s, func(s *site) { s.when = before })
	u.value(step.Bounds.Total, early, expr.Any)
	u.value(step.Gate.If, with(early, func(s *site) { s.condition = true }), expr.Bool)
	u.retry(step.Retry, s)
	u.value(step.Result, with(s, func(s *site) { s.when = after }), expr.Any)
	late := with(s, func(s *site) { s.when = handling })
	u.value(step.Bounds.Cleanup, late, expr.Any)
	for _, c := range step.Handlers.Except {
		u.matches(c.Match, late)
	}
	u.semaphores(p)
}

func with(s site, change func(*site)) site {
	change(&s)
	return s
}

// action resolves the expressions of what p does.
func (u *unit) action(p *place, s site) {
	switch a := p.step.Action.(type) {
	case *ast.Leaf:
		u.leaf(p, a, s)
	case *ast.Call:
		u.with(a, s)
	case *ast.Block:
		u.value(a.Limit, s, expr.Int)
		u.value(a.Return.Count, s, expr.Int)
		u.value(a.Return.After, s, expr.Any)
		if g := a.For; g != nil {
			u.value(g.In, s, expr.Any)
			for _, l := range g.Lists {
				u.value(l, s, expr.Any)
			}
			s.frame = p.parts.inner
			u.value(g.Exclude, s, expr.Bool)
		}
	}
}

// leaf resolves the arguments of an action or of a probe.
func (u *unit) leaf(p *place, a *ast.Leaf, s site) {
	for _, arg := range a.Args {
		in := s
		in.secret = arg.Key.Text == "stdin"
		in.channels = arg.Key.Text == "http"
		in.request = in.channels
		if program(a.Kind, arg) {
			u.script(p, a, arg.Value, in)
			continue
		}
		u.value(arg.Value, in, expr.Any)
	}
}

func (u *unit) retry(r *ast.Retry, s site) {
	if r == nil {
		return
	}
	early := with(s, func(s *site) { s.when = before })
	u.value(r.Attempts, early, expr.Int)
	u.value(r.Delay, early, expr.Any)
	u.value(r.Factor, early, expr.Float)
	u.value(r.MaxDelay, early, expr.Any)
	u.value(r.Jitter, early, expr.Float)
	u.matches(r.Match, with(s, func(s *site) { s.when = handling }))
	u.value(r.Until, with(s, func(s *site) { s.when, s.given = after, givenValue }), expr.Bool)
}

func (u *unit) matches(list []*ast.Match, s site) {
	s.given = givenError
	for _, m := range list {
		u.value(m.When, s, expr.Bool)
	}
}

// defaults resolves what stands in a `defaults`.
func (u *unit) defaults(d *ast.Defaults, s site) {
	if d == nil {
		return
	}
	u.value(d.Timeout, s, expr.Any)
	u.retry(d.Retry, s)
	s.secret = true
	for _, v := range d.Env {
		u.value(v.Value, s, expr.Any)
	}
	s.secret = false
	for _, a := range d.Args {
		u.value(a.Value, s, expr.Any)
	}
}

// dotenv is the layer of the file's dotenv files, around everything else that it says of the environment. A variable
// with the name of a secret, whichever file declares it, is that secret: only steps that name it get it.
func (u *unit) dotenv(s site) *Env {
	var open []ast.Pair
	for _, v := range u.file.ast.Vars {
		if u.c.take(v) {
			continue
		}
		open = append(open, v)
	}
	e := u.layer(open, nil, s)
	if e != nil {
		e.Dotenv = true
	}
	return e
}

// layer is env with the variables of pairs over it.
func (u *unit) layer(pairs []ast.Pair, env *Env, s site) *Env {
	if len(pairs) == 0 {
		return env
	}
	s.env, s.secret = env, true
	for _, v := range pairs {
		u.value(v.Value, s, expr.Any)
	}
	return &Env{Outer: env, Vars: u.vars(pairs)}
}

// vars are the variables of pairs, which are resolved.
func (u *unit) vars(pairs []ast.Pair) []Var {
	out := make([]Var, len(pairs))
	for i, v := range pairs {
		out[i] = Var{Name: v.Key.Text, Value: u.values[v.Value]}
	}
	return out
}

// shared is vars of the defaults, made once for all the steps that have them.
func (u *unit) shared(pairs []ast.Pair) []Var {
	out, ok := u.common[&pairs[0]]
	if !ok {
		out = u.vars(pairs)
		u.common[&pairs[0]] = out
	}
	return out
}

// value resolves one template; want is the type that its place needs.
func (u *unit) value(t *expr.Template, s site, want expr.TypeKind) {
	if t != nil {
		u.valueFor(t, t, s, want)
	}
}

// valueFor resolves t, which stands for the template src of the file.
func (u *unit) valueFor(src, t *expr.Template, s site, want expr.TypeKind) {
	v := &Value{Pos: src.Pos, Src: src}
	u.values[src] = v
	n := &u.names
	if t.Shape == expr.Constant {
		n = &names{}
	} else {
		n.begin(u, v)
		n.template(t, s)
	}
	var wrong diag.List
	v.V, wrong = t.Check(n.types, want)
	if s.argument && want != expr.Any && len(wrong) == 0 {
		v.V, _ = t.Check(n.types, expr.Any)
	}
	if !s.again {
		u.c.problems = append(u.c.problems, wrong...)
	}
	if n.secret {
		u.secret[v] = true
	}
}

// semaphores checks the names of p's semaphores.
func (u *unit) semaphores(p *place) {
	for _, n := range p.step.Semaphores {
		u.c.use(nil, "semaphores."+n.Text)
		if !u.file.sems[n.Text] && !u.lost(n.Text) {
			var known []string
			for _, s := range u.file.ast.Semaphores {
				known = append(known, s.Name.Text)
			}
			help := u.c.guess(n.Text, known)
			if len(known) == 0 {
				help = fmt.Sprintf("declare it at the top of the file: semaphores: {%s: 1}", n.Text)
			}
			u.c.add(n.Pos, "unknown-semaphore", help, "there is no semaphore %q", n.Text)
		}
	}
}
