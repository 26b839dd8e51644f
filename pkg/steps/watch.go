package steps

import (
	"bytes"
	"regexp"
	"sync/atomic"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// watch looks for a line of one output that matches, whatever becomes of the output besides. A line that is longer than
// maxLine is its first maxLine bytes.
type watch struct {
	pattern *regexp.Regexp
	found   func()
	over    *atomic.Bool // one was found in either output
	line    []byte
	skip    bool // the rest of a long line, which was looked at
}

// watches are those of the two outputs of a service whose list waits for a line of either; nil when it does not.
func watches(call kind.Call) (stdout, stderr *watch) {
	if call.ReadyLine == nil {
		return nil, nil
	}
	w := watch{pattern: call.ReadyLine, found: call.Ready, over: &atomic.Bool{}}
	other := w
	return &w, &other
}

// see takes the next piece of the output.
func (w *watch) see(b []byte) {
	for w != nil && !w.over.Load() && len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		part, rest := b, []byte(nil)
		if n >= 0 {
			part, rest = b[:n], b[n+1:]
		}
		if !w.skip {
			w.line = append(w.line, part[:min(len(part), maxLine-len(w.line))]...)
		}
		if !w.skip && (n >= 0 || len(w.line) == maxLine) {
			w.look()
		}
		w.skip = n < 0 && (w.skip || len(w.line) == maxLine)
		if n >= 0 || w.skip {
			w.line = w.line[:0]
		}
		b = rest
	}
}

// look looks at a line.
func (w *watch) look() {
	if w.pattern.Match(bytes.TrimSuffix(w.line, []byte("\r"))) && !w.over.Swap(true) {
		w.found()
	}
}
