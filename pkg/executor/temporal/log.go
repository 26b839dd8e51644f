package temporal

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
)

// eventLog is all that a workflow has told, one event a line (kernel.WriteEvents), for those who follow it.
type eventLog struct {
	lines []byte
	done  bool
}

func (l *eventLog) add(e event.Event) {
	l.lines = append(l.lines, kernel.WriteEvents([]event.Event{e}, asItIs)...)
	l.lines = append(l.lines, '\n')
}

// maxPage is how much of a log is given at once.
const maxPage = 1 << 20

func (l *eventLog) page(offset int64) page {
	size := int64(len(l.lines))
	offset = max(0, min(offset, size))
	return page{Lines: l.lines[offset:min(size, offset+maxPage)], Size: size, Done: l.done}
}

// asItIs seals and unseals what is sealed already.
func asItIs(text string) string { return text }

func stillSealed(text string) (string, error) { return text, nil }
