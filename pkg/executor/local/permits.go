package local

import (
	"slices"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/machine"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// permits are those of semaphores of the machine. A run that is resumed first takes those again that it had; until then nothing
// begins.
type permits struct {
	semaphores []plan.Semaphore
	wishes     map[int32]*wish // by hold
	again      int             // how many of them are for a permit that the run had when it died
	granted    []kernel.Input  // where nobody else is asked
}

// may says whether work may begin. A sleep may have ended since the run died, inside of a permit that is not there yet.
func (p *permits) may(l *leaf) bool {
	if p.again > 0 && l.stopped {
		l.late = true
	}
	return p.again == 0 || l.late
}

// wish is what a hold of the kernel wants, or has, of the machine.
type wish struct {
	*machine.Wish
	hold  int32
	again bool
	gone  chan struct{} // nobody listens to it any more
}

// Take implements kernel.Host.
func (d *driver) Take(hold, sem int32) {
	if d.past == nil {
		d.wish(kernel.Permit{Hold: hold, Sem: sem})
	}
}

func (d *driver) wish(p kernel.Permit) {
	if d.Machine == nil {
		if !p.Held {
			d.permits.granted = append(d.permits.granted, kernel.Input{Kind: kernel.Granted, Leaf: p.Hold})
		}
		return
	}
	w := &wish{hold: p.Hold, again: p.Held, gone: make(chan struct{})}
	d.permits.wishes[w.hold] = w
	if w.again {
		d.permits.again++
	}
	s := &d.permits.semaphores[p.Sem]
	w.Wish = d.Machine.Take(s.Name, s.Permits, func(a machine.Answer) {
		select {
		case d.from <- message{wish: w, answer: a}:
		case <-w.gone:
		}
	})
}

// Give implements kernel.Host.
func (d *driver) Give(hold int32) {
	if w := d.permits.wishes[hold]; w != nil {
		d.forget(w)
	}
	d.permits.granted = slices.DeleteFunc(d.permits.granted, func(i kernel.Input) bool { return i.Leaf == hold })
}

func (d *driver) forget(w *wish) {
	d.had(w)
	delete(d.permits.wishes, w.hold)
	close(w.gone)
	w.Give()
}

// had: a permit that the run had when it died is there again, or not wanted any more.
func (d *driver) had(w *wish) {
	if w.again {
		w.again = false
		d.permits.again--
	}
}

// answered makes an input of what is said to a wish, unless it came too late.
func (d *driver) answered(in []kernel.Input, w *wish, a machine.Answer) []kernel.Input {
	if d.permits.wishes[w.hold] != w {
		return in
	}
	again := w.again
	switch {
	case a.Held != "":
		return append(in, kernel.Input{Kind: kernel.Held, Leaf: w.hold, By: a.Held})
	case a.Err == nil && again:
		d.had(w)
		return in
	case a.Err == nil:
		return append(in, kernel.Input{Kind: kernel.Granted, Leaf: w.hold})
	}
	d.forget(w)
	if again {
		return append(in, kernel.Input{Kind: kernel.Cancel, Cause: &event.Cause{Why: event.WhySignal, By: "the loss of a semaphore: " + a.Err.Error()}})
	}
	err := event.Errorf(event.StartError, "a semaphore of the machine cannot be taken: %s", a.Err)
	return append(in, kernel.Input{Kind: kernel.Granted, Leaf: w.hold, Outcome: event.Failure(err)})
}

// takeAgain takes what the kernel has, or wants, after it went through its past.
func (d *driver) takeAgain() {
	for _, p := range d.k.Permits() {
		d.wish(p)
	}
}
