package model

import (
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Output is the end of what an attempt printed. As long as it works 64 KiB are kept, and after a failure; 4 KiB of one that
// ended otherwise. The first 16 MiB and 8 MiB of a run's are kept so, and of what ends later nothing: logs have it all.
type Output struct {
	Pieces []Piece
	Lost   int64 // bytes before them that are not here
	size   int   // what Pieces take
	class  class
}

// Piece is what was printed on one stream at once.
type Piece struct {
	Stream  string // stdout, stderr, or the kind that said it: echo, log, ...
	Text    string // UTF-8; anything else that a process can print is in it
	Skipped int64  // bytes of the stream before Text that no event has
}

// class says how long an output is kept, and on which budget.
type class uint8

const (
	atWork class = iota
	ended
	failed
)

// budget is what the outputs of a run take.
type budget struct{ used [3]int }

// The bounds, by class: of one output, and of all.
const (
	maxLive, maxEnded, maxFailed          = 64 << 10, 4 << 10, 64 << 10
	maxAllLive, maxAllEnded, maxAllFailed = 32 << 20, 8 << 20, 16 << 20
)

// overhead is what a piece takes beside its text.
const overhead = 64

// add appends what an event says.
func (b *budget) add(o *Output, e event.Event) {
	b.used[o.class] -= o.size
	if n := len(o.Pieces) - 1; n >= 0 && e.Skipped == 0 && o.Pieces[n].Stream == e.Stream && len(o.Pieces[n].Text)+len(e.Text) < 1<<10 {
		o.Pieces[n].Text += e.Text
		o.size += len(e.Text)
	} else {
		o.Pieces = append(o.Pieces, Piece{Stream: e.Stream, Text: e.Text, Skipped: e.Skipped})
		o.size += len(e.Text) + overhead
	}
	most := maxLive
	if b.used[atWork] > maxAllLive {
		most = maxEnded
	}
	if o.size > most+most/4 {
		o.cut(most)
	}
	b.used[o.class] += o.size
}

// end is told that the attempt has ended.
func (b *budget) end(o *Output, well bool) {
	b.drop(o)
	most, all := maxFailed, maxAllFailed
	if o.class = failed; well {
		o.class, most, all = ended, maxEnded, maxAllEnded
	}
	if b.used[o.class] >= all {
		most = 0
	}
	if o.size > most {
		o.cut(most)
	}
	b.used[o.class] += o.size
}

// drop takes an output out of the count.
func (b *budget) drop(o *Output) { b.used[o.class] -= o.size }

// cut keeps the last of an output.
func (o *Output) cut(most int) {
	from := 0
	for from < len(o.Pieces) && o.size > most {
		p := &o.Pieces[from]
		o.Lost += p.Skipped
		p.Skipped = 0
		if rest := len(p.Text) - (o.size - most); rest > 0 {
			at := len(p.Text) - rest
			for at < len(p.Text) && !utf8.RuneStart(p.Text[at]) {
				at++
			}
			o.Lost += int64(at)
			o.size -= at
			p.Text = strings.Clone(p.Text[at:])
			break
		}
		o.Lost += int64(len(p.Text))
		o.size -= len(p.Text) + overhead
		from++
	}
	o.Pieces = append([]Piece(nil), o.Pieces[from:]...)
}

// Text is all that is kept of one stream, or of all for "".
func (o *Output) Text(stream string) string {
	var b strings.Builder
	for _, p := range o.Pieces {
		if stream == "" || p.Stream == stream {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Lines are the last n lines that are kept of one stream, or of all for "", without their ends. Lines of two streams
// are not mixed.
func (o *Output) Lines(stream string, n int) []string {
	var list []string
	open := map[string]int{} // of a stream, the number in list of its line that has not ended, from 1
	for _, p := range o.Pieces {
		if stream != "" && p.Stream != stream {
			continue
		}
		for line := range strings.Lines(p.Text) {
			text, whole := strings.CutSuffix(line, "\n")
			if at := open[p.Stream]; at > 0 {
				list[at-1] += text
			} else {
				list = append(list, text)
				open[p.Stream] = len(list)
			}
			if whole {
				open[p.Stream] = 0
			}
		}
	}
	return list[max(0, len(list)-n):]
}
