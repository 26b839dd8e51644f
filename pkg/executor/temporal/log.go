package temporal

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
)

// eventLog is what a run has told, one event a line (kernel.WriteEvents), for those who follow it: all that its workflow knows of it.
type eventLog struct {
	base  int64 // where lines begin in the log of the run
	lines []byte
	done  bool
}

func (l *eventLog) add(e event.Event) {
	l.lines = append(l.lines, kernel.WriteEvents([]event.Event{e}, asItIs)...)
	l.lines = append(l.lines, '\n')
}

// maxPage is how much of a log is given at once.
const maxPage = 256 << 10

func (l *eventLog) page(offset int64) page {
	p := page{Base: l.base, Size: l.base + int64(len(l.lines)), Done: l.done}
	if offset >= l.base {
		from := min(offset, p.Size) - l.base
		p.Lines = l.lines[from:min(int64(len(l.lines)), from+maxPage)]
	}
	return p
}

// maxTail is how much of the log the next workflow of a run has, for those who follow it: who is not behind by more need not ask
// the earlier one, which would have to be gone through again for that.
const maxTail = 256 << 10

// tail is the end of the log.
func (l *eventLog) tail() []byte { return l.lines[max(0, len(l.lines)-maxTail):] }

// asItIs seals and unseals what is sealed already.
func asItIs(text string) string { return text }

func stillSealed(text string) (string, error) { return text, nil }
