package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// Digest tells definitions apart: what has the same digest says the same, in whatever place, file or plan it stands.
type Digest [16]byte

// String is the digest in hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// StepDigest are the digests of a step.
//
// They are of what the file says without what means nothing: comments and white space, the order of keys, the place, `name`
// and `description`, how a limit or a pause is written, and whether something but env stands at the step or in the `defaults` around it.
//
// Not in them is what a run brings, as the values of inputs and of dotenv files; nor are the defaults of secret inputs, the
// permits of semaphores, and where the folder of the workflow is.
type StepDigest struct {
	// Own is of the step without those inside it, but with all that it calls, the variables that it reads, and those that its
	// process gets.
	Own Digest
	// Whole is of the step with all those inside it.
	Whole Digest
}

// Digests are those of all steps, by Step.Index.
func (p *Plan) Digests() []StepDigest {
	d := &digester{
		home: p.Main.Dir, sems: p.Semaphores, steps: make([]StepDigest, len(p.Steps)),
		called: map[*Workflow]Digest{}, envs: map[*Env]Digest{}, vars: map[*Value]Digest{},
	}
	for _, group := range p.callGroups() {
		d.group(group)
	}
	return d.steps
}

// callGroups are the workflows, those that call each other in one group, each group behind those that it calls. (Tarjan's
// algorithm for strongly connected components.)
func (p *Plan) callGroups() (groups [][]*Workflow) {
	const done = math.MaxInt
	number := map[*Workflow]int{} // in the order of visits, from 1
	var open []*Workflow
	var visit func(x *Workflow) (lowest int)
	visit = func(x *Workflow) int {
		mine, at := len(number)+1, len(open)
		number[x] = mine
		open = append(open, x)
		lowest := mine
		x.calls(func(y *Workflow) {
			n := number[y]
			if n == 0 {
				n = visit(y)
			}
			lowest = min(lowest, n)
		})
		if lowest < mine {
			return lowest
		}
		group := slices.Clone(open[at:])
		open = open[:at]
		for _, y := range group {
			number[y] = done
		}
		groups = append(groups, group)
		return done
	}
	for _, x := range p.Workflows {
		if number[x] == 0 {
			visit(x)
		}
	}
	return groups
}

// calls visits what the steps of x call.
func (x *Workflow) calls(visit func(*Workflow)) {
	var in func(s *Step)
	in = func(s *Step) {
		if c, ok := s.Action().(*Call); ok {
			visit(c.Workflow)
		}
		s.Inside(in)
	}
	in(x.Body)
}

// digester makes digests.
type digester struct {
	home    string // the folder of the main workflow
	sems    []Semaphore
	steps   []StepDigest
	called  map[*Workflow]Digest
	envs    map[*Env]Digest
	vars    map[*Value]Digest
	scratch []byte // of own
}

// group makes the digests of workflows that call each other, and of their steps. In a round the digest of one would be in
// itself: there it is made of those in which such a call has but the number of what it calls.
func (d *digester) group(list []*Workflow) {
	round := len(list) > 1
	list[0].calls(func(x *Workflow) { round = round || x == list[0] })
	if !round {
		d.called[list[0]] = d.workflow(list[0])
		return
	}
	for i, x := range list {
		d.called[x] = numbered(Digest{}, i)
	}
	var all sum
	for _, x := range list {
		all.digest(d.workflow(x))
	}
	of := all.of()
	for i, x := range list {
		d.called[x] = numbered(of, i)
	}
	for _, x := range list {
		d.workflow(x)
	}
}

func numbered(d Digest, n int) Digest {
	var b sum
	b.digest(d)
	b.number(int64(n))
	return b.of()
}

// workflow is the digest of x as it is called. It makes those of its steps.
func (d *digester) workflow(x *Workflow) Digest {
	var b sum
	b.text(d.below(x.Dir))
	for _, in := range sortedBy(x.Inputs, func(in *ast.Input) string { return in.Name.Text }) {
		b.text(in.Name.Text)
		b.flags(in.Required, in.Secret)
		if !in.Secret {
			b.json(in.Default)
			b.json(in.Schema)
		}
	}
	b.digest(d.step(x.Body))
	return b.of()
}

// below is a folder as it is seen from the main workflow's.
func (d *digester) below(dir string) string {
	if rel, err := filepath.Rel(d.home, dir); err == nil {
		return filepath.ToSlash(rel)
	}
	return dir
}

// step makes the digests of s, and of the steps inside it.
func (d *digester) step(s *Step) Digest {
	own := d.own(s)
	all := sum{}
	s.Inside(func(x *Step) {
		all.number(x.Order)
		all.digest(d.step(x))
	})
	whole := own
	if len(all.b) > 0 {
		all.digest(own)
		whole = all.of()
	}
	d.steps[s.Index] = StepDigest{Own: own, Whole: whole}
	return whole
}

func (d *digester) own(s *Step) Digest {
	b := sum{d.scratch[:0]}
	defer func() { d.scratch = b.b }()
	b.text(s.Kind)
	b.text(s.ID)
	b.flags(s.Background, s.Ready != nil)
	if s.Ready != nil {
		d.args(&b, s.Ready.Probe.Args, nil)
		if s.Ready.Line != nil {
			b.text(s.Ready.Line.String())
		}
		b.digest(d.env(s.Env))
	}
	for n := s.Body; n != nil; n = Inner(n) {
		d.node(&b, s, n)
	}
	return b.of()
}

// node adds a node without those inside it.
func (d *digester) node(b *sum, s *Step, n Node) {
	switch n := n.(type) {
	case *Shield:
		b.text("shield")
	case *Needs:
		b.text("needs")
		for _, on := range n.On {
			b.text(on.ID)
			if on.ID == "" {
				b.number(int64(on.Child))
			}
			b.flags(on.Hard)
		}
	case *When:
		b.text("if")
		d.value(b, n.Cond)
	case *Handle:
		b.text("handle")
		for _, c := range n.Clauses {
			d.matches(b, c.Match)
		}
		b.flags(n.Else != nil, n.Finally != nil)
		d.duration(b, n.Cleanup)
	case *Limit:
		b.text("limit")
		b.flags(n.Total)
		d.duration(b, n.D)
	case *Retry:
		b.text("retry")
		d.value(b, n.Attempts)
		d.duration(b, n.Delay)
		d.value(b, n.Factor)
		d.duration(b, n.MaxDelay)
		d.value(b, n.Jitter)
		d.matches(b, n.Match)
		d.value(b, n.Until)
	case *Hold:
		if n.Sem == Slots {
			b.text("slot")
		} else if name := d.sems[n.Sem].Name; name != Jobs && name != Room { // which are the command line's, and the machine's
			b.text("semaphore")
			b.text(name)
		}
	case *Result:
		b.text("result")
		d.value(b, n.Value)
	case *Leaf:
		b.text("leaf")
		d.args(b, n.Args, nil)
		if n.Kind.Instant == nil {
			b.text(d.below(n.Dir))
			b.digest(d.env(s.Env))
		}
	case *Sequence:
		b.text("list")
	case *Loop:
		d.generator(b, n.Gen)
	case *Join:
		b.text(n.Kind.String())
		b.flags(n.Keep, n.ReturnExceptions, n.GroupErrors, n.Gen != nil, n.Visit != nil)
		b.number(int64(n.Return.Mode))
		d.value(b, n.Return.Count)
		d.duration(b, n.Return.After)
		d.value(b, n.Limit)
		if n.Gen != nil {
			d.generator(b, n.Gen)
		}
	case *Call:
		b.text("call")
		d.args(b, n.With, n.Workflow)
		b.digest(d.called[n.Workflow])
	case *Await:
		b.text("await")
		b.flags(n.List)
		b.texts(taskIDs(n.Tasks))
	case *Cancel:
		b.text("cancel")
		b.texts(taskIDs(n.Tasks))
	default:
		panic(fmt.Sprintf("plan: no digest of %T", n))
	}
}

func taskIDs(list []Task) (ids []string) {
	for _, t := range list {
		ids = append(ids, t.ID)
	}
	return ids
}

func (d *digester) generator(b *sum, g *Generator) {
	b.text("for")
	b.texts(g.Vars)
	d.value(b, g.In)
	for _, l := range g.Lists {
		d.value(b, l)
	}
	d.value(b, g.Exclude)
}

func (d *digester) matches(b *sum, list []Match) {
	b.number(int64(len(list)))
	for _, m := range list {
		b.texts(m.Types)
		b.json(m.ExitCode)
		if m.Message != nil {
			b.text(m.Message.String())
		}
		d.value(b, m.When)
	}
}

// args adds arguments of an action, or those of a call of x. What a secret input is given is left out, unless it is computed.
func (d *digester) args(b *sum, list []Arg, x *Workflow) {
	b.number(int64(len(list)))
	for _, a := range sortedBy(list, func(a Arg) string { return a.Key }) {
		b.text(a.Key)
		secret := x != nil && slices.ContainsFunc(x.Inputs, func(in *ast.Input) bool { return in.Secret && in.Name.Text == a.Key })
		if !secret || a.Value.Src.Shape == expr.Single {
			d.value(b, a.Value)
		}
	}
}

// env is the digest of all variables of e. Of those of dotenv files it has the names.
func (d *digester) env(e *Env) Digest {
	if e == nil {
		return Digest{}
	}
	if known, ok := d.envs[e]; ok {
		return known
	}
	var b sum
	b.digest(d.env(e.Outer))
	for _, v := range sortedBy(e.Vars, func(v Var) string { return v.Name }) {
		b.text(v.Name)
		b.digest(d.variable(e, v))
	}
	d.envs[e] = b.of()
	return b.of()
}

func (d *digester) variable(e *Env, v Var) Digest {
	var b sum
	if v.Value == nil || e.Dotenv {
		b.flags(v.Value == nil)
		return b.of()
	}
	if known, ok := d.vars[v.Value]; ok {
		return known
	}
	d.value(&b, v.Value)
	d.vars[v.Value] = b.of()
	return b.of()
}

// value adds a value, with the variables that it reads.
func (d *digester) value(b *sum, v *Value) {
	if v == nil {
		b.number(-1)
		return
	}
	b.template(v.Src)
	for _, r := range v.Refs {
		if r.Kind != RefEnv {
			continue
		}
		if r.Member == "" {
			b.digest(d.env(r.Env))
			continue
		}
		for e := r.Env; e != nil; e = e.Outer {
			i := slices.IndexFunc(e.Vars, func(v Var) bool { return v.Name == r.Member })
			if i >= 0 {
				b.digest(d.variable(e, e.Vars[i]))
				break
			}
		}
	}
}

// duration adds a value that is a duration.
func (d *digester) duration(b *sum, v *Value) {
	if v != nil && v.Src.Shape == expr.Constant {
		if x, err := event.Duration(v.Src.Const); err == nil {
			b.text(event.FormatDuration(x))
			return
		}
	}
	d.value(b, v)
}

// sortedBy is a list in the order of keys.
func sortedBy[T any](list []T, key func(T) string) []T {
	less := func(a, b T) int { return cmp.Compare(key(a), key(b)) }
	if slices.IsSortedFunc(list, less) {
		return list
	}
	return slices.SortedStableFunc(slices.Values(list), less)
}

// sum is what a digest is made of. Each part says how long it is, or has a known length, so that no two lists of parts are alike.
type sum struct{ b []byte }

func (s *sum) of() (d Digest) {
	all := sha256.Sum256(s.b)
	return Digest(all[:len(d)])
}

func (s *sum) digest(d Digest) { s.b = append(s.b, d[:]...) }

func (s *sum) number(n int64) { s.b = binary.AppendVarint(s.b, n) }

func (s *sum) text(t string) {
	s.number(int64(len(t)))
	s.b = append(s.b, t...)
}

func (s *sum) texts(list []string) {
	s.number(int64(len(list)))
	for _, t := range list {
		s.text(t)
	}
}

func (s *sum) flags(list ...bool) {
	for _, f := range list {
		if f {
			s.number(1)
		} else {
			s.number(0)
		}
	}
}

func (s *sum) json(v any) {
	text, isText := v.(string)
	if s.flags(isText); isText {
		s.text(text)
		return
	}
	j, err := event.Marshal(v)
	if err != nil {
		panic("plan: a constant is no JSON: " + err.Error())
	}
	s.text(string(j))
}

func (s *sum) template(t *expr.Template) {
	s.number(int64(t.Shape))
	switch t.Shape {
	case expr.Constant:
		s.json(t.Const)
	case expr.Single:
		s.text(t.Expr.Normal())
	case expr.Interpolated:
		s.number(int64(len(t.Parts)))
		for _, p := range t.Parts {
			s.flags(p.Expr != nil)
			if p.Expr != nil {
				s.text(p.Expr.Normal())
			} else {
				s.text(p.Text)
			}
		}
	case expr.Sequence:
		s.number(int64(len(t.List)))
		for _, x := range t.List {
			s.template(x)
		}
	case expr.Mapping:
		order := make([]int, len(t.Keys))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.Keys[a], t.Keys[b]) })
		s.number(int64(len(order)))
		for _, i := range order {
			s.text(t.Keys[i])
			s.template(t.Vals[i])
		}
	default:
		panic("plan: unknown shape of a template")
	}
}
