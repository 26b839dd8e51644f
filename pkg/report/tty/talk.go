package tty

import "strings"

// How much of the output of a step is kept, for when it fails.
const (
	maxShown  = 200 // so many lines are shown as a whole
	firstPart = 20  // of more, the first
	lastPart  = 60  // and the last
	maxLine   = 2000
)

// talk is what an attempt has printed.
type talk struct {
	part  [2]string // of stdout and stderr: the line that is not complete
	last  string    // the last line that is not empty
	first []string
	end   []string // the last of those behind first
	lines int
}

// say takes a text of a stream. With keep false only its last line is kept.
func (t *talk) say(stream, text string, keep bool) {
	part := &t.part[0]
	if stream == "stderr" {
		part = &t.part[1]
	}
	if !keep {
		// All but the end is shown elsewhere.
		if end := strings.LastIndexByte(strings.TrimRight(text, "\n"), '\n'); end >= 0 {
			text, *part = text[end+1:], ""
		}
	}
	text = *part + text
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		t.line(line, keep)
		text = rest
	}
	// Of a line that is drawn over again and again only the last is kept.
	if whole := strings.TrimRight(text, "\r"); strings.Contains(whole, "\r") {
		text = text[strings.LastIndexByte(whole, '\r')+1:]
	}
	*part = strings.Clone(text[:min(len(text), maxLine)])
	if strings.TrimSpace(text) != "" {
		t.last = *part
	}
}

func (t *talk) line(s string, keep bool) {
	s = strings.Clone(s[:min(len(s), maxLine)])
	if strings.TrimSpace(s) != "" {
		t.last = s
	}
	if !keep {
		return
	}
	t.lines++
	if len(t.first) < maxShown {
		t.first = append(t.first, s)
		return
	}
	if len(t.end) == 2*lastPart {
		t.end = append(t.end[:0], t.end[lastPart:]...)
	}
	t.end = append(t.end, s)
}

// close ends the lines that were never ended.
func (t *talk) close() {
	for i, s := range t.part {
		if s != "" {
			t.line(s, true)
			t.part[i] = ""
		}
	}
}

// shown is what of the output is shown: all, or its begin and its end with the number of lines between them.
func (t *talk) shown() (begin []string, between int, end []string) {
	if t.lines <= maxShown {
		return t.first, 0, nil
	}
	end = t.end
	if n := lastPart - len(end); n > 0 {
		end = append(append([]string{}, t.first[len(t.first)-n:]...), end...)
	}
	end = end[len(end)-lastPart:]
	return t.first[:firstPart], t.lines - firstPart - lastPart, end
}
