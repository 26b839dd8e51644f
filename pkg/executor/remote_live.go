package executor

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// What a step prints beyond this machine comes with its end, for that is when the run's events have it. Until then the engine tells what it
// has said so far, and that is shown to those who only show the run, Options.Live. The folder, the reports and the result know nothing of it:
// they are the same whoever looks on, and when.

// reach is how far a stream of an attempt was told.
type reach struct {
	shown int64 // to Options.Live
	known int64 // by events of the run
}

// reachOf is that of the stream of e. What a step has is forgotten when its attempt ends.
func (f *follower) reachOf(e event.Event) *reach {
	of := f.reaches[e.Where.Step]
	if of == nil {
		of = map[string]*reach{}
		f.reaches[e.Where.Step] = of
	}
	if of[e.Stream] == nil {
		of[e.Stream] = &reach{}
	}
	return of[e.Stream]
}

// meanwhile shows what an attempt has said so far, as far as that is new. Before e.Text are e.Skipped bytes of its stream.
func (f *follower) meanwhile(e event.Event) {
	if f.broken != nil || int(e.Node) >= len(f.plan.Steps) {
		return
	}
	r := f.reachOf(e)
	end := e.Skipped + int64(len(e.Text))
	if end <= r.shown || e.Text == "" { // what is missing is told with what is there
		return
	}
	e = behind(e, e.Skipped, r.shown)
	r.shown = end
	e = f.veil.event(e)
	for _, tell := range f.Live {
		tell(e)
	}
}

// show shows the event e of the run, which was sealed before.
func (f *follower) show(sealed, e event.Event) {
	if e.Type == event.StepOutput {
		if e = f.unseen(sealed, e); e.Text == "" && e.Skipped == 0 {
			return
		}
	}
	for _, tell := range f.Live {
		tell(e)
	}
}

// unseen is an output without what of it was shown meanwhile.
func (f *follower) unseen(sealed, e event.Event) event.Event {
	r := f.reachOf(sealed)
	ahead, from := r.shown > r.known, r.known+sealed.Skipped
	r.known = from + int64(len(sealed.Text))
	if !ahead {
		r.shown = r.known
		return e
	}
	rest := behind(sealed, from, r.shown)
	r.shown = max(r.shown, r.known)
	if rest.Skipped > 0 && e.Skipped == 0 {
		e.Log = "" // which does not have it either
	}
	e.Text, e.Skipped = f.veil.text(rest.Text), rest.Skipped
	return e
}

// behind is an output that begins there in its stream as those are told it who know that until shown.
func behind(e event.Event, from, shown int64) event.Event {
	e.Text = e.Text[min(max(0, shown-from), int64(len(e.Text))):]
	e.Skipped = max(0, from-shown)
	return e
}
