// Package page makes a run into a page that people look at: one file of HTML that asks no other for anything.
//
//	model.Run ─┬─► head, causes, a tree of <details>     text that is there without JavaScript, and in print
//	           ├─► graph (package graph)                 an SVG in it, coloured by the run
//	           └─► rows, deflated, in base64 ─► page.js  timeline, table and detail, in the place of that tree
//
// A Content-Security-Policy in the page allows the script and the styles in it, by their hashes, and nothing else: no text of
// a run can be code, whatever it says, and no request leaves the page. 10,000 steps take about half a megabyte and are there in
// less than a second; for that the table and the timeline only draw what is seen of them.
//
// `flowrun ui` serves the same page (package ui): then new rows come as server-sent events.
package page

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/pkg/report/model"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

//go:embed parts.html
var partsText string

// Served is for a page that `flowrun ui` serves.
type Served struct {
	At, Home  string // what the addresses of the run begin with, and that of the list of runs
	Live      bool   // the run is going on
	Now       time.Time
	Seq       int64 // of the last event in the page
	Resumable bool
}

// Write writes the page of a run: as a file when o is nil.
func Write(w io.Writer, r *model.Run, o *Served) error {
	p := pictureOf(r, o)
	var body bytes.Buffer
	if err := parts().ExecuteTemplate(&body, "body", p); err != nil {
		return err
	}
	d := document{ID: r.ID, Label: p.Label, Now: milliseconds(elapsed(r, o)), Steps: newEncoder(r, false).rows()}
	s := shell{
		title: p.Glyph + " " + p.Label + " " + p.Verdict, body: body.String(), script: script,
		styles: []string{style, graphStyle(string(p.Graph))},
	}
	if o != nil {
		d.Live, d.At, d.Seq, d.Again = o.Live, o.At, o.Seq, o.Resumable
		s.policy = "; connect-src 'self'"
	}
	var err error
	if s.data, err = packed(d); err != nil {
		return err
	}
	return s.write(w)
}

// elapsed is how long the run has been going on.
func elapsed(r *model.Run, o *Served) time.Duration {
	end := r.Until()
	if o != nil && o.Live && o.Now.After(end) {
		end = o.Now
	}
	return max(0, end.Sub(r.Started))
}

// packed is a value as JSON, deflated, in base64.
func packed(v any) (string, error) {
	var b bytes.Buffer
	text := base64.NewEncoder(base64.StdEncoding, &b)
	deflated, err := flate.NewWriter(text, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if err := json.NewEncoder(deflated).Encode(v); err != nil {
		return "", err
	}
	if err := errors.Join(deflated.Close(), text.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}

// shell is what every page has.
type shell struct {
	title, body, script, data string
	styles                    []string // that of the page, and those that stand in the body
	policy                    string   // what the page may do beside
}

// write writes a page. It is put together by hand, since the hashes are of the very bytes of scripts and styles.
func (s shell) write(w io.Writer) error {
	policy := "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; script-src " + hash(s.script) + "; style-src"
	for _, text := range s.styles {
		if text != "" {
			policy += " " + hash(text)
		}
	}
	data := ""
	if s.data != "" {
		data = `<script type="text/plain" id="data">` + s.data + "</script>\n"
	}
	_, err := fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>%s</title>
<link rel="icon" href="data:,">
<style>%s</style>
</head>
<body>
%s%s<script>%s</script>
</body>
</html>
`, policy+s.policy, template.HTMLEscapeString(s.title), s.styles[0], s.body, data, s.script)
	return err
}

// hash is the hash of a script or a style as a policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// graphStyle is the style that stands in a picture.
func graphStyle(svg string) string {
	_, rest, _ := strings.Cut(svg, "<style>")
	text, _, _ := strings.Cut(rest, "</style>")
	return text
}

var parts = sync.OnceValue(func() *template.Template { return template.Must(template.New("").Parse(partsText)) })
