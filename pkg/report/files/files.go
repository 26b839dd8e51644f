// Package files writes reports of a run to files:
//
//	KIND=PATH ─► Open, before anything starts ─► Observe each event ─► Write, however the run ended
//
// A kind is a file of this package, or a room of its own, and a line in Kinds. It is a function from the tree of the run
// (package model) to bytes, so it serves a run that has just ended and one from a journal alike; or it is told the events one by
// one. A kind knows nothing of files: that none is left half written, and that what cannot be written is known before the run,
// is seen to here.
//
// A report must not break by what a step prints. A kind passes each text of the run through plain.Clean, and then quotes
// it as its format wants it.
package files

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Kind is a kind of report. Exactly one of write and tell is set.
type Kind struct {
	Name  string // KIND
	About string // for people, in a few words
	// write writes the report of a run as it is in this moment.
	write func(w io.Writer, r *model.Run) error
	// tell is told each event, behind r.
	tell func(w io.Writer, r *model.Run) func(event.Event)
	// send sends the report to an http:// or https:// endpoint; nil: there is no such thing. env is the environment.
	send func(endpoint string, env func(name string) string, r *model.Run) error
}

// Kinds are all kinds, in the order in which help lists them.
func Kinds() []Kind {
	return []Kind{
		{Name: "html", About: "a page to look at: one file, without a network", write: html},
		{Name: "junit", About: "JUnit XML, for the test view of a CI", write: junit},
		{Name: "md", About: "Markdown, for a pull request or a job summary", write: markdown},
		{Name: "trace", About: "a timeline for Perfetto or chrome://tracing", write: trace},
		{Name: "otlp", About: "OpenTelemetry spans as OTLP/JSON; PATH may be http://HOST:4318", write: otlp, send: sendOTLP},
		{Name: "prom", About: "metrics for the textfile collector of node_exporter", write: prom},
		{Name: "events", About: "every event as a line of JSON, at once", tell: events},
	}
}

// Names are the names of all kinds.
func Names() (list []string) {
	for _, k := range Kinds() {
		list = append(list, k.Name)
	}
	return list
}

// WrongError is a report that cannot be asked for.
type WrongError struct{ Text, Hint string }

// Error implements error.
func (e WrongError) Error() string { return e.Text }

func wrong(hint, format string, args ...any) error {
	return WrongError{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// Set are the reports that are wanted of one run.
type Set struct {
	run  *model.Run
	opt  Options
	list []*report
	tree bool // somebody reads the run
	tell []func(event.Event)
}

// report is one of them.
type report struct {
	Kind
	to destination
}

// Options are what Open has to know of the world.
type Options struct {
	Folder string                   // of paths that are relative; "": the current one
	Stdout io.Writer                // nil: it is taken
	Used   []string                 // files that must not be written over
	Env    func(name string) string // a variable; "" if it is not set
}

// Open looks at what is wanted of r, KIND=PATH each, and makes the folders that are missing. PATH is a file, - for stdout, which
// can take one, or for some kinds an http:// endpoint. The error is a WrongError.
func Open(wanted []string, r *model.Run, opt Options) (*Set, error) {
	s := &Set{run: r, opt: opt}
	for _, text := range wanted {
		kind, path, err := parse(text)
		if err != nil {
			return nil, err
		}
		to, err := s.destination(kind, path)
		if err != nil {
			return nil, err
		}
		x := &report{kind, to}
		s.list = append(s.list, x)
		if kind.tell != nil {
			s.tell = append(s.tell, kind.tell(to.(io.Writer), r))
		} else {
			s.tree = true
		}
	}
	return s, nil
}

func parse(text string) (Kind, string, error) {
	name, path, _ := strings.Cut(text, "=")
	names := Names()
	i := slices.Index(names, name)
	if i < 0 {
		hint := ""
		if near := diag.Nearest(name, names); near != "" {
			hint = diag.DidYouMean(near)
		}
		return Kind{}, "", wrong(hint, "%q is none of %s", name, diag.Names(names))
	}
	if path == "" {
		return Kind{}, "", wrong(fmt.Sprintf("write %s=PATH, or %s=- for standard output", name, name), "%q has no PATH", text)
	}
	return Kinds()[i], path, nil
}

// destination is where a report goes, if it can go there.
func (s *Set) destination(k Kind, path string) (destination, error) {
	if path == "-" {
		if s.opt.Stdout == nil {
			return nil, wrong("name a file", "%s=-: standard output is taken", k.Name)
		}
		for _, x := range s.list {
			if _, ok := x.to.(*standard); ok {
				return nil, wrong("name a file for one of them", "%s=-: %s=- has standard output", k.Name, x.Name)
			}
		}
		return &standard{w: s.opt.Stdout}, nil
	}
	if u, err := url.Parse(path); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		if k.send == nil {
			return nil, wrong("name a file", "%s cannot be sent to %s", k.Name, path)
		}
		if u.Host == "" {
			return nil, wrong("as http://localhost:4318", "%s=%s has no host", k.Name, path)
		}
		return endpoint{path, s.opt.Env}, nil
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok && s.opt.Env("HOME") != "" { // shells leave it behind a =
		path = filepath.Join(s.opt.Env("HOME"), rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.opt.Folder, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, wrong("", "%s=%s: %s", k.Name, path, err)
	}
	to, err := newFile(path)
	if err != nil {
		return nil, wrong("", "%s=%s", k.Name, err)
	}
	for _, other := range s.opt.Used {
		if sameFile(other, to.path) {
			return nil, wrong("name another file", "%s=%s is a file of the workflow", k.Name, path)
		}
	}
	for _, x := range s.list {
		if f, ok := x.to.(*file); ok && sameFile(f.path, to.path) && !to.special {
			return nil, wrong("name another file", "%s and %s cannot both go to %s", x.Name, k.Name, path)
		}
	}
	return to, nil
}

// Stdout says that a report goes to standard output, where nothing else may be then.
func (s *Set) Stdout() bool {
	return slices.ContainsFunc(s.list, func(x *report) bool { _, ok := x.to.(*standard); return ok })
}

// Observe takes the next event.
func (s *Set) Observe(e event.Event) {
	if s.tree {
		s.run.Observe(e)
	}
	for _, tell := range s.tell {
		tell(e)
	}
}

// Problem is a report that could not be written.
type Problem struct {
	Kind string
	// Sent: it was to be sent, which depends on others than this machine.
	Sent bool
	Err  error
}

// Error implements error.
func (p Problem) Error() string {
	verb := "written"
	if p.Sent {
		verb = "sent"
	}
	return fmt.Sprintf("the %s report cannot be %s: %s", p.Kind, verb, p.Err)
}

// Unwrap gives the reason.
func (p Problem) Unwrap() error { return p.Err }

// Write writes all reports. One that cannot be written is no reason to leave out another.
func (s *Set) Write() (problems []Problem) {
	for _, x := range s.list {
		if err := x.to.finish(x.Kind, s.run); err != nil {
			_, sent := x.to.(endpoint)
			problems = append(problems, Problem{x.Name, sent, err})
		}
	}
	return problems
}
