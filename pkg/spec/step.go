package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// steps reads a list of steps.
func (r *reader) steps(n *yaml.Node, depth int) []*ast.Step {
	n = deref(n)
	if n.Kind != yaml.SequenceNode {
		r.mismatch(n)
		return nil
	}
	out := make([]*ast.Step, 0, len(n.Content))
	for _, c := range n.Content {
		out = append(out, r.step(c, inList, depth))
	}
	return out
}

// step reads one step. Of one that cannot be read at least the place is there, so that those behind it keep theirs.
func (r *reader) step(n *yaml.Node, where place, depth int) *ast.Step {
	n = deref(n)
	s := &ast.Step{Pos: r.text.pos(n), Partial: true}
	switch {
	case r.bad[n]:
	case depth > MaxDepth:
		r.problem(n, "too-deep", "steps are nested more than %d deep", MaxDepth)
	case n.Kind != yaml.MappingNode && r.glued(n):
	case n.Kind != yaml.MappingNode:
		r.problem(n, "wrong-type", "a step is a mapping with one action, and this is %s", nounOf(n))
		r.help("write it as run: ...")
		if nounOf(n) == "text" && n.Value != "" && !strings.ContainsAny(n.Value, "\n:#") {
			r.help("write run: " + brief(n.Value))
		}
	default:
		if len(n.Content) > 0 {
			s.Pos = r.text.pos(n.Content[0])
		}
		r.members(s, n, r.actionOf(n, where), depth)
	}
	return s
}

// actionOf finds the key of a step that is its action, and checks the step's own keys and values. Nil: there is none.
func (r *reader) actionOf(n *yaml.Node, where place) *yaml.Node {
	var action *yaml.Node
	two := false
	for i := 0; i < len(n.Content); i += 2 {
		k := deref(n.Content[i])
		if !r.lang.isAction(k.Value, where) {
			continue
		}
		if action == nil {
			action = k
			continue
		}
		two = true
		r.problem(k, "two-actions", "%s has one action, and this one has both %s and %s", where.noun(), action.Value, k.Value)
		r.second(action, action.Value+" is here")
		r.help(where.twoHelp())
	}
	if action == nil {
		action = r.noAction(n, where)
	}
	switch {
	case action == nil:
		r.checkKnown(n, branch{where: where})
	case two:
		r.checkKnown(n, branch{where, action.Value})
	default:
		r.check(n, branch{where, action.Value})
	}
	return action
}

// members reads all keys of a step into s. key is its action's, or nil.
func (r *reader) members(s *ast.Step, n, key *yaml.Node, depth int) {
	var block *ast.Block
	var leaf *ast.Leaf
	var call *ast.Call
	var value *yaml.Node
	name := ""
	if key != nil {
		name, value = key.Value, field(n, key.Value)
	}
	switch name {
	case "":
	case "steps", "gather", "wait", "taskgroup":
		block = r.block(key, value, depth)
		s.Action = block
	case "call":
		call = &ast.Call{Pos: r.text.pos(key)}
		if !r.bad[value] {
			call.Target = r.name(value)
		}
		s.Action = call
	case "await":
		s.Action = &ast.Await{Tasks: r.names(value), List: value.Kind == yaml.SequenceNode}
	case "cancel":
		s.Action = &ast.Cancel{Tasks: r.names(value)}
	default:
		leaf = &ast.Leaf{Kind: r.lang.kinds[name], Pos: r.text.pos(key)}
		s.Action = leaf
		leaf.Args = append(leaf.Args, ast.Pair{Key: r.name(key), Value: r.template(value, modeOf(leaf.Kind, name))})
	}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := deref(n.Content[i]), deref(n.Content[i+1])
		switch {
		case k == key, r.bad[v]:
		case r.modifier(s, k, v, depth):
		case block != nil:
			r.blockKey(block, k, v, depth)
		case call != nil && k.Value == "with":
			call.With = r.pairs(v, kind.Free)
		case leaf != nil && modeOf(leaf.Kind, k.Value) != noMode:
			leaf.Args = append(leaf.Args, ast.Pair{Key: r.name(k), Value: r.template(v, modeOf(leaf.Kind, k.Value))})
		}
	}
	if leaf != nil {
		r.checkKind(leaf, n)
	}
	if block != nil {
		r.checkBlock(block)
	}
	s.Partial = r.partial(n) || key == nil
}

// partial says whether an entry of the mapping n could not be read, and marks all of such an entry.
func (r *reader) partial(n *yaml.Node) bool {
	if len(r.bad) == 0 {
		return false
	}
	found := r.cut[n]
	for i := 0; i < len(n.Content); i += 2 {
		k, v := deref(n.Content[i]), deref(n.Content[i+1])
		if r.bad[k] || r.bad[v] {
			r.mark(k)
			r.mark(v)
			r.nameless = r.nameless || k.Value == "id" && v.Kind != yaml.ScalarNode
			found = true
		}
		found = found || r.cut[v]
	}
	return found
}

// noMode is the mode of a key that a kind does not have.
const noMode = kind.Mode(255)

func modeOf(k *kind.Kind, key string) kind.Mode {
	for i := range k.Keys {
		if k.Keys[i].Name == key {
			return k.Keys[i].Mode
		}
	}
	return noMode
}

// checkKind asks the kind about the arguments that are constant.
func (r *reader) checkKind(leaf *ast.Leaf, n *yaml.Node) {
	if leaf.Kind.Check == nil {
		return
	}
	constant := make(map[string]any, len(leaf.Args))
	for _, a := range leaf.Args {
		if a.Value != nil && (a.Value.Shape == expr.Constant || a.Value.Shape == expr.Mapping) {
			constant[a.Key.Text] = known(a.Value)
		}
	}
	leaf.Kind.Check(constant, func(path, code, text string) {
		at := n
		key, member, inside := strings.Cut(path, ".")
		if m := field(n, key); inside && m != nil && m.Kind == yaml.MappingNode {
			if v := field(m, member); v != nil {
				m = v
			}
			r.problem(m, code, "%s", text)
			return
		}
		if i := slices.IndexFunc(leaf.Args, func(p ast.Pair) bool { return p.Key.Text == key }); i >= 0 && leaf.Args[i].Value != nil {
			r.problems.Add(leaf.Args[i].Value.Pos, code, "%s", text)
			return
		}
		r.problem(at, code, "%s", text)
	})
}

// known is what of a value is constant.
func known(t *expr.Template) any {
	switch t.Shape {
	case expr.Constant:
		return t.Const
	case expr.Mapping:
		m := make(map[string]any, len(t.Keys))
		for i, key := range t.Keys {
			m[key] = known(t.Vals[i])
		}
		return m
	default:
		return kind.Computed{}
	}
}

// modifier reads a key that every step has; false: k is none of these.
func (r *reader) modifier(s *ast.Step, k, v *yaml.Node, depth int) bool {
	switch k.Value {
	case "id":
		s.ID = r.name(v)
	case "name":
		s.Name = r.template(v, kind.Text)
	case "if":
		s.Gate.If = r.condition(v)
	case "needs":
		s.Gate.Needs = r.names(v)
	case "env":
		s.Env = r.env(v)
	case "defaults":
		s.Defaults = r.defaults(k, v)
	case "timeout":
		s.Bounds.Timeout = r.limit(v)
	case "total_timeout":
		s.Bounds.Total = r.limit(v)
	case "cleanup_timeout":
		s.Bounds.Cleanup = r.limit(v)
	case "retry":
		s.Retry = r.retry(k, v)
	case "semaphore":
		s.Semaphores = r.names(v)
	case "shield":
		s.Mode.Shield = r.flag(v)
		if s.Mode.ModePos.Line == 0 {
			s.Mode.ModePos = r.text.pos(k)
		}
	case "background":
		s.Mode.Background = r.flag(v)
		s.Mode.ModePos = r.text.pos(k)
	case "ready":
		s.Mode.Ready = r.ready(k, v)
	case "except":
		s.Handlers.Except = r.clauses(v, depth)
	case "else":
		s.Handlers.Else = &ast.Block{Kind: ast.Steps, Pos: r.text.pos(k), Children: r.steps(v, depth+1)}
	case "finally":
		s.Handlers.Finally = &ast.Block{Kind: ast.Steps, Pos: r.text.pos(k), Children: r.steps(v, depth+1)}
	case "result":
		s.Result = r.template(v, kind.Free)
	default:
		return false
	}
	return true
}

// name reads a literal name. Its form is the schema's matter.
func (r *reader) name(n *yaml.Node) ast.Name {
	n = deref(n)
	if n.Kind != yaml.ScalarNode {
		r.mismatch(n)
		return ast.Name{}
	}
	return ast.Name{Pos: r.text.pos(n), Text: n.Value}
}

// names reads one name or a list of names.
func (r *reader) names(n *yaml.Node) []ast.Name {
	n = deref(n)
	if r.bad[n] {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []ast.Name{r.name(n)}
	}
	out := make([]ast.Name, 0, len(n.Content))
	for _, c := range n.Content {
		if r.bad[deref(c)] {
			continue
		}
		name := r.name(c)
		if i := slices.IndexFunc(out, func(o ast.Name) bool { return o.Text == name.Text }); i >= 0 {
			r.problem(deref(c), "named-twice", "%q is named twice", brief(name.Text))
			r.secondAt(out[i].Pos, "first here")
			continue
		}
		out = append(out, name)
	}
	return out
}

func (r *reader) flag(n *yaml.Node) bool {
	v, _, _ := scalar(deref(n))
	b, ok := v.(bool)
	if !ok {
		r.mismatch(n)
	}
	return b
}

// pairs reads a mapping whose values may hold expressions.
func (r *reader) pairs(n *yaml.Node, mode kind.Mode) []ast.Pair {
	n = deref(n)
	if r.bad[n] {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.mismatch(n)
		return nil
	}
	out := make([]ast.Pair, 0, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		out = append(out, ast.Pair{Key: r.name(n.Content[i]), Value: r.template(n.Content[i+1], mode)})
	}
	return out
}

// env reads environment variables. A null, which removes a variable, is a nil Value.
func (r *reader) env(n *yaml.Node) []ast.Pair {
	out := r.pairs(n, kind.Text)
	n = deref(n)
	for i := range out {
		if v := deref(n.Content[2*i+1]); v.Kind == yaml.ScalarNode && v.Style&(quoted|yaml.TaggedStyle) == 0 {
			if value, _, _ := plain(v.Value); value == nil {
				out[i].Value = nil
			}
		}
	}
	return out
}

// limit reads a duration that bounds something: more than 0.
func (r *reader) limit(n *yaml.Node) *expr.Template { return r.duration(n, true) }

// pause reads a duration that may be 0.
func (r *reader) pause(n *yaml.Node) *expr.Template { return r.duration(n, false) }

func (r *reader) duration(n *yaml.Node, positive bool) *expr.Template {
	n = deref(n)
	t := r.template(n, kind.Typed)
	if t == nil || t.Shape != expr.Constant {
		return t
	}
	d, ok := durationOf(t.Const)
	switch {
	case !ok:
		r.mismatch(n)
		return nil
	case d < 0 || d == 0 && positive:
		least := "not be negative"
		if positive {
			least = "be more than 0"
		}
		r.problem(n, "bad-duration", "a duration here must %s", least)
		return nil
	}
	return t
}

// The rest of a step's problems.

// noAction reports a step without an action. A key that was probably meant to be one is taken for it, if its value
// fits: then n has the right key from now on, and what is wrong below it is found too.
func (r *reader) noAction(n *yaml.Node, where place) *yaml.Node {
	if len(n.Content) == 0 && !r.cut[n] {
		r.problem(n, "no-action", "%s is empty", where.noun())
		r.help("it needs one of " + r.lang.actionList(where))
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := deref(n.Content[i])
		if where != inFile && where != inWorkflow && r.lang.known(k.Value) {
			continue
		}
		s := r.strayAction(n, i, where)
		w := foreignFor(k.Value, s.owner)
		near := diag.Nearest(k.Value, s.known)
		if w != nil && !slices.Contains(s.known, w.to) && !w.acts || w == nil && near == "" || r.lang.allowed(k.Value, where) {
			continue
		}
		r.found(r.unknownKey(s))
		if meant := n.Content[i]; meant != k && r.lang.isAction(meant.Value, where) {
			return meant
		}
		return nil
	}
	if where == inFile || where == inWorkflow {
		for i := 0; i < len(n.Content); i += 2 {
			if k := deref(n.Content[i]); r.lang.isAction(k.Value, inList) {
				r.problem(k, "no-action", "%s has no body: %s is the action of a step", where.noun(), k.Value)
				r.help("put it below steps, as an item of the list")
				return nil
			}
		}
	}
	if r.cut[n] {
		return nil // what could not be read may be its action
	}
	r.problems.Add(r.text.pos(n), "no-action", "%s does nothing: it has none of %s", where.noun(), r.lang.actionList(where))
	for i := 0; i < len(n.Content) && (where == inList || where == inExcept); i += 2 {
		key := deref(n.Content[i]).Value
		switch owners := r.lang.owners(key); {
		case len(owners) > 0:
			r.help(key + " belongs to " + join(owners, "and"))
		case !r.lang.known(key) && len(r.lang.members(key)) > 0:
			r.help(r.lang.elsewhere(key, branch{where: where}))
		default:
			continue
		}
		break
	}
	return nil
}

// strayAction is the key i of n, which may be meant to be its action.
func (r *reader) strayAction(n *yaml.Node, i int, where place) stray {
	s := stray{
		of: n, at: i, noun: where.noun(), known: r.lang.actionsAt(where),
		fits:      func(known string, v *yaml.Node) bool { return r.fitsAction(branch{where, known}, v) },
		elsewhere: func(key string) string { return r.lang.elsewhere(key, branch{where: where}) },
	}
	if where == inFile {
		s.owner = "file"
	}
	return s
}

// fitsAction says whether v could be the value of the action of b.
func (r *reader) fitsAction(b branch, v *yaml.Node) bool {
	if r.bad[v] || slices.Contains(blocks, b.action) && v.Kind == yaml.SequenceNode &&
		slices.ContainsFunc(v.Content, func(c *yaml.Node) bool { return deref(c).Kind != yaml.MappingNode }) {
		return false
	}
	return r.valid(r.lang.validator(b).props[b.action], v)
}

// losses are the texts in everything that was not read, and "" if there is an id that is no text.
func (r *reader) losses() map[string]bool {
	lost, seen := map[string]bool{"": r.nameless}, map[*yaml.Node]bool{}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if n = deref(n); seen[n] {
			return
		}
		seen[n] = true
		if n.Kind == yaml.ScalarNode && n.Value != "" {
			lost[n.Value] = true
		}
		for _, c := range n.Content {
			visit(c)
		}
	}
	for n := range r.bad {
		visit(n)
	}
	return lost
}

// problem reports what is wrong with n and marks n, so that nothing else is said of it.
func (r *reader) problem(n *yaml.Node, code, format string, args ...any) {
	r.problemAt(r.text.pos(n), n, code, format, args...)
	r.problems[len(r.problems)-1].Len = r.text.width(n)
}

func (r *reader) problemAt(pos diag.Pos, n *yaml.Node, code, format string, args ...any) {
	r.problems.Add(pos, code, format, args...)
	r.mark(n)
}

func (r *reader) mark(n *yaml.Node) {
	if r.bad == nil {
		r.bad = map[*yaml.Node]bool{}
	}
	r.bad[n] = true
}

// help adds what to write instead to the problem reported last.
func (r *reader) help(text string) { r.problems[len(r.problems)-1].Help = text }

// mend adds the edit that certainly mends the problem reported last: text in the place of from..to.
func (r *reader) mend(from, to int, text string) {
	r.problems[len(r.problems)-1].Fix = r.text.fix(from, to, text)
}

// mendToken is mend of all of the scalar n, if it stands in one line.
func (r *reader) mendToken(n *yaml.Node, text string) {
	if from, to, ok := r.text.token(n); ok {
		r.mend(from, to, text)
	}
}

// why adds the reason for the rule to the problem reported last.
func (r *reader) why(text string) { r.problems[len(r.problems)-1].Why = text }

// second adds another place to the problem reported last.
func (r *reader) second(n *yaml.Node, text string) { r.secondAt(r.text.pos(n), text) }

func (r *reader) secondAt(pos diag.Pos, text string) {
	last := &r.problems[len(r.problems)-1]
	last.Other, last.OtherText = pos, text
}

// mismatch notes that n has a shape that the schema refuses: normally that was reported.
func (r *reader) mismatch(n *yaml.Node) {
	if r.misfit.Line == 0 {
		r.misfit = r.text.pos(n)
	}
}

// err is all that is wrong. A mismatch that nobody reported becomes a problem of its own.
func (r *reader) err() error {
	if len(r.problems) == 0 && r.misfit.Line != 0 {
		r.problems.Add(r.misfit, "wrong-type", "this value does not fit here")
	}
	return r.problems.Err()
}
