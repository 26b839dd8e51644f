package plan

import (
	"fmt"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// modes checks that the words that bind a step to what is around it stand where they mean something.
func (u *unit) modes(p *place) {
	s := p.step
	if s.Mode.Background && !p.role.listed() {
		help := ""
		if p.role == child {
			help = fmt.Sprintf("a %s runs its children side by side by itself", p.parent.block().Kind)
		}
		u.c.add(s.Mode.ModePos, "background", help,
			"only an item of a steps list can run in the background, and this is %s", p.standing())
		u.c.because("a task in the background ends with the list that it is in")
	}
	if s.Mode.Ready != nil && !s.Mode.Background && !s.Partial {
		u.c.add(s.Mode.Ready.Pos, "background", "write `background: true` beside it", "`ready` is for a step in the background")
	}
	if s.Mode.Ready != nil && written(s.Mode.Ready.Args, "log") && s.Action != nil && p.kind() != "run" {
		u.c.add(s.Mode.Ready.Pos, "ready", "ask another way: tcp, http or run", "`log` reads the output of a run step, and here the action is %s", p.kind())
	}
	if len(s.Gate.Needs) > 0 && p.role != child {
		help := "needs is for the children of one gather, wait or taskgroup"
		if p.role.listed() {
			help = "in a steps list a step begins when those before it have ended"
		}
		u.c.add(s.Gate.Needs[0].Pos, "needs", help, "needs cannot stand here: this is %s", p.standing())
		u.c.because("only the children of a gather, wait or taskgroup run side by side, so that an order has to be said")
	}
	if p.keeps() {
		u.keeping(p)
	}
	if call, ok := s.Action.(*ast.Call); ok {
		u.link(call)
	}
}

// standing says in words what p is to the step around it.
func (p *place) standing() string {
	switch p.role {
	case body:
		return "the workflow itself"
	case child:
		return fmt.Sprintf("a child of a %s", p.parent.block().Kind)
	case do:
		return "the body of a generator"
	case visit:
		return "as_completed"
	case clause:
		return "a clause of except"
	default:
		return "an item of a steps list"
	}
}

// keeping checks what `rest: keep` asks of its wait.
func (u *unit) keeping(p *place) {
	b, s := p.block(), p.step
	bad := func(what string) {
		u.c.add(b.Return.Pos, "rest", "the children that are kept become background tasks of the list around the wait",
			"`rest: keep` is for a wait %s", what)
	}
	switch {
	case !p.role.listed():
		bad("that is an item of a steps list, and this is " + p.standing())
	case b.For != nil:
		bad("whose children are written out, and these come from a generator")
	case s.Retry != nil:
		bad("without retry")
	case len(s.Semaphores) > 0:
		bad("without semaphore")
	case b.Limit != nil:
		bad("without limit")
	case b.AsCompleted != nil:
		bad("without as_completed, which would outlive it")
	case s.Mode.Background:
		bad("that is not in the background itself")
	}
}

// findTasks resolves the names of await and cancel.
func (u *unit) findTasks() {
	for _, p := range u.places {
		var names []ast.Name
		word := "await"
		switch a := p.step.Action.(type) {
		case *ast.Await:
			names = a.Tasks
		case *ast.Cancel:
			names, word = a.Tasks, "cancel"
		}
		for _, n := range names {
			if t := u.task(p, n, word); t != nil {
				p.tasks = append(p.tasks, t)
				t.ends = append(t.ends, p)
			} else if len(u.unsure) < maxGuesses {
				u.unsure = append(u.unsure, p)
			}
		}
	}
}

// task is the background task that n names at p; nil if there is none, which is said.
func (u *unit) task(p *place, n ast.Name, word string) *place {
	t := u.find(n.Text, n.Pos)
	if t == nil {
		return nil
	}
	why, help := "", ""
	host := t.host()
	switch {
	case t.holds(p):
		why = "this step is inside it and would wait for itself"
	case host == nil:
		why = "it is not a background task"
		if t.role.listed() {
			help = "write `background: true` on it"
		}
	case !host.parent.holds(p):
		why = "it belongs to a steps list that is not around this step; it ends with that list"
	default:
		b := p.below(host.parent)
		switch {
		case b.role != host.role:
			why = "its list has ended by then, and with a list its background tasks end"
		case b.index <= host.index:
			why = "it stands later in the list and has not been started"
		default:
			return t
		}
	}
	if u.vague(n.Text) || t.step.Partial || t.parent != nil && t.parent.step.Partial {
		return nil
	}
	u.c.say(diag.Diagnostic{
		Pos: n.Pos, Code: "await", Text: fmt.Sprintf("%s cannot %s %q: %s", p.title(), word, n.Text, why), Help: help,
		Other: t.pos(), OtherText: "the step",
	})
	return nil
}

// host is the item of the steps list that the background task t belongs to: t itself, or the wait that keeps it.
// Nil: t is no background task.
func (p *place) host() *place {
	switch {
	case p.step.Mode.Background && p.role.listed():
		return p
	case p.role == child && p.parent.keeps() && p.parent.role.listed():
		return p.parent
	default:
		return nil
	}
}

// below is p, or the step around p, that lies directly in around.
func (p *place) below(around *place) *place {
	for p.level > around.level+1 {
		p = p.parent
	}
	return p
}

// awaited says whether the background task t has ended for certain before p begins: a step of a list around p
// that stands before p has awaited or cancelled it, whatever happened. A step whose name for a task is wrong may mean t.
func (u *unit) awaited(p, t *place) bool {
	surely := func(w *place) bool {
		if !w.role.listed() || !w.parent.holds(p) || w.parent == p || !w.certain() {
			return false
		}
		b := p.below(w.parent)
		return b.role == w.role && b.index > w.index
	}
	return slices.ContainsFunc(t.ends, surely) || slices.ContainsFunc(u.unsure, surely)
}

// certain says whether what stands after the await or cancel p runs only when all its tasks have ended: it has no
// condition, and except clauses cannot go on after a limit, or after the first of several tasks has failed.
func (p *place) certain() bool {
	s := p.step
	early := s.Bounds.Timeout != nil || s.Bounds.Total != nil || len(p.tasks) > 1
	return s.Gate.If == nil && !s.Mode.Background && (!early || len(s.Handlers.Except) == 0)
}

// lost says whether name may be that of something that could not be read.
func (u *unit) lost(name string) bool { return u.file.ast.Lost[name] }

// vague says whether it is not sure which step is meant by id, or what it is.
func (u *unit) vague(id string) bool { return u.twice[id] || u.lost(id) }

// find is the step called id; nil if there is none, which is said.
func (u *unit) find(id string, pos diag.Pos) *place {
	t, ok := u.ids[id]
	if ok || u.lost(id) || u.lost("") {
		return t
	}
	u.c.add(pos, "unknown-step", u.meant(id), "there is no step %q", id)
	return nil
}

// meant is the help for an id that u does not have.
func (u *unit) meant(id string) string {
	if !u.c.mayGuess() {
		return ""
	}
	for _, other := range u.c.units {
		if other.file == u.file && other != u && other.ids[id] != nil {
			return "a step of that name is in another workflow of the file: only the value of a call comes out"
		}
	}
	return u.c.guess(id, u.known())
}

// known lists the ids of u in the order of the file.
func (u *unit) known() []string {
	var out []string
	for _, p := range u.places {
		if id := p.step.ID.Text; id != "" && u.ids[id] == p {
			out = append(out, id)
		}
	}
	return out
}
