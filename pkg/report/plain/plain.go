// Package plain writes what happens in a run as plain text, one line for each step that ends:
//
//	build | compiling                           what a process prints, under the path of its step
//	✓ succeeded  build  1.2s
//	↻ retry      e2e  attempt 1 failed: ExitError: exit status 7; next in 2s
//	✗ failed     e2e  58.1s  ExitError: exit status 7
//
//	✗ nightly failed in 1m03s: 12 succeeded, 1 failed, 2 cancelled
//
//	[1] e2e: ExitError: exit status 7           every cause in full, with its place and its last lines
//	    nightly.yaml:14:9, 3 attempts, 58.1s
//
// It works on a terminal, on a pipe and in a CI log alike: nothing is ever drawn over. What was cancelled is never
// listed as a failure, and a group of one error is that error. Control sequences of what a process prints do not get
// through, but for colours where colours are wanted, and no text is a command for a CI, unless the step says so.
package plain

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Options say how to show a run.
type Options struct {
	Color   bool
	Quiet   bool // only failures and the verdict
	EndOnly bool // nothing before the end of the run: what happens is shown elsewhere
	Verbose bool // also what waits, begins, or took no time
	// Again is asked, after a failure, for the command that does the same again; nil, or "": there is none.
	Again func() string
	// Past knows which steps are slower than usual; nil: nothing is known. It follows the same run, and hears of each event first.
	Past   *durations.Run
	Failed string // the command that runs again only what did not succeed, shown likewise; "": there is none
	Logs   string // the command that shows what a step has printed, but for the path of the step; "": nothing is kept
	// Artifacts is the command that gets the files that steps have kept; "": they are gone.
	Artifacts string
	Frame     Frame // of a CI; nil: there is none
	// Columns is how wide the terminal is, 0 if there is none; nil: there is none.
	Columns func() int
	// Excerpt shows the line of a place in a file; nil: no lines are shown.
	Excerpt func(at diag.Pos) string
}

// Printer shows one run.
type Printer struct {
	out       *paper
	gate      *gate // that out writes to
	plan      *plan.Plan
	opt       Options
	run       *model.Run
	talk      map[int32]*talk     // steps at work that have said something, by number
	failed    map[string]*failure // steps whose last attempt failed, and services, by path
	heldBytes int                 // of all that is held back
	errors    int                 // handed back as values
	retries   bool                // there were any
	mu        sync.Mutex          // Observe and a heartbeat
	wrote     time.Time           // when something was last written
}

// talk is what a step has said.
type talk struct {
	part    [2]string // of stdout and stderr: the line that is not complete
	streams [2]bool   // which of them said something
	last    []string
	stderr  []string // the last of stderr: a flood on stdout, whose end is told late, must not hide them
	lines   int
	skipped bool // not all of it was told
	held    *held
	page    *paper // that writes to held; nil: what it says comes at once
}

// failure is what the report on a cause needs beside the error.
type failure struct {
	said *talk
	log  string // event.Event.Log
	path string
}

// tailLines is how many of the last lines of a failed step are shown again.
const tailLines = 20

// maxLine bounds a line that a process does not end.
const maxLine = 64 << 10

// maxPath bounds the path of a step. Deep recursion makes very long ones.
const maxPath = 80

// New makes a Printer for a run of p.
func New(w io.Writer, p *plan.Plan, opt Options) *Printer {
	g := &gate{w: w}
	return &Printer{
		out: &paper{w: g, color: opt.Color}, gate: g, plan: p, opt: opt,
		run: model.New(p, ""), talk: map[int32]*talk{}, failed: map[string]*failure{},
	}
}

// Run is the run as far as p was told. It is good until the next event.
func (p *Printer) Run() *model.Run { return p.run }

// Observe shows the next event.
func (p *Printer) Observe(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe(e)
}

func (p *Printer) observe(e event.Event) {
	p.hold(e)
	p.run.Observe(e)
	switch e.Type {
	case event.StepQueued:
		if p.opt.Verbose {
			p.line(dim, "…", "waiting", p.label(e.Path), e.Why)
		}
	case event.StepStart:
		p.started(e)
	case event.StepOutput:
		p.output(e)
	case event.StepReady:
		if p.opt.Verbose {
			p.line(dim, "✓", "ready", p.label(e.Path))
		}
	case event.StepRetry:
		p.flush(e)
		p.retries = true
		if !p.silent() {
			text := fmt.Sprintf("attempt %d failed: %s; next in %s", e.Attempt, headline(e.Err), Duration(e.In))
			if e.Err.Type == event.LostError {
				text = fmt.Sprintf("attempt %d was lost: %s; it begins again", e.Attempt, e.Err.Message)
			}
			p.close(e, false, p.entry(yellow, "↻", "retry", p.label(e.Path), text))
		}
	case event.StepEnd:
		p.ended(e)
	case event.RunEnd:
		p.verdict(e)
	}
	if len(p.out.out) > 0 || e.Type == event.RunStart {
		p.wrote = time.Now()
	}
	p.out.flush()
	p.shut(e)
}

// Recall takes an event that was shown in an earlier life of the run, and shows nothing.
func (p *Printer) Recall(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.gate.w
	p.gate.w = io.Discard
	p.observe(e)
	p.gate.w = w
}

// silent says that nothing is shown before the end.
func (p *Printer) silent() bool { return p.opt.Quiet || p.opt.EndOnly }

func (p *Printer) started(e event.Event) {
	delete(p.talk, e.Where.Step)
	if p.opt.Verbose && e.Path != "" {
		what := ""
		if e.Attempt > 1 {
			what = fmt.Sprintf("attempt %d", e.Attempt)
		}
		p.line(dim, ">", "started", p.label(e.Path), e.Name, what)
	}
}

func (p *Printer) ended(e event.Event) {
	p.flush(e)
	p.errors += e.Returned
	if e.Status == event.Failed || p.plan.Steps[e.Node].Ready != nil { // a list may fail with a service that was cancelled, or ended well
		p.failed[e.Path] = &failure{said: p.talk[e.Where.Step], log: e.Log, path: e.Path}
	} else {
		delete(p.failed, e.Path)
	}
	defer delete(p.talk, e.Where.Step)
	if e.Path == "" || p.silent() || !p.opt.Verbose && p.minor(e) {
		return
	}
	p.close(e, e.Status == event.Failed, p.ending(e))
}

// ending is the line of a step that has ended.
func (p *Printer) ending(e event.Event) string {
	took := Duration(e.Duration)
	if usual, known := p.opt.Past.Usual(e.Where.Step); known && p.opt.Past.Slow(e.Where.Step, e.Time) {
		took += ", slower than usual (" + Duration(usual) + ")"
	}
	switch e.Status {
	case event.Succeeded:
		note := ""
		if e.Recovered != nil {
			note = "recovered from " + headline(e.Recovered)
		}
		return p.entry(green, "✓", "succeeded", p.label(e.Path), took, note)
	case event.Failed:
		return p.entry(red, "✗", "failed", p.label(e.Path), took, headline(e.Err))
	case event.Cancelled:
		return p.entry(yellow, "⊘", "cancelled", p.label(e.Path), took, e.Cause.String())
	case event.Skipped:
		return p.entry(dim, "↓", "skipped", p.label(e.Path), e.Reason)
	default:
		panic("plain: a step ended without an end")
	}
}

// minor says that the end of a step is nothing that people look for: it took no time, or never began.
func (p *Printer) minor(e event.Event) bool {
	switch e.Status {
	case event.Succeeded:
		leaf, ok := p.plan.Steps[e.Node].Action().(*plan.Leaf)
		return ok && leaf.Kind.Instant != nil && e.Duration == 0 && e.Recovered == nil
	case event.Cancelled:
		return e.Started.IsZero()
	case event.Skipped:
		return e.Reason == "not reached"
	}
	return false
}

// output shows the lines that are complete and keeps the rest.
func (p *Printer) output(e event.Event) {
	t := p.talk[e.Where.Step]
	if t == nil {
		t = &talk{}
		p.talk[e.Where.Step] = t
	}
	stream := 0
	if e.Stream == "stderr" {
		stream = 1
	}
	t.streams[stream] = t.streams[stream] || e.Stream != "echo"
	part := &t.part[stream]
	if e.Skipped > 0 {
		t.skipped = true
		if *part != "" {
			p.say(e, t, *part)
			*part = ""
		}
		if !p.silent() {
			text := size(e.Skipped) + " of its output"
			if e.Log != "" {
				text += "; its log has all of it"
			}
			p.page(e.Where.Step, t).WriteString(p.entry(dim, "…", "not shown", p.label(e.Path), text) + "\n")
		}
	}
	text := *part + e.Text
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok && len(text) < maxLine {
			break
		}
		p.say(e, t, line)
		text = rest
	}
	// Of a line that is drawn over again and again only the last is kept.
	if whole := strings.TrimRight(text, "\r"); strings.Contains(whole, "\r") && !passes(p.plan.Steps[e.Node]) {
		text = drawn(whole) + text[len(whole):]
	}
	*part = text
	if e.Stream == "echo" {
		p.flush(e)
	}
}

// flush shows lines that were never ended.
func (p *Printer) flush(e event.Event) {
	t := p.talk[e.Where.Step]
	if t == nil {
		return
	}
	for i, line := range t.part {
		if line != "" {
			p.say(e, t, line)
			t.part[i] = ""
		}
	}
}

func (p *Printer) say(e event.Event, t *talk, line string) {
	raw := line
	line = clean(drawn(line), p.opt.Color)
	t.lines++
	t.last = keep(t.last, line)
	if e.Stream == "stderr" {
		t.stderr = keep(t.stderr, line)
	}
	if p.silent() {
		return
	}
	if p.opt.Color && strings.Contains(line, "\x1b") {
		line += reset
	}
	if e.Stream == "echo" {
		p.top(line)
		return
	}
	out := p.page(e.Where.Step, t)
	switch {
	case passes(p.plan.Steps[e.Node]):
		out.raw(passed(raw, p.opt.Color))
		return
	case !p.framed(): // the title of a block has the path
		out.WriteString(p.paint(dim, p.label(e.Path)+" | "))
	}
	out.WriteString(line)
	out.WriteString("\n")
}

// keep appends a line to the last ones.
func keep(last []string, line string) []string {
	if len(last) == tailLines {
		last = slices.Delete(last, 0, 1)
	}
	return append(last, line)
}

// passes says that the output of a step is for the CI: `ci_commands: pass`.
func passes(s *plan.Step) bool {
	leaf, ok := s.Action().(*plan.Leaf)
	return ok && slices.ContainsFunc(leaf.Args, func(a plan.Arg) bool { return a.Key == "ci_commands" })
}

// line shows an entry that stands alone.
func (p *Printer) line(color, glyph, word string, texts ...string) {
	p.top(p.entry(color, glyph, word, texts...))
}

// entry is a glyph, a word and what follows; empty texts are left out.
func (p *Printer) entry(color, glyph, word string, texts ...string) string {
	var b strings.Builder
	b.WriteString(p.paint(color, fmt.Sprintf("%s %-9s", glyph, word)))
	for _, t := range texts {
		if t != "" {
			b.WriteString("  " + clean(strings.ReplaceAll(t, "\n", " "), false))
		}
	}
	return b.String()
}

// label is the path of a step; the workflow itself goes by its name.
func (p *Printer) label(path string) string {
	switch {
	case path != "":
		return middle(path, maxPath)
	case p.plan.Name != "":
		return p.plan.Name
	case p.plan.File != "" && p.plan.File != "-":
		return p.plan.File
	}
	return "workflow"
}

// headline is an error in one line.
func headline(e *event.Error) string {
	text, more, _ := strings.Cut(e.Message, "\n")
	if more != "" {
		text += " ..."
	}
	return e.Type + ": " + text
}
