package plain

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Heartbeat is after which silence p says what is at work: for people who wait, and for systems that end what is silent.
const Heartbeat = 30 * time.Second

// maxBeat is how many steps a heartbeat names.
const maxBeat = 5

// Beat lets p say what is at work whenever nothing was said for a while, until stop is called.
func (p *Printer) Beat() (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		timer := time.NewTimer(Heartbeat)
		defer timer.Stop()
		for {
			select {
			case now := <-timer.C:
				timer.Reset(p.beat(now))
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-gone
	}
}

// beat says what is at work, if it is time for that, and gives how long it is to the next time.
func (p *Printer) beat(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if left := Heartbeat - now.Sub(p.wrote); !p.wrote.IsZero() && left > 0 {
		return left
	}
	if text := p.atWork(now); text != "" && !p.gate.held {
		p.line(dim, "…", "running", text)
		p.out.flush()
		p.wrote = now
	}
	return Heartbeat
}

// atWork names what works, and what waits, those that have done so the longest first.
func (p *Printer) atWork(now time.Time) string {
	if p.run.Root == nil {
		return ""
	}
	var working, waiting []string
	more := 0
	var visit func(*model.Step)
	visit = func(s *model.Step) {
		if s.Counts[event.Running]+s.Counts[event.Waiting] == 0 {
			return
		}
		for _, c := range s.Children {
			visit(c)
		}
		if !s.Works() || s.At().Ended() {
			return
		}
		list, text := &waiting, p.label(s.Path)
		if s.State == model.Working {
			list = &working
		}
		if len(*list) == maxBeat {
			more++
			return
		}
		*list = append(*list, text+" "+p.since(s, now))
	}
	visit(p.run.Root)
	text := strings.Join(working, ", ")
	if len(waiting) > 0 {
		text += "; waiting: " + strings.Join(waiting, ", ")
	}
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return strings.TrimPrefix(text, "; ")
}

// since is for how long a step has been where it is, and what it waits for.
func (p *Printer) since(s *model.Step, now time.Time) string {
	w := s.LastWait()
	switch {
	case s.State == model.Working:
		a := s.LastAttempt()
		text := Duration(now.Sub(a.Started))
		if s.Tries > 1 {
			text += fmt.Sprintf(" (attempt %d)", a.Number)
		}
		return text
	case w == nil:
		return "(not begun)"
	case w.IsPause():
		return fmt.Sprintf("(attempt %d in %s)", s.Tries+1, Duration(max(0, w.Due.Sub(now))))
	}
	return fmt.Sprintf("%s (%s)", Duration(now.Sub(w.From)), w.Why)
}
