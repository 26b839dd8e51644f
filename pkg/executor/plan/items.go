package plan

import "strings"

// Item is one step of a list of all steps.
type Item struct {
	// Path is that of the step in results and events. [*] stands for the number of a generated child, and of a visit of
	// as_completed.
	Path  string
	Depth int // 0 is the body of the workflow
	Step  *Step
}

// Items lists the steps of x in the order of the file, handlers last, its body first. The paths are those of a run of x: in
// a workflow that is called the path of the call stands before them.
func (x *Workflow) Items() []Item {
	var list []Item
	x.each("", func(i Item, _ *Workflow) bool {
		list = append(list, i)
		return false
	})
	return list
}

// maxPaths bounds Paths: a workflow that calls others many times has more than anybody wants to read.
const maxPaths = 200_000

// Paths lists the paths of all steps of a run, those of called workflows among them; [*] as in Item. A workflow that calls
// itself is followed once.
func (p *Plan) Paths() []string {
	var list []string
	open := map[*Workflow]bool{}
	var follow func(x *Workflow, prefix string)
	follow = func(x *Workflow, prefix string) {
		open[x] = true
		x.each(prefix, func(i Item, calls *Workflow) bool {
			if i.Depth > 0 {
				list = append(list, i.Path)
			}
			if calls != nil && !open[calls] && len(list) < maxPaths {
				follow(calls, i.Path)
			}
			return len(list) >= maxPaths
		})
		delete(open, x)
	}
	follow(p.Main, "")
	return list
}

// each visits the steps of x with paths below that of the step that calls it, and with the workflow that they call; nil:
// they call none. It stops when visit says so.
func (x *Workflow) each(path string, visit func(i Item, calls *Workflow) (stop bool)) {
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	w := itemizer{visit: visit}
	w.step(x.Body, path, prefix, 0)
}

// itemizer walks steps with their paths.
type itemizer struct {
	visit   func(i Item, calls *Workflow) bool
	stopped bool
}

// step visits s, whose path is path; prefix stands before the ids of the steps inside.
func (w *itemizer) step(s *Step, path, prefix string, depth int) {
	if w.stopped {
		return
	}
	action := s.Action()
	var calls *Workflow
	if c, ok := action.(*Call); ok {
		calls = c.Workflow
	}
	if w.stopped = w.visit(Item{Path: path, Depth: depth, Step: s}, calls); w.stopped {
		return
	}
	depth++
	switch n := action.(type) {
	case *Sequence:
		w.list(n.Items, path, prefix, depth)
	case *Loop:
		w.generated(n.Gen.Do, path, "steps", depth)
	case *Join:
		w.list(n.Children, path, prefix, depth)
		if n.Gen != nil {
			w.generated(n.Gen.Do, path, n.Kind.String(), depth)
		}
		if n.Visit != nil {
			w.generated(n.Visit.Step, Below(path, "as_completed"), "", depth)
		}
	}
	Walk(s.Body, func(n Node) {
		h, ok := n.(*Handle)
		if !ok {
			return
		}
		for _, c := range h.Clauses {
			w.list([]*Step{c.Step}, path, prefix, depth)
		}
		for _, l := range []*Sequence{h.Else, h.Finally} {
			if l != nil {
				w.list(l.Items, path, prefix, depth)
			}
		}
	})
}

func (w *itemizer) list(steps []*Step, path, prefix string, depth int) {
	for _, s := range steps {
		p := prefix + s.ID
		if s.ID == "" {
			p = Below(path, s.Piece)
		}
		w.step(s, p, prefix, depth)
	}
}

// generated visits the body of a generator; word stands for a path that is empty.
func (w *itemizer) generated(s *Step, path, word string, depth int) {
	if path == "" {
		path = word
	}
	path += "[*]"
	prefix := path + "."
	if s.ID != "" {
		path = prefix + s.ID
	}
	w.step(s, path, prefix, depth)
}

// Below is the path of the piece (Step.Piece) below the step at path.
func Below(path, piece string) string {
	return strings.TrimPrefix(path+"."+piece, ".")
}
