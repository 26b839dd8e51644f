package local

import (
	"context"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// services are the background steps of a run that others may rely on, since they were ready once. When the run is resumed they
// begin again first, in their order, each when the one before is ready again; then all others that were lost. Its zero value has none.
type services struct {
	probes map[string]inquiry // by the path of the service, of those that were asked
	ready  map[string]inquiry // of those that were ready, and have not ended

	first, rest []int32            // leaves that are still to begin again
	gate        int32              // the service that has begun again, and is waited for; 0: none
	open        context.CancelFunc // ends the question whether it is ready; nil: it was not asked yet
	down        bool               // it did not get ready, and is told to stop
}

// inquiry is how a service is asked whether it is ready.
type inquiry struct {
	kind *kind.Kind
	call kind.Call
}

// asked: a service is asked for the first time.
func (s *services) asked(k *kind.Kind, call kind.Call) {
	if s.probes == nil {
		s.probes, s.ready = map[string]inquiry{}, map[string]inquiry{}
	}
	s.probes[call.Step] = inquiry{k, call}
}

func (s *services) observe(e event.Event) {
	switch e.Type {
	case event.StepReady:
		s.ready[e.Path] = s.probes[e.Path]
	case event.StepEnd:
		delete(s.ready, e.Path)
	}
}

// begin enters a leaf that was lost.
func (s *services) begin(leaf int32, step string) {
	if _, service := s.ready[step]; service {
		s.first = append(s.first, leaf)
	} else {
		s.rest = append(s.rest, leaf)
	}
}

// next appends what can begin again now.
func (s *services) next(in []kernel.Input) []kernel.Input {
	if s.gate != 0 {
		return in
	}
	if len(s.first) > 0 {
		s.gate, s.first = s.first[0], s.first[1:]
		return append(in, kernel.Input{Kind: kernel.Again, Leaf: s.gate})
	}
	for _, n := range s.rest {
		in = append(in, kernel.Input{Kind: kernel.Again, Leaf: n})
	}
	s.rest = nil
	return in
}

// opened: nobody needs to ask any more whether the service of a leaf is ready.
func (s *services) opened(leaf int32) {
	if s.gate == leaf && s.open != nil {
		s.open()
	}
}

// probe asks the service at the gate, which has just begun, whether it is ready.
func (d *driver) probe() {
	s := &d.services
	if s.gate == 0 || s.open != nil {
		return
	}
	n := s.gate
	l := d.leaves[n]
	if l == nil || l.lost { // it was cancelled before it could begin again
		s.pass()
		return
	}
	q := s.ready[l.call.Step]
	ctx, stop := context.WithCancel(context.Background())
	s.open = stop
	q.call.Kill, q.call.Output, q.call.Temp = l.kill, d.Output, d.temp.Path
	q.call.Output.Say, q.call.Output.Skip = func(string, string) {}, func(string, int64) {}
	d.running.Go(func() {
		o := q.kind.Run(ctx, q.call)
		if ctx.Err() != nil {
			o = event.Success(nil) // it ended, was told to stop, or has said that it is ready
		}
		stop()
		d.from <- message{leaf: n, gate: true, outcome: o}
	})
}

// probed: the question has an answer. A service that does not come up again has failed, and when it has ended nobody else
// need begin again.
func (d *driver) probed(m message) {
	if l := d.leaves[m.leaf]; l != nil && m.outcome.Status == event.Failed {
		l.verdict = &m.outcome
		l.stop()
		d.services.down = true
		return
	}
	d.services.pass()
}

// pass lets those begin again that are behind the gate.
func (s *services) pass() { s.gate, s.open, s.down = 0, nil, false }

// ended: a leaf has ended.
func (s *services) ended(leaf int32) {
	if s.gate == leaf && s.down {
		s.pass()
	}
	s.opened(leaf)
}
