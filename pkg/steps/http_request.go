package steps

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// What holds when the key is not written.
const (
	defaultMaxBytes  = 10 << 20
	defaultRedirects = 10
	maxRedirects     = 100
	userAgent        = "flowrun"
)

// request is what an http step asks for.
type request struct {
	method    string
	url       *url.URL
	header    http.Header
	body      []byte // nil: none
	expect    []int  // nil: 200 to 299
	save      string // absolute; "": the body is the value
	max       int
	redirects int
	tls       *tls.Config
}

// bodies are the keys of which a request has one at most.
var bodies = [...]string{"body", "json", "form"}

// requestKeys are the keys of a request in the order in which they are checked.
var requestKeys = [...]string{
	"url", "method", "headers", "query", "body", "json", "form", "expect", "save", "max_bytes", "redirects", "tls",
}

// requestProblems reports what is wrong with a request, whatever will answer it. Parts that are known at run time only are
// not looked at in the file, and at run time there are none.
func requestProblems(m map[string]any, report func(key, code, text string)) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(requestKeys[:], key) {
			report(key, "unknown-key", fmt.Sprintf("http has no key %q", key))
		}
	}
	if _, ok := m["url"]; !ok {
		report("url", "missing-key", "http has no url")
	}
	for _, key := range requestKeys {
		v, written := m[key]
		if !written || computed(v) {
			continue
		}
		if code, text := partProblem(key, v); text != "" {
			report(key, code, text)
		}
	}
	var given []string
	for _, key := range bodies {
		if _, ok := m[key]; ok {
			given = append(given, key)
		}
	}
	if len(given) > 1 {
		report(given[1], "bad-value", fmt.Sprintf("a request has one body, and this one has both %s and %s", given[0], given[1]))
	}
	if _, ok := m["method"]; !ok && len(given) > 0 {
		report(given[0], "bad-value", "a GET with a body is not what is meant: write method: POST, or PUT or PATCH")
	}
}

func computed(v any) bool {
	_, ok := v.(kind.Computed)
	return ok
}

var methodPattern = regexp.MustCompile(`^[A-Z][A-Z-]*$`)

// partProblem says what is wrong with one part of a request; "" for nothing.
func partProblem(key string, v any) (code, text string) {
	bad := func(err error) (string, string) {
		if err == nil {
			return "", ""
		}
		return "bad-value", err.Error()
	}
	switch key {
	case "url":
		s, ok := v.(string)
		if !ok {
			return "bad-url", "url must be a text, not " + noun(v)
		}
		if _, err := readURL(s); err != nil {
			return "bad-url", err.Error()
		}
	case "method":
		s, ok := v.(string)
		switch {
		case !ok || !methodPattern.MatchString(s):
			return "bad-value", shown(v) + " is no method: write one as GET or POST"
		case s == http.MethodConnect:
			return "bad-value", "CONNECT makes a tunnel and not a request"
		}
	case "headers":
		_, err := readHeaders(v)
		return bad(err)
	case "query", "form":
		_, err := readFields(key, v)
		return bad(err)
	case "expect":
		_, err := readExpect(v)
		return bad(err)
	case "save":
		if s, ok := v.(string); !ok || s == "" || strings.ContainsRune(s, 0) {
			return "bad-value", "save must be the path of a file"
		}
	case "max_bytes":
		if _, err := event.Size(v); err != nil {
			return "bad-size", err.Error()
		}
	case "redirects":
		if n, ok := v.(int); !ok || n < 0 || n > maxRedirects {
			return "bad-value", fmt.Sprintf("redirects must be a whole number from 0 to %d, not %s", maxRedirects, shown(v))
		}
	case "tls":
		return bad(checkTLS(v))
	}
	return "", ""
}

// shown is a value for a message.
func shown(v any) string { return head(text(v)) }

// readURL reads where to.
func readURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	var inner *url.Error
	switch {
	case errors.As(err, &inner):
		return nil, fmt.Errorf("%s is no URL: %v", head(s), inner.Err)
	case err != nil:
		return nil, fmt.Errorf("%s is no URL: %w", head(s), err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s is no URL to ask: it must begin with http:// or https://", head(s))
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s names no host", head(s))
	case u.User != nil:
		return nil, errors.New("a name and a password do not belong into a URL, which is shown and logged: write headers: {Authorization: ...}")
	}
	u.Fragment, u.RawFragment = "", "" // never sent
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, nil
}

// escapeQuery escapes what may not stand in a query. net/http sends it as it is, and a blank would end the URL there.
func escapeQuery(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// ours are the header fields that the connection and the body decide.
var ours = [...]string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

var fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func readHeaders(v any) (http.Header, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("headers must be a mapping, not %s", noun(v))
	}
	h := http.Header{}
	written := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v := m[name]
		key := textproto.CanonicalMIMEHeaderKey(name)
		switch first, twice := written[key]; {
		case !fieldName.MatchString(name):
			return nil, fmt.Errorf("headers: %s is no name of a header field", head(name))
		case slices.Contains(ours[:], key):
			return nil, fmt.Errorf("headers: %s is made from the connection and the body and cannot be written", name)
		case twice:
			return nil, fmt.Errorf("headers: %s and %s are one field", first, name)
		}
		written[key] = name
		if v == nil || computed(v) {
			continue
		}
		s, err := single(v)
		if err != nil {
			return nil, fmt.Errorf("headers: %s: %w", name, err)
		}
		// A line break would begin another field. The value is not shown: it may be a secret.
		if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return nil, fmt.Errorf("headers: %s holds a line break or another control character", name)
		}
		h.Set(name, strings.TrimSpace(s))
	}
	return h, nil
}

// single is a value that is no list and no mapping, as text.
func single(v any) (string, error) {
	switch v.(type) {
	case []any, map[string]any:
		return "", fmt.Errorf("%s cannot stand here: write toJSON(...) if its text is meant", noun(v))
	}
	return text(v), nil
}

// readFields reads names with values, as a query and a form have them.
func readFields(key string, v any) (url.Values, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a mapping, not %s", key, noun(v))
	}
	out := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		items, many := m[name].([]any)
		if !many {
			items = []any{m[name]}
		}
		for _, v := range items {
			if v == nil || computed(v) {
				continue
			}
			s, err := single(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", key, name, err)
			}
			out.Add(name, s)
		}
	}
	return out, nil
}

func readExpect(v any) ([]int, error) {
	m, ok := v.(map[string]any)
	status, written := m["status"]
	switch {
	case !ok || !written || len(m) != 1:
		return nil, errors.New("expect must be a mapping with status")
	case computed(status):
		return nil, nil
	}
	list, many := status.([]any)
	if !many {
		list = []any{status}
	}
	if len(list) == 0 {
		return nil, errors.New("expect: status is an empty list")
	}
	var out []int
	for _, v := range list {
		n, ok := v.(int)
		if !computed(v) && (!ok || n < 100 || n > 599) {
			return nil, fmt.Errorf("expect: %s is no status", shown(v))
		}
		out = append(out, n)
	}
	return out, nil
}

func checkTLS(v any) error {
	m, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("tls must be a mapping with ca or insecure, not %s", noun(v))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		v := m[key]
		_, isText := v.(string)
		_, isBool := v.(bool)
		switch {
		case key != "ca" && key != "insecure":
			return fmt.Errorf("tls has no key %q", key)
		case computed(v):
		case key == "ca" && !isText:
			return fmt.Errorf("tls: ca must be the path of a file, not %s", noun(v))
		case key == "insecure" && !isBool:
			return fmt.Errorf("tls: insecure must be true or false, not %s", noun(v))
		}
	}
	if _, ca := m["ca"]; ca && m["insecure"] == true {
		return errors.New("tls: with insecure: true no certificate is checked, and ca would do nothing")
	}
	return nil
}

// readRequest reads the key http of a step.
func readRequest(call kind.Call) (*request, *event.Error) {
	var m map[string]any
	switch v := call.Args["http"].(type) {
	case string:
		m = map[string]any{"url": v}
	case map[string]any:
		m = v
	default:
		return nil, event.Errorf(event.ValueError, "http: %s is no request: give a URL, or a mapping with url", noun(v))
	}
	var failed *event.Error
	requestProblems(m, func(_, _, text string) {
		if failed == nil {
			failed = event.Errorf(event.ValueError, "http: %s", text)
		}
	})
	if failed != nil {
		return nil, failed
	}
	r := &request{method: http.MethodGet, max: defaultMaxBytes, redirects: defaultRedirects, header: http.Header{}}
	r.url, _ = readURL(m["url"].(string))
	if v, ok := m["method"]; ok {
		r.method = v.(string)
	}
	if v, ok := m["query"]; ok {
		more, _ := readFields("query", v)
		r.addQuery(more)
	}
	if v, ok := m["expect"]; ok {
		r.expect, _ = readExpect(v)
	}
	if v, ok := m["max_bytes"]; ok {
		r.max, _ = event.Size(v)
	}
	if v, ok := m["redirects"]; ok {
		r.redirects = v.(int)
	}
	r.readBody(m)
	if r.header.Get("User-Agent") == "" {
		r.header.Set("User-Agent", userAgent)
	}
	if !safe(r.method) {
		r.header.Set("Idempotency-Key", idempotencyKey(call))
	}
	if v, ok := m["headers"]; ok {
		written, _ := readHeaders(v)
		maps.Copy(r.header, written)
		for name, x := range v.(map[string]any) { // deletes: the order does not matter
			if x == nil && strings.EqualFold(name, "Idempotency-Key") {
				r.header.Del(name)
			}
		}
	}
	if failed := r.readSave(m, call.Dir); failed != nil {
		return nil, failed
	}
	return r, r.readTLS(m, call.Dir)
}

// safe says whether a request with this method changes nothing at the server, so that it may come twice.
func safe(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}, method)
}

// addQuery adds to the query that the URL has, which stays as it is written.
func (r *request) addQuery(more url.Values) {
	switch text := more.Encode(); {
	case text == "":
	case r.url.RawQuery == "":
		r.url.RawQuery = text
	default:
		r.url.RawQuery += "&" + text
	}
}

func (r *request) readBody(m map[string]any) {
	if v, ok := m["body"]; ok {
		r.body = []byte(text(v))
		r.header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if v, ok := m["json"]; ok {
		b, err := event.Marshal(v)
		if err != nil {
			panic("steps: an argument is no canonical value: " + err.Error())
		}
		r.body = b
		r.header.Set("Content-Type", "application/json")
	}
	if v, ok := m["form"]; ok {
		fields, _ := readFields("form", v)
		r.body = []byte(fields.Encode())
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
}

// readSave finds out before anything is asked whether the file can be written at all.
func (r *request) readSave(m map[string]any, dir string) *event.Error {
	v, ok := m["save"]
	if !ok {
		return nil
	}
	r.save = below(dir, v.(string))
	folder := filepath.Dir(r.save)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, os.ErrNotExist) || err == nil && !info.IsDir():
		return event.Errorf(event.ValueError, "http: save: there is no folder %s", folder)
	case err != nil:
		return event.Errorf(event.ValueError, "http: save: %v", err)
	}
	if info, err := os.Stat(r.save); err == nil && !info.Mode().IsRegular() {
		return event.Errorf(event.ValueError, "http: save: %s is there and is no file", r.save)
	}
	return nil
}

func (r *request) readTLS(m map[string]any, dir string) *event.Error {
	options, _ := m["tls"].(map[string]any)
	r.tls = &tls.Config{}
	r.tls.InsecureSkipVerify, _ = options["insecure"].(bool)
	ca, ok := options["ca"].(string)
	if !ok {
		return nil
	}
	path := below(dir, ca)
	pem, err := os.ReadFile(path)
	if err != nil {
		return event.Errorf(event.ValueError, "http: tls: ca cannot be read: %v", err)
	}
	r.tls.RootCAs = x509.NewCertPool()
	if !r.tls.RootCAs.AppendCertsFromPEM(pem) {
		return event.Errorf(event.ValueError, "http: tls: ca: %s holds no certificate in PEM", path)
	}
	return nil
}

// below is a path as seen from the workflow's folder.
func below(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// build makes the request for net/http.
func (r *request) build(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	return req, nil
}

// said is what messages call the request. The query stays out: people put keys into it.
func (r *request) said() string {
	u := *r.url
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return r.method + " " + u.String()
}
