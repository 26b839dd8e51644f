package durations

import (
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// span is what is left of a step, or of several, in seconds: sums of what people write need not be durations.
type span struct {
	took  float64 // until all of it has ended
	known float64 // the work of the steps in it of which something is known
	count float64 // of these steps
	blank float64 // what the work of the others is taken to be
	blind bool    // how many steps there are is not known
	held  [maxHeld]float64
}

// maxHeld is how many semaphores are looked at, --jobs among them: the first of the plan.
const maxHeld = 8

// add adds the work of y to that of x.
func (x *span) add(y span) { x.times(y, 1) }

func (x *span) times(y span, n int) {
	x.known += y.known * float64(n)
	x.count += y.count * float64(n)
	x.blank += y.blank * float64(n)
	x.blind = x.blind || y.blind && n > 0
	for i := range x.held {
		x.held[i] += y.held[i] * float64(n)
	}
}

// ask is what is known while it is looked at what is left.
type ask struct {
	now  time.Time
	mean float64                // what a step works of which nothing is known
	open map[*plan.Workflow]int // workflows around
	deep int                    // calls around
}

// look is Left.
func (r *Run) look(now time.Time) (time.Duration, bool) {
	r.now = now
	if r.open == nil {
		r.open = map[*plan.Workflow]int{r.plan.Main: 1}
		all := r.of(r.root, nil)
		if all.count > 0 {
			r.mean = all.known / all.count
		}
		forget(r.root)
	}
	x := r.of(r.root, r.steps[0])
	r.queue(&x)
	left := time.Duration(min(x.took, farOff) * float64(time.Second)).Round(time.Microsecond)
	return left, !x.blind && 2*x.blank <= x.known
}

// farOff is more than anybody waits, in seconds.
const farOff = 1e9

// forget forgets what is expected of s and all inside it.
func forget(s *spot) {
	s.expect = nil
	for _, x := range s.inside {
		forget(x)
	}
}

// queue makes x as long as semaphores let it be.
func (r *Run) queue(x *span) {
	for i := range min(len(r.plan.Semaphores), maxHeld) {
		x.took = max(x.took, x.held[i]/float64(max(1, r.plan.Semaphores[i].Permits)))
	}
}

// of is what is left of an instance of s; i nil: it has not begun.
func (r *Run) of(s *spot, i *instance) span {
	switch {
	case i == nil || i.phase <= waiting:
		if s.expect == nil {
			x := r.step(s, nil, s.def)
			s.expect = &x
		}
		return *s.expect
	case i.phase == ended:
		return span{}
	case i.phase == pausing:
		if s.past.again {
			return r.step(s, i, s.def)
		}
		x := r.of(s, nil)
		x.took += max(0, i.until.Sub(r.now).Seconds())
		return x
	default:
		return r.step(s, i, s.def)
	}
}

// step is what is left of s, as far as it is written at def: that of s, or the body of what it calls.
func (r *Run) step(s *spot, i *instance, def *plan.Step) (x span) {
	if r.spots > maxSpots {
		return span{blind: true}
	}
	f := r.form(def)
	section := event.InBody
	if _, calls := f.action.(*plan.Call); i != nil && i.phase == handling && (!calls || r.handles(s, i, def)) {
		section = event.InExcept
	} else {
		x = r.action(s, i, def, f)
		if f.retry && def == s.def && !f.works() && s.past.again {
			x.took = max(x.took, rest(s.past.whole, r.since(i)))
		}
		r.within(&x, f.timeout, r.worked(i))
		r.within(&x, f.total, r.since(i))
		for _, sem := range f.sems {
			if sem < maxHeld {
				x.held[sem] += x.took
			}
		}
	}
	if f.handle != nil {
		r.handlers(&x, s, i, def, section)
	}
	return x
}

// worked is how long the attempt of i is at work.
func (r *Run) worked(i *instance) time.Duration {
	if i == nil {
		return 0
	}
	return r.now.Sub(i.began)
}

// since is how long i is at work with all its attempts.
func (r *Run) since(i *instance) time.Duration {
	if i == nil {
		return 0
	}
	return r.now.Sub(i.first)
}

// within makes x no longer than a limit lets it be, after so long.
func (r *Run) within(x *span, limit *plan.Value, since time.Duration) {
	if d, ok := r.duration(limit); ok {
		x.took = max(0, min(x.took, (d-since).Seconds()))
	}
}

// handles says whether a handler of def is at work.
func (r *Run) handles(s *spot, i *instance, def *plan.Step) (yes bool) {
	at := at(s, i)
	def.Inside(func(y *plan.Step) {
		yes = yes || at != nil && y.Order >= event.InExcept && at[s.number[y.Index]] != nil
	})
	return yes
}

// handlers adds what is left of those of def.
func (r *Run) handlers(x *span, s *spot, i *instance, def *plan.Step, section int64) {
	inside := r.below(s)
	at := at(s, i)
	var list []*spot
	def.Inside(func(y *plan.Step) {
		if y.Order >= event.InExcept {
			c := inside[s.number[y.Index]]
			list = append(list, c)
			if at != nil && at[s.number[y.Index]] != nil {
				section = max(section, y.Order&^(1<<32-1))
			}
		}
	})
	for _, c := range list {
		if c.def.Order < section {
			continue
		}
		y := r.child(s, i, at, c)
		x.add(y)
		x.took += y.took
	}
}

// at are the live instances of what is inside s, by their numbers; nil when i has none.
func at(s *spot, i *instance) []*instance {
	if i == nil || len(i.live) == 0 {
		return nil
	}
	out := make([]*instance, len(s.inside))
	for _, x := range i.live {
		out[s.number[x.def.Index]] = x
	}
	return out
}

// child is what is left of c, which is inside s and not made by a generator.
func (r *Run) child(s *spot, i *instance, at []*instance, c *spot) span {
	n := s.number[c.def.Index]
	switch {
	case i != nil && i.over != nil && i.over[n]:
		return span{}
	case at != nil && at[n] != nil:
		return r.of(c, at[n])
	case !r.occurs(c):
		return span{}
	}
	return r.of(c, nil)
}

// occurs says whether a step usually begins when its turn comes.
func (r *Run) occurs(c *spot) bool {
	if c.past.known {
		return c.past.rate >= 0.5
	}
	return c.def.Order < event.InExcept || c.def.Order >= event.InElse
}

// action is what is left of what def does.
func (r *Run) action(s *spot, i *instance, def *plan.Step, f *form) (x span) {
	switch n := f.action.(type) {
	case *plan.Leaf:
		return r.leaf(s, i, n)
	case *plan.Sequence:
		return r.list(s, i, n.Items)
	case *plan.Loop:
		each := r.below(s)[s.number[n.Gen.Do.Index]]
		count, known := r.count(each, n.Gen, i)
		if i != nil {
			count -= i.passed
		}
		y := r.of(each, nil)
		x.times(y, count)
		x.took, x.blind = y.took*float64(count), x.blind || !known
		for _, y := range r.live(i, n.Gen.Do) {
			y := r.of(y.spot, y)
			x.add(y)
			x.took += y.took
		}
		r.queue(&x)
		return x
	case *plan.Join:
		return r.join(s, i, n)
	case *plan.Call:
		if r.open[n.Workflow] > 0 && !s.past.known { // for all that is known it may never end
			return span{blind: true}
		}
		r.below(s)
		r.open[n.Workflow]++
		r.deep++
		x = r.step(s, i, n.Workflow.Body)
		r.deep--
		r.open[n.Workflow]--
		return x
	case *plan.Await, *plan.Cancel:
		return x
	default:
		panic("durations: unknown action")
	}
}

// live are the instances of a step inside i.
func (r *Run) live(i *instance, def *plan.Step) (list []*instance) {
	if i == nil {
		return nil
	}
	for _, x := range i.live {
		if x.def == def {
			list = append(list, x)
		}
	}
	return list
}

// leaf is what is left of a step that works by itself.
func (r *Run) leaf(s *spot, i *instance, n *plan.Leaf) (x span) {
	if !works(n.Kind) {
		return x
	}
	since := r.worked(i)
	if d, ok := r.written(n); ok {
		left := max(0, d-since).Seconds()
		return span{took: left, known: left, count: 1}
	}
	if s.past.runs == 0 && s.past.known && s.def.Background {
		return x // it works as long as it is wanted
	}
	if s.past.known && s.past.rate == 0 && i == nil {
		return x
	}
	if s.past.runs == 0 {
		x.took = rest([]time.Duration{time.Duration(r.mean * float64(time.Second))}, since)
		x.blank, x.blind = x.took, r.mean == 0
		return x
	}
	if s.past.again {
		since = r.since(i)
	}
	x.took = rest(s.past.whole, since)
	x.known, x.count = x.took, 1
	return x
}

// rest is what is left of what usually takes one of the sorted durations, after so long.
func rest(sorted []time.Duration, since time.Duration) float64 {
	if since <= 0 {
		return quantile(sorted, 0.5).Seconds()
	}
	n, _ := slices.BinarySearch(sorted, since)
	if n == len(sorted) {
		return since.Seconds() / 10 // nobody knows; it need not end at once
	}
	return (quantile(sorted[n:], 0.5) - since).Seconds()
}

// written is how long a step works of which the file says it, as a sleep.
func (r *Run) written(n *plan.Leaf) (time.Duration, bool) {
	if n.Kind.Instant == nil {
		return 0, false
	}
	args := make(map[string]any, len(n.Args))
	for _, a := range n.Args {
		v, ok := r.value(a.Value)
		if !ok {
			return 0, false
		}
		args[a.Key] = v
	}
	return n.Kind.Instant(args).After, true
}

// list is what is left of items that come one after the other. Those in the background go on beside the others; who awaits one
// waits for it.
func (r *Run) list(s *spot, i *instance, items []*plan.Step) (x span) {
	inside := r.below(s)
	at := at(s, i)
	tasks := map[string]span{} // took: until it has ended
	for _, item := range items {
		c := inside[s.number[item.Index]]
		y := r.child(s, i, at, c)
		if item.Background {
			if item.Ready != nil {
				x.took += r.ready(c, at)
			}
			y.took += x.took
			tasks[item.ID] = y
			continue
		}
		if a, ok := r.form(item).action.(*plan.Await); ok && (at != nil && at[s.number[item.Index]] != nil || r.occurs(c)) {
			for _, t := range a.Tasks {
				x.took = max(x.took, tasks[t.ID].took)
				x.add(tasks[t.ID])
				delete(tasks, t.ID)
			}
		}
		x.add(y)
		x.took += y.took
	}
	r.queue(&x)
	return x
}

// ready is what is left until a service is ready.
func (r *Run) ready(c *spot, at []*instance) float64 {
	if len(c.past.ready) == 0 {
		return 0
	}
	for _, i := range at {
		if i != nil && i.spot == c && i.phase == working {
			if i.ready {
				return 0
			}
			return rest(c.past.ready, r.now.Sub(i.began))
		}
	}
	return rest(c.past.ready, 0)
}

// maxChildren is more than a generator has.
const maxChildren = 10_000_000

// count is how many children g makes in all.
func (r *Run) count(each *spot, g *plan.Generator, i *instance) (n int, known bool) {
	if each.counted == unasked {
		each.counted = no
		if each.items, known = r.items(g); known {
			each.counted = yes
		}
	}
	if n, known = each.items, each.counted == yes; !known {
		n, known = int(min(each.past.rate, maxChildren)+0.5), each.past.known
	}
	if i != nil {
		n = max(n, i.passed)
	}
	return n, known
}

// items is how many children g makes if that hangs on inputs alone.
func (r *Run) items(g *plan.Generator) (n int, known bool) {
	if g.Exclude != nil {
		return 0, false
	}
	lists := g.Lists
	if g.In != nil {
		lists = []*plan.Value{g.In}
	}
	n = 1
	for _, l := range lists {
		v, ok := r.value(l)
		if !ok {
			return 0, false
		}
		switch v := v.(type) {
		case []any:
			n *= len(v)
		case map[string]any:
			n *= len(v)
		default:
			return 0, false
		}
	}
	return n, true
}

// value is v if it hangs on inputs alone.
func (r *Run) value(v *plan.Value) (any, bool) {
	if v == nil {
		return nil, false
	}
	if c, ok := v.V.Constant(); ok {
		return c, true
	}
	for _, ref := range v.Refs {
		if ref.Kind != plan.RefInputs || r.inputs == nil || r.deep > 0 {
			return nil, false
		}
	}
	x, err := v.V.Eval(map[string]any{"inputs": r.inputs})
	return x, err == nil
}

func (r *Run) duration(v *plan.Value) (time.Duration, bool) {
	x, ok := r.value(v)
	if !ok {
		return 0, false
	}
	d, err := event.Duration(x)
	return d, err == nil
}

// join is what is left of a block whose children work at the same time.
func (r *Run) join(s *spot, i *instance, n *plan.Join) (x span) {
	slots := 0 // any number
	if n.Limit != nil {
		v, ok := r.value(n.Limit)
		if slots, _ = v.(int); !ok && i != nil {
			slots, ok = i.peak, i.peak > 0
		}
		x.blind = !ok
	}
	var ends []float64
	count := len(n.Children)
	if n.Gen != nil {
		ends, count = r.made(&x, s, i, n, slots)
	} else {
		ends = r.together(&x, s, i, n.Children, slots)
	}
	x.took = r.returned(n, i, ends)
	if s.past.runs > 0 && r.cancels(s) {
		x.took = rest(s.past.attempts, r.worked(i))
	}
	if n.Visit != nil {
		r.visits(&x, s, i, n, ends, count)
	}
	r.queue(&x)
	r.within(&x, n.Return.After, r.worked(i))
	return x
}

// cancels says whether s is a block in which a step begins and never ends by itself, but for blocks inside it of which that is so. How
// long that step would take is not known, nor when it is cancelled.
func (r *Run) cancels(s *spot) bool {
	if s.cancels == unasked {
		s.cancels = no
		for _, c := range r.below(s) {
			f := r.form(c.def)
			if _, joins := f.action.(*plan.Join); joins || c.def.Background {
				continue
			}
			if f.works() && c.past.never || c.inside != nil && r.cancels(c) {
				s.cancels = yes
				break
			}
		}
	}
	return s.cancels == yes
}

// visits adds those of a block with so many children, which come one after the other.
func (r *Run) visits(x *span, s *spot, i *instance, n *plan.Join, ends []float64, count int) {
	each := r.of(r.below(s)[s.number[n.Visit.Step.Index]], nil)
	began := 0.0 // when the first one does
	if len(ends) > 0 {
		began = slices.Min(ends)
	}
	if i != nil {
		if count -= i.visited; i.done > 0 || i.over != nil {
			began = 0
		}
	}
	after := each.took // the last child
	if len(ends) == 0 {
		after = 0
	}
	for _, y := range r.live(i, n.Visit.Step) {
		count--
		y := r.of(y.spot, y)
		x.add(y)
		began = y.took
	}
	count = max(count, 0)
	x.times(each, count)
	x.took = max(x.took+after, began+each.took*float64(count))
}

// returned is when a block has what it wants, whose children end then.
func (r *Run) returned(n *plan.Join, i *instance, ends []float64) float64 {
	if len(ends) == 0 {
		return 0
	}
	want := len(ends)
	switch n.Return.Mode {
	case ast.FirstCompleted, ast.FirstSuccess:
		want = 1
	case ast.CountCompleted, ast.CountSucceeded:
		if v, _ := r.value(n.Return.Count); v != nil {
			want, _ = v.(int)
		}
		if i != nil {
			want -= i.done
			for _, over := range i.over {
				if over {
					want--
				}
			}
		}
	}
	slices.Sort(ends)
	return ends[max(1, min(want, len(ends)))-1]
}
