package plain

import (
	"io"
	"strings"
)

// Lines shows what steps print, each line under the path of its step, as a Printer does.
type Lines struct {
	out   *paper
	color bool
	parts map[string]*[2]strings.Builder // of stdout and stderr of a step: the line that is not complete
}

// NewLines makes Lines on w.
func NewLines(w io.Writer, color bool) *Lines {
	return &Lines{out: &paper{w: w, color: color}, color: color, parts: map[string]*[2]strings.Builder{}}
}

// Stream takes what a step prints on stdout or stderr.
func (l *Lines) Stream(path, stream string) io.Writer {
	parts := l.parts[path]
	if parts == nil {
		parts = &[2]strings.Builder{}
		l.parts[path] = parts
	}
	if stream == "stderr" {
		return linesOf{l, path, &parts[1]}
	}
	return linesOf{l, path, &parts[0]}
}

// End shows lines of a step that were never ended.
func (l *Lines) End(path string) {
	if parts := l.parts[path]; parts != nil {
		for i := range parts {
			if parts[i].Len() > 0 {
				l.show(path, parts[i].String())
			}
		}
		delete(l.parts, path)
	}
	l.out.flush()
}

// Echo shows a text of the workflow.
func (l *Lines) Echo(text string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		l.show("", line)
	}
	l.out.flush()
}

// linesOf is one stream.
type linesOf struct {
	*Lines
	path string
	line *strings.Builder
}

// Write implements io.Writer.
func (s linesOf) Write(b []byte) (int, error) {
	for piece := range strings.Lines(string(b)) {
		text, ended := strings.CutSuffix(piece, "\n")
		s.line.WriteString(text)
		if ended || s.line.Len() >= maxLine {
			s.show(s.path, s.line.String())
			s.line.Reset()
		}
	}
	s.out.flush()
	return len(b), nil
}

// show shows a line. Before one of the workflow itself there is no step.
func (l *Lines) show(path, line string) {
	if path != "" {
		label := middle(path, maxPath) + " | "
		if l.color {
			label = dim + label + reset
		}
		l.out.WriteString(label)
	}
	line = clean(drawn(strings.ToValidUTF8(line, "\uFFFD")), l.color)
	l.out.WriteString(line)
	if l.color && strings.Contains(line, "\x1b") {
		l.out.WriteString(reset)
	}
	l.out.WriteString("\n")
}
