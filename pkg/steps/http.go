package steps

import (
	"context"
	"net/http"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// An http step is four files: what it is (this one), what it asks (http_request.go), how it gets there
// (http_transport.go, http_proxy.go) and what becomes of the answer (http_answer.go).

func httpKind() *kind.Kind {
	return &kind.Kind{
		Name:        "http",
		Title:       "Make an HTTP request",
		Description: "Makes an HTTP request. Its value is the body: decoded when the answer says that it is JSON, else text.",
		Keys: append([]kind.Key{{
			Name:        "http",
			Description: "A URL to get, or the request as a mapping with url.",
			Schema:      httpSchema,
			Mode:        kind.Free,
			Examples: []string{
				`http: https://example.com/status`,
				`http: {method: POST, url: "https://example.com/deploys", headers: {Authorization: "Bearer ${{ secrets.TOKEN }}"}, json: {tag: "${{ inputs.tag }}"}}`,
				`http: {url: "https://example.com/tool.tar.gz", save: tool.tar.gz, max_bytes: 200MiB}`,
			},
		}}, remoteKeys()...),
		Check:   checkHTTP,
		Limited: true,
		Run:     runHTTP,
	}
}

const (
	// fieldsSchema is that of names with values, as a query has them. A null leaves the name out, a list repeats it.
	fieldsSchema = `"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null", "array"],
		"items": {"type": ["string", "number", "boolean"]}}`
	statusSchema = `"minimum": 100, "maximum": 599`

	httpSchema = `{` + httpFields + `}`
	httpFields = `"type": ["string", "object"], "minLength": 1, "additionalProperties": false, "required": ["url"], "properties": {
	"url": {"type": "string", "minLength": 1, "examples": ["https://example.com/items"], "description": "Where to: http:// or https://. What stands in query is added to it."},
	"method": {"type": "string", "pattern": "^[A-Z][A-Z-]*$", "patternErrorMessage": "no method: write one as GET or POST", "description": "GET by default.", "examples": ["POST"]},
	"headers": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
		"description": "Header fields. A null leaves one out. Secrets may stand here.", "examples": [{"Accept": "text/plain"}, {"Authorization": "Bearer ${{ secrets.TOKEN }}"}]},
	"query": {` + fieldsSchema + `, "description": "Parameters of the query, encoded and added to the URL.", "examples": [{"page": 1}, {"tag": ["a", "b"]}]},
	"body": {"type": "string", "description": "A text to send. Secrets may stand here.", "examples": ["hello"]},
	"json": {"description": "A value to send as JSON. Secrets may stand here.", "examples": [{"text": "deployed"}, ["a", "b"]]},
	"form": {` + fieldsSchema + `, "description": "Fields to send as an HTML form does. Secrets may stand here.", "examples": [{"name": "x"}, {"tag": ["a", "b"]}]},
	"expect": {"type": "object", "additionalProperties": false, "required": ["status"],
		"description": "What is a success; by default every status from 200 to 299.", "examples": [{"status": 200}, {"status": [200, 404]}],
		"properties": {"status": {"type": ["integer", "array"], ` + statusSchema + `, "minItems": 1, "items": {"type": "integer", ` + statusSchema + `},
			"description": "The status, or several. A redirect that is listed is not followed.", "examples": [200, [200, 404]]}}},
	"save": {"type": "string", "minLength": 1,
		"description": "A file for the body, relative to the workflow's file. It appears when it is complete. The value is then its path.", "examples": ["dist/app.tar.gz"]},
	"max_bytes": {"title": "size", "type": ["string", "integer"], "pattern": "^[0-9]+(B|KiB|MiB|GiB)$", "minimum": 0,
		"patternErrorMessage": "no size: write one as 64KiB, 10MiB or 1GiB",
		"description": "The longest body that is taken, after decompression; 10MiB by default.", "examples": ["64MiB"]},
	"redirects": {"type": "integer", "minimum": 0, "maximum": 100, "description": "How many redirects are followed at most; 10 by default.", "examples": [0]},
	"tls": {"type": "object", "additionalProperties": false, "minProperties": 1, "description": "How the server's certificate is checked.", "examples": [{"ca": "ca.pem"}, {"insecure": true}], "properties": {
		"ca": {"type": "string", "minLength": 1, "description": "A file of certificates (PEM) that are trusted instead of the system's.", "examples": ["ca.pem"]},
		"insecure": {"type": "boolean", "description": "Any certificate is taken: whoever is in between can read and change everything.", "examples": [true]}}}
}`
)

func checkHTTP(constant map[string]any, report func(key, code, text string)) {
	switch v := constant["http"].(type) {
	case string:
		if _, err := readURL(v); err != nil {
			report("http", "bad-url", err.Error())
		}
	case map[string]any:
		requestProblems(v, func(key, code, text string) { report("http."+key, code, text) })
	}
}

// runHTTP is one attempt.
func runHTTP(ctx context.Context, call kind.Call) event.Outcome {
	r, failed := readRequest(call)
	if failed != nil {
		return event.Failure(failed)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &wires{ctx: ctx}
	defer w.close()
	defer cancel()
	req, err := r.build(ctx)
	if err != nil {
		return event.Failure(event.Errorf(event.ValueError, "http: %v", err))
	}
	client := &http.Client{Transport: transport(r, call.Env, w), CheckRedirect: r.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return r.unanswered(resp, err)
	}
	defer resp.Body.Close()
	return r.answered(resp, cancel)
}
