package simulation

import (
	"encoding/json"
	"io"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// The document of schema/simulation.schema.json. Times are seconds since the begin of the run.

// Version is the `flowrun` of the document.
const Version = 1

type document struct {
	Flowrun  int          `json:"flowrun"`
	Name     string       `json:"name"`
	File     string       `json:"file"`
	Total    seconds      `json:"total"`
	Status   event.Status `json:"status"`
	Cut      bool         `json:"cut"`
	Error    *errorEntry  `json:"error"`
	Default  seconds      `json:"default_duration"`
	Guessed  int          `json:"steps_without_duration"`
	Learned  int          `json:"steps_as_before"`
	PastRuns int          `json:"past_runs"`
	Steps    []stepEntry  `json:"steps"`
	Critical []segment    `json:"critical_path"`
	Limits   []limitEntry `json:"limits"`
	Assumed  []Assumption `json:"assumed"`
}

type errorEntry struct {
	Type    string `json:"type"`
	Message string `json:"message"`
	Step    string `json:"step"`
}

type stepEntry struct {
	Path     string       `json:"path"`
	ID       string       `json:"id,omitempty"`
	Kind     string       `json:"kind"`
	Line     int          `json:"line"`
	Depth    int          `json:"depth"`
	Status   event.Status `json:"status"`
	Why      string       `json:"why,omitempty"`
	Begin    seconds      `json:"begin"`
	End      seconds      `json:"end"`
	Waited   seconds      `json:"waited"`
	Worked   seconds      `json:"worked"`
	Critical bool         `json:"critical"`
	Spans    []spanEntry  `json:"spans"`
}

type spanEntry struct {
	What SpanKind `json:"what"`
	From seconds  `json:"from"`
	To   seconds  `json:"to"`
	Why  string   `json:"why,omitempty"`
}

type segment struct {
	Step string   `json:"step"`
	What SpanKind `json:"what"`
	From seconds  `json:"from"`
	To   seconds  `json:"to"`
}

type limitEntry struct {
	What    string   `json:"what"`
	Of      string   `json:"of"`
	Permits int      `json:"permits,omitempty"`
	Waits   int      `json:"waits"`
	Waited  seconds  `json:"waited"`
	Longest seconds  `json:"longest"`
	Without *seconds `json:"total_without"`
}

// seconds is a time in seconds, to the microsecond.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(s).Round(time.Microsecond).Microseconds()) / 1e6)
}

// MarshalJSON writes the document.
func (r *Report) MarshalJSON() ([]byte, error) { return json.Marshal(r.document()) }

// WriteJSON writes the document and a newline.
func (r *Report) WriteJSON(w io.Writer) error { return event.Encode(w, r.document()) }

func (r *Report) document() document {
	d := document{
		Flowrun: Version, Name: r.plan.Name, File: r.plan.File, Total: seconds(r.Total), Status: r.Outcome.Status, Cut: r.Cut,
		Default: seconds(r.Default), Guessed: r.Guessed, Learned: r.Learned, PastRuns: r.PastRuns,
		Steps: []stepEntry{}, Critical: []segment{}, Limits: []limitEntry{}, Assumed: append([]Assumption{}, r.Assumed...),
	}
	if e := r.Outcome.Err; e != nil {
		d.Error = &errorEntry{e.Type, e.Message, e.Step}
	}
	for _, s := range r.Steps {
		e := stepEntry{
			Path: s.Path, ID: s.Def.ID, Kind: s.Def.Kind, Line: s.Def.Pos.Line, Depth: s.Depth, Status: s.Status, Why: s.Why,
			Begin: seconds(s.Begin), End: seconds(s.End), Waited: seconds(s.Waited()), Worked: seconds(s.Worked()),
			Critical: s.Critical, Spans: []spanEntry{},
		}
		for _, x := range s.Spans {
			e.Spans = append(e.Spans, spanEntry{x.What, seconds(x.From), seconds(x.To), x.Why})
		}
		d.Steps = append(d.Steps, e)
	}
	for _, c := range r.Critical {
		d.Critical = append(d.Critical, segment{c.Step.Path, c.What, seconds(c.From), seconds(c.To)})
	}
	for _, l := range r.Limits {
		e := limitEntry{l.What, l.Of, l.Permits, l.Steps, seconds(l.Waited), seconds(l.Longest), nil}
		if l.Without >= 0 {
			without := seconds(l.Without)
			e.Without = &without
		}
		d.Limits = append(d.Limits, e)
	}
	return d
}
