package problems

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Lines writes one line for each problem.
func Lines(w io.Writer, list diag.List) {
	for _, d := range list {
		io.WriteString(w, plain.Inert(strings.ReplaceAll(d.String(), "\n", " "))+"\n")
	}
}

// Version is the `flowrun` of the document that JSON writes.
const Version = 1

// document is what JSON writes; schema/diagnostics.schema.json describes it.
type document struct {
	Flowrun     int      `json:"flowrun"`
	Files       []string `json:"files"`
	Diagnostics []entry  `json:"diagnostics"`
}

type entry struct {
	place
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Text     string `json:"text"`
	Help     string `json:"help,omitempty"`
	Why      string `json:"why,omitempty"`
	Other    *other `json:"other,omitempty"`
	Fix      *fix   `json:"fix,omitempty"`
}

// fix is an edit of the file: text in the place of what stands from line and column to the end.
type fix struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	EndLine int    `json:"end_line"`
	End     int    `json:"end_column"`
	Text    string `json:"text"`
}

type other struct {
	place
	Text string `json:"text"`
}

// place is in characters, from 1; the end is that behind the token, if the text is known.
type place struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	End    int    `json:"end_column,omitempty"`
}

// JSON writes all problems of some files as one document.
func JSON(w io.Writer, files []string, list diag.List, src *Sources) error {
	doc := document{Flowrun: Version, Files: files, Diagnostics: []entry{}}
	for _, d := range list {
		e := entry{place: placeOf(d.Pos, d.Len, d, src), Severity: d.Severity(), Code: d.Code, Text: d.Text, Help: d.Help, Why: d.Why}
		if d.OtherText != "" {
			e.Other = &other{placeOf(d.Other, 0, d, src), d.OtherText}
		}
		if f := d.Fix; f != nil {
			e.Fix = &fix{f.From.Line, f.From.Col, f.To.Line, f.To.Col, f.Text}
		}
		doc.Diagnostics = append(doc.Diagnostics, e)
	}
	return write(w, doc)
}

func placeOf(at diag.Pos, length int, d diag.Diagnostic, src *Sources) place {
	p := place{File: at.File, Line: at.Line, Column: at.Col}
	if t, ok := src.token(at, length, d.Text); ok {
		p.End = p.Column + max(1, utf8.RuneCountInString(t.line[t.start:t.end]))
	}
	return p
}

func write(w io.Writer, doc any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

// GitHub writes each problem as a command that makes it an annotation of a file in GitHub's CI.
func GitHub(w io.Writer, list diag.List, src *Sources) {
	for _, d := range list {
		var b strings.Builder
		b.WriteString("::" + d.Severity() + " ")
		if d.Pos.File != "" {
			fmt.Fprintf(&b, "file=%s,", property(filepath.ToSlash(d.Pos.File)))
		}
		if d.Pos.Line > 0 {
			fmt.Fprintf(&b, "line=%d,", d.Pos.Line)
		}
		if t, ok := src.token(d.Pos, d.Len, d.Text); ok {
			start, end := t.columns()
			fmt.Fprintf(&b, "endLine=%d,col=%d,endColumn=%d,", d.Pos.Line, start, end)
		}
		text := []string{d.Text}
		if d.Help != "" {
			text = append(text, "help: "+d.Help)
		}
		if d.Why != "" {
			text = append(text, "why: "+d.Why)
		}
		if d.OtherText != "" {
			text = append(text, fmt.Sprintf("%s: %s", d.Other, d.OtherText))
		}
		for i, line := range text {
			text[i] = oneLine(line)
		}
		fmt.Fprintf(&b, "title=%s::%s\n", property(d.Code), data(strings.Join(text, "\n")))
		io.WriteString(w, b.String())
	}
}

// data is a text in the place of a command's message, property one in that of a value.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// columns are the places where a token begins and ends as most programs count them: from 1, in units of UTF-16.
func (t token) columns() (start, end int) {
	start = 1 + units(t.line[:t.start])
	return start, start + max(1, units(t.line[t.start:t.end]))
}

func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// The parts of SARIF 2.1.0 that are used.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID   string       `json:"id"`
		Help sarifMessage `json:"help"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifFix struct {
		Description sarifMessage  `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion  `json:"deletedRegion"`
		Inserted sarifMessage `json:"insertedContent"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		ID       *int          `json:"id,omitempty"`
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
)

// SARIF writes all problems as one log of SARIF 2.1.0. version is that of flowrun.
func SARIF(w io.Writer, version string, list diag.List, src *Sources) error {
	driver := sarifDriver{Name: "flowrun", Version: version, Rules: []sarifRule{}}
	var codes []string
	for _, d := range list {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for _, c := range codes {
		driver.Rules = append(driver.Rules, sarifRule{ID: c, Help: sarifMessage{"flowrun explain " + c}})
	}
	run := sarifRun{Tool: sarifTool{driver}, ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	for _, d := range list {
		text := d.Text
		if d.Help != "" {
			text += " (" + d.Help + ")"
		}
		r := sarifResult{RuleID: d.Code, RuleIndex: slices.Index(codes, d.Code), Level: d.Severity(), Message: sarifMessage{text}}
		if d.Pos.File != "" {
			r.Locations = []sarifLocation{{Physical: physical(d.Pos, d.Len, d, src)}}
		}
		if d.OtherText != "" {
			zero := 0
			r.Related = []sarifLocation{{ID: &zero, Physical: physical(d.Other, 0, d, src), Message: &sarifMessage{d.OtherText}}}
		}
		if d.Fix != nil {
			r.Fixes = fixes(d, src)
		}
		run.Results = append(run.Results, r)
	}
	return write(w, sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// fixes is the edit that mends d; none if the text of the file is not known.
func fixes(d diag.Diagnostic, src *Sources) []sarifFix {
	from, ok := src.token(d.Fix.From, 1, "")
	to, okTo := src.token(d.Fix.To, 1, "")
	if !ok || !okTo {
		return nil
	}
	region := sarifRegion{StartLine: d.Fix.From.Line, EndLine: d.Fix.To.Line}
	region.StartColumn, _ = from.columns()
	region.EndColumn, _ = to.columns()
	return []sarifFix{{
		Description: sarifMessage{"write " + d.Fix.Text},
		Changes:     []sarifChange{{sarifArtifact{uri(d.Pos.File)}, []sarifReplacement{{region, sarifMessage{d.Fix.Text}}}}},
	}}
}

func physical(at diag.Pos, length int, d diag.Diagnostic, src *Sources) sarifPhysical {
	p := sarifPhysical{Artifact: sarifArtifact{uri(at.File)}}
	if at.Line > 0 {
		p.Region = &sarifRegion{StartLine: at.Line}
	}
	if t, ok := src.token(at, length, d.Text); ok {
		p.Region.StartColumn, p.Region.EndColumn = t.columns()
	}
	return p
}

// uri is a path as a URI: relative if it is, with slashes.
func uri(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		if !strings.HasPrefix(u.Path, "/") { // a drive of Windows
			u.Path = "/" + u.Path
		}
	}
	return u.String()
}
