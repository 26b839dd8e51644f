package steps

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// site is a server with an answer for every mood, by its path.
func site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello\n") })
	mux.HandleFunc("/json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"b":[1,2.5,9007199254740993],"a":null}`)
	})
	mux.HandleFunc("/as", func(w http.ResponseWriter, q *http.Request) { // what the query says
		w.Header().Set("Content-Type", q.FormValue("type"))
		fmt.Fprint(w, q.FormValue("body"))
	})
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, q *http.Request) {
		code, _ := strconv.Atoi(q.PathValue("code"))
		if after := q.FormValue("after"); after != "" {
			w.Header().Set("Retry-After", after)
			w.Header().Set("Date", "Wed, 21 Oct 2015 07:28:00 GMT")
		}
		w.WriteHeader(code)
		if code >= 200 && code != 204 && code != 304 {
			fmt.Fprint(w, q.FormValue("body"))
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, q *http.Request) { // what was asked
		body, _ := io.ReadAll(q.Body)
		seen := map[string]any{"method": q.Method, "uri": q.RequestURI, "body": string(body)}
		for name, v := range q.Header {
			switch name {
			case "Content-Length", "Accept-Encoding", "User-Agent", "Connection", "Idempotency-Key":
			default:
				seen[name] = strings.Join(v, "|")
			}
		}
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(seen)
	})
	mux.HandleFunc("/agent", func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, q.UserAgent(), " ", q.Host) })
	mux.HandleFunc("/latin1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=ISO-8859-1")
		_, _ = w.Write([]byte("na\xefve"))
	})
	mux.HandleFunc("/binary", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("\x89PNG\xff"))
	})
	mux.HandleFunc("/headers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Many"] = []string{"a", "b"}
		w.Header().Set("X-Odd", "caf\xe9")
	})
	mux.HandleFunc("/zeros", func(w http.ResponseWriter, q *http.Request) {
		n, _ := strconv.Atoi(q.FormValue("n"))
		if q.FormValue("length") != "" {
			w.Header().Set("Content-Length", strconv.Itoa(n))
		}
		b := bytes.Repeat([]byte("0"), 1<<16)
		for ; n > 0; n -= len(b) {
			if _, err := w.Write(b[:min(n, len(b))]); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, q *http.Request) {
		if !strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
			fmt.Fprint(w, "unpacked")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		fmt.Fprint(z, "packed")
	})
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) { // 1 GiB of zeros in 1 MiB
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		defer z.Close()
		b := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := z.Write(b); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/corrupt", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "this was never packed")
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, q *http.Request) { // ?code=302&url=...
		code, err := strconv.Atoi(q.FormValue("code"))
		if err != nil {
			code = http.StatusFound
		}
		w.Header().Set("Location", q.FormValue("url"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/hops/{n}", func(w http.ResponseWriter, q *http.Request) {
		n, _ := strconv.Atoi(q.PathValue("n"))
		if n == 0 {
			fmt.Fprint(w, "there")
			return
		}
		http.Redirect(w, q, fmt.Sprintf("/hops/%d", n-1), http.StatusMovedPermanently)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/loop", http.StatusFound) })
	return mux
}

func serve(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func httpCall(t *testing.T, request any) kind.Call {
	t.Helper()
	v, err := event.Canonical(request)
	if err != nil {
		t.Fatal(err)
	}
	return kind.Call{
		Args: kind.Args{"http": v}, Dir: t.TempDir(), Step: "s", RunID: "01K", Attempt: 1,
		Kill: make(chan struct{}),
	}
}

// ask runs an http step.
func ask(t *testing.T, request any) event.Outcome {
	t.Helper()
	return runHTTP(context.Background(), httpCall(t, request))
}

// answer is an outcome in one line: the value, or type, message and fields of the error; then the status if it is not 200.
func answer(o event.Outcome, hide ...string) string {
	var b strings.Builder
	if o.Status == event.Succeeded {
		j, _ := event.Marshal(o.Value)
		b.Write(j)
	} else {
		fmt.Fprintf(&b, "%s", o.Err)
		if len(o.Err.Fields) > 0 {
			j, _ := event.Marshal(o.Err.Fields)
			fmt.Fprintf(&b, " %s", j)
		}
	}
	if h, ok := o.Extra["http"].(map[string]any); ok && h["status"] != 200 {
		fmt.Fprintf(&b, " (%v)", h["status"])
	}
	return strings.NewReplacer(hide...).Replace(b.String())
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t, site())
	other := serve(t, site())
	for _, c := range []struct{ request, want string }{
		// Values.
		{`"S/text"`, `"hello\n"`},
		{`{"url": "S/text"}`, `"hello\n"`},
		{`"S/json"`, `{"a":null,"b":[1,2.5,9007199254740993]}`},
		{`"S/as?type=application/vnd.api%2Bjson&body=1"`, `1`},
		{`"S/as?type=APPLICATION/JSON&body=%22x%22"`, `"x"`},
		{`"S/as?type=application/json&body="`, `null`},
		{`"S/as?type=application/json&body=%7B"`, `OutputError: GET S/as?...: the body is not JSON, as it says it is: unexpected end of JSON input: it begins with "{"`},
		{`"S/as?type=application/json&body=1%202"`, `OutputError: GET S/as?...: the body is not JSON, as it says it is: invalid character '2' after top-level value: it begins with "1 2"`},
		{`"S/as?type=text/plain&body=%7B%7D"`, `"{}"`},
		{`"S/as?type=nonsense;;&body=x"`, `"x"`},
		{`"S/latin1"`, `"naïve"`},
		{`"S/binary"`, `OutputError: GET S/binary: the body (image/png, 5 bytes) is no text in UTF-8: write it to a file by save`},
		{`"S/gzip"`, `"packed"`},
		{`"S/corrupt"`, `OutputError: GET S/corrupt: the body cannot be decompressed: gzip: invalid header`},
		{`{"url": "S/text", "method": "HEAD"}`, `""`},
		{`{"url": "S/zeros?n=99999999&length=1", "method": "HEAD"}`, `""`},
		{`"S/status/204"`, `"" (204)`},
		{`"S/text#part"`, `"hello\n"`},

		// Statuses.
		{`"S/status/404?body=no+such%0D%0Apage%1B%5B2J%20"`, "HTTPError: GET S/status/404?...: 404 Not Found: no such\npage�[2J {\"status\":404} (404)"},
		{`"S/status/599"`, `HTTPError: GET S/status/599: 599 {"status":599} (599)`},
		{`"S/status/304"`, `HTTPError: GET S/status/304: 304 Not Modified {"status":304} (304)`},
		{`"S/status/503?after=7"`, `HTTPError: GET S/status/503?...: 503 Service Unavailable {"retry_after":7,"status":503} (503)`},
		{`"S/status/429?after=Wed,+21+Oct+2015+07:28:09+GMT"`, `HTTPError: GET S/status/429?...: 429 Too Many Requests {"retry_after":9,"status":429} (429)`},
		{`"S/status/429?after=Wed,+21+Oct+2015+07:00:00+GMT"`, `HTTPError: GET S/status/429?...: 429 Too Many Requests {"retry_after":0,"status":429} (429)`},
		{`"S/status/429?after=soon"`, `HTTPError: GET S/status/429?...: 429 Too Many Requests {"status":429} (429)`},
		{`"S/status/429?after=-1"`, `HTTPError: GET S/status/429?...: 429 Too Many Requests {"status":429} (429)`},
		{`{"url": "S/status/404?body=gone", "expect": {"status": [200, 404]}}`, `"gone" (404)`},
		{`{"url": "S/status/418?body=tea", "expect": {"status": 418}}`, `"tea" (418)`},
		{`{"url": "S/text", "expect": {"status": [201]}}`, "HTTPError: GET S/text: 200 OK: hello {\"status\":200}"},

		// What is sent.
		{`{"url": "S/echo?z=1", "query": {"b": [1, "x y"], "a": true, "n": null, "é": "&="}}`, `{"body":"","method":"GET","uri":"/echo?z=1&a=true&b=1&b=x+y&%C3%A9=%26%3D"}`},
		{`{"url": "S/echo", "query": {}}`, `{"body":"","method":"GET","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "POST", "body": "a\n"}`, `{"Content-Type":"text/plain; charset=utf-8","body":"a\n","method":"POST","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "POST", "body": {"a": 1}}`, `{"Content-Type":"text/plain; charset=utf-8","body":"{\"a\":1}","method":"POST","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "PUT", "json": {"b": "<&>", "a": [1, null]}}`, `{"Content-Type":"application/json","body":"{\"a\":[1,null],\"b\":\"<&>\"}","method":"PUT","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "PUT", "json": null}`, `{"Content-Type":"application/json","body":"null","method":"PUT","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "POST", "form": {"b": ["1", 2], "a": "x y&", "c": null}}`, `{"Content-Type":"application/x-www-form-urlencoded","body":"a=x+y%26&b=1&b=2","method":"POST","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "POST", "json": 1, "headers": {"content-type": "application/merge-patch+json", "X-N": 7, "X-Nil": null}}`, `{"Content-Type":"application/merge-patch+json","X-N":"7","body":"1","method":"POST","uri":"/echo"}`},
		{`{"url": "S/echo", "method": "DELETE"}`, `{"body":"","method":"DELETE","uri":"/echo"}`},
		{`"S/agent"`, `"flowrun S"`},
		{`{"url": "S/agent", "headers": {"User-Agent": "me", "Host": "example.test"}}`, `"me example.test"`},
		{`"S/echo?q=; rm -rf $(x) '` + "`y`" + `\""`, `{"body":"","method":"GET","uri":"/echo?q=;%20rm%20-rf%20$(x)%20%27%60y%60%22"}`},

		// Redirects.
		{`"S/hops/10"`, `"there"`},
		{`"S/hops/11"`, `HTTPError: GET S/hops/11: 301 Moved Permanently: more than 10 redirects {"status":301} (301)`},
		{`{"url": "S/hops/1", "redirects": 1}`, `"there"`},
		{`{"url": "S/hops/2", "redirects": 1}`, `HTTPError: GET S/hops/2: 301 Moved Permanently: more than 1 redirect {"status":301} (301)`},
		{`{"url": "S/hops/1", "redirects": 0}`, "HTTPError: GET S/hops/1: 301 Moved Permanently: <a href=\"/hops/0\">Moved Permanently</a>. {\"status\":301} (301)"},
		{`{"url": "S/hops/1", "expect": {"status": [301]}}`, `"<a href=\"/hops/0\">Moved Permanently</a>.\n\n" (301)`},
		{`"S/loop"`, `HTTPError: GET S/loop: 302 Found: more than 10 redirects {"status":302} (302)`},
		{`"S/to?url=https://example.test/x%3Fkey=1"`, `HTTPError: GET S/to?...: 302 Found: it redirects from http to "https://example.test/x": write that URL if it is meant {"status":302} (302)`},
		{`"S/to?url=file:///etc/passwd"`, `HTTPError: GET S/to?...: 302 Found: it redirects from http to "file:///etc/passwd": write that URL if it is meant {"status":302} (302)`},
		{`{"url": "S/to?url=/echo", "headers": {"X-Key": "k", "Authorization": "b"}}`, `{"Authorization":"b","X-Key":"k","body":"","method":"GET","uri":"/echo"}`},
		{`{"url": "S/to?url=O/echo", "headers": {"X-Key": "k", "Authorization": "b", "Cookie": "c", "Accept": "a/b"}}`, `{"Accept":"a/b","body":"","method":"GET","uri":"/echo"}`},
		{`{"url": "S/to?url=O/to?url=S/echo", "headers": {"X-Key": "k"}}`, `{"body":"","method":"GET","uri":"/echo"}`},
		{`{"url": "S/to?code=307&url=/echo", "method": "POST", "json": 1}`, `{"Content-Type":"application/json","body":"1","method":"POST","uri":"/echo"}`},
		{`{"url": "S/to?code=303&url=O/echo", "method": "POST", "json": 1, "headers": {"X-Key": "k"}}`, `{"body":"","method":"GET","uri":"/echo"}`},
		{`{"url": "S/to?code=308&url=O/echo", "method": "POST", "json": 1}`, `HTTPError: POST S/to?...: 308 Permanent Redirect: it wants the body to be sent to "O/echo": write that URL if it is meant {"status":308} (308)`},

		// Sizes.
		{`{"url": "S/zeros?n=4", "max_bytes": 4}`, `"0000"`},
		{`{"url": "S/zeros?n=5", "max_bytes": "4B"}`, `OutputError: GET S/zeros?...: the body is longer than max_bytes (4B): raise max_bytes, or write the body to a file by save`},
		{`"S/zeros?n=10485761"`, `OutputError: GET S/zeros?...: the body is longer than max_bytes (10MiB): raise max_bytes, or write the body to a file by save`},
		{`"S/zeros?n=1000000000&length=1"`, `OutputError: GET S/zeros?...: the body is longer than max_bytes (10MiB): raise max_bytes, or write the body to a file by save`},
		{`"S/bomb"`, `OutputError: GET S/bomb: the body is longer than max_bytes (10MiB): raise max_bytes, or write the body to a file by save`},
		{`{"url": "S/text", "max_bytes": "9223372036854775807B"}`, `"hello\n"`},
	} {
		var v any
		text := strings.NewReplacer("S/", s.URL+"/", "O/", other.URL+"/").Replace(c.request)
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(c.request, err)
		}
		b, _ := json.Marshal(v)
		v, _ = event.Decode(b)
		got := answer(ask(t, v), s.URL, "S", other.URL, "O", strings.TrimPrefix(s.URL, "http://"), "S")
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.request, got, c.want)
		}
	}
}

func TestHTTPExcerpt(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		fmt.Fprint(w, strings.Repeat("é", 5000))
	}))
	o := ask(t, s.URL)
	want := "GET " + s.URL + ": 500 Internal Server Error: " + strings.Repeat("é", 512) + "..."
	if o.Err.Message != want {
		t.Errorf("got %q", o.Err.Message)
	}
}

// TestHTTPExtra: header fields are there on success and on failure.
func TestHTTPExtra(t *testing.T) {
	s := serve(t, site())
	got := ask(t, s.URL+"/headers").Extra["http"].(map[string]any)["headers"].(map[string]any)
	delete(got, "date")
	want := map[string]any{"x-many": "a, b", "x-odd": "caf\uFFFD", "content-length": "0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = ask(t, s.URL+"/status/503?after=3").Extra["http"].(map[string]any)["headers"].(map[string]any)
	if got["retry-after"] != "3" {
		t.Error(got)
	}
}

// TestHTTPRefuses: requests that expressions made wrong.
func TestHTTPRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "no.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ request, want string }{
		{`7`, `a number is no request: give a URL, or a mapping with url`},
		{`""`, `"" is no URL to ask: it must begin with http:// or https://`},
		{`{}`, `http has no url`},
		{`{"url": 1}`, `url must be a text, not a number`},
		{`"ftp://x"`, `"ftp://x" is no URL to ask: it must begin with http:// or https://`},
		{`"file:///etc/passwd"`, `"file:///etc/passwd" is no URL to ask: it must begin with http:// or https://`},
		{`"http://"`, `"http://" names no host`},
		{`"http://x\n/"`, `"http://x\n/" is no URL: net/url: invalid control character in URL`},
		{`"http://[::1"`, `"http://[::1" is no URL: missing ']' in host`},
		{`"http://me:secret@x/"`, `a name and a password do not belong into a URL, which is shown and logged: write headers: {Authorization: ...}`},
		{`{"url": "http://x", "methud": "GET"}`, `http has no key "methud"`},
		{`{"url": "http://x", "method": "get"}`, `"get" is no method: write one as GET or POST`},
		{`{"url": "http://x", "method": "GET / HTTP/1.1\r\nX"}`, `"GET / HTTP/1.1\r\nX" is no method: write one as GET or POST`},
		{`{"url": "http://x", "method": "CONNECT"}`, `CONNECT makes a tunnel and not a request`},
		{`{"url": "http://x", "headers": []}`, `headers must be a mapping, not a list`},
		{`{"url": "http://x", "headers": {"X Y": "1"}}`, `headers: "X Y" is no name of a header field`},
		{`{"url": "http://x", "headers": {"X": "hunter2\r\nHost: y"}}`, `headers: X holds a line break or another control character`},
		{`{"url": "http://x", "headers": {"X": [1]}}`, `headers: X: a list cannot stand here: write toJSON(...) if its text is meant`},
		{`{"url": "http://x", "headers": {"content-length": "1"}}`, `headers: content-length is made from the connection and the body and cannot be written`},
		{`{"url": "http://x", "headers": {"x-a": 1, "X-A": 2}}`, `headers: X-A and x-a are one field`},
		{`{"url": "http://x", "query": {"a": {}}}`, `query: a: a mapping cannot stand here: write toJSON(...) if its text is meant`},
		{`{"url": "http://x", "method": "POST", "form": "a=b"}`, `form must be a mapping, not a text`},
		{`{"url": "http://x", "body": "a"}`, `a GET with a body is not what is meant: write method: POST, or PUT or PATCH`},
		{`{"url": "http://x", "method": "POST", "body": "a", "json": 1}`, `a request has one body, and this one has both body and json`},
		{`{"url": "http://x", "expect": [200]}`, `expect must be a mapping with status`},
		{`{"url": "http://x", "expect": {"status": []}}`, `expect: status is an empty list`},
		{`{"url": "http://x", "expect": {"status": ["200"]}}`, `expect: "200" is no status`},
		{`{"url": "http://x", "save": ""}`, `save must be the path of a file`},
		{`{"url": "http://x", "save": "a/b"}`, `save: there is no folder DIR/a`},
		{`{"url": "http://x", "save": "."}`, `save: DIR is there and is no file`},
		{`{"url": "http://x", "max_bytes": "10MB"}`, `"10MB" is no size: write one as 64KiB, 10MiB or 1GiB`},
		{`{"url": "http://x", "redirects": -1}`, `redirects must be a whole number from 0 to 100, not "-1"`},
		{`{"url": "http://x", "tls": true}`, `tls must be a mapping with ca or insecure, not a boolean`},
		{`{"url": "http://x", "tls": {"cert": "x"}}`, `tls has no key "cert"`},
		{`{"url": "http://x", "tls": {"ca": 1}}`, `tls: ca must be the path of a file, not a number`},
		{`{"url": "http://x", "tls": {"insecure": "yes"}}`, `tls: insecure must be true or false, not a text`},
		{`{"url": "http://x", "tls": {"ca": "a", "insecure": true}}`, `tls: with insecure: true no certificate is checked, and ca would do nothing`},
		{`{"url": "http://x", "tls": {"ca": "a.pem"}}`, `tls: ca cannot be read: open DIR/a.pem: no such file or directory`},
		{`{"url": "http://x", "tls": {"ca": "no.pem"}}`, `tls: ca: DIR/no.pem holds no certificate in PEM`},
	} {
		v, err := event.Decode([]byte(c.request))
		if err != nil {
			t.Fatal(c.request, err)
		}
		call := httpCall(t, v)
		call.Dir = dir
		o := runHTTP(context.Background(), call)
		got := answer(o, dir, "DIR")
		if want := "ValueError: http: " + c.want; got != want {
			t.Errorf("%s\n got %s\nwant %s", c.request, got, want)
		}
	}
}

func TestHTTPSave(t *testing.T) {
	t.Parallel()
	s := serve(t, site())
	files := func(dir string) string {
		entries, _ := os.ReadDir(dir)
		var out []string
		for _, e := range entries {
			b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
			out = append(out, fmt.Sprintf("%s:%d", e.Name(), len(b)))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct{ request, want, files string }{
		{`{"url": "S/text", "save": "a.txt"}`, `"DIR/a.txt"`, "a.txt:6 old:3"},
		{`{"url": "S/text", "save": "DIR/a.txt"}`, `"DIR/a.txt"`, "a.txt:6 old:3"},
		{`{"url": "S/text", "save": "old"}`, `"DIR/old"`, "old:6"},
		{`{"url": "S/binary", "save": "old"}`, `"DIR/old"`, "old:5"},
		{`{"url": "S/gzip", "save": "old"}`, `"DIR/old"`, "old:8"},
		{`{"url": "S/status/404", "save": "old"}`, `HTTPError: GET S/status/404: 404 Not Found {"status":404} (404)`, "old:3"},
		{`{"url": "S/zeros?n=30000000", "save": "z", "max_bytes": "40MiB"}`, `"DIR/z"`, "old:3 z:30000000"},
		{`{"url": "S/zeros?n=30000000", "save": "z"}`, `OutputError: GET S/zeros?...: the body is longer than max_bytes (10MiB): raise max_bytes`, "old:3"},
		{`{"url": "S/zeros?n=30000000&length=1", "save": "z"}`, `OutputError: GET S/zeros?...: the body is longer than max_bytes (10MiB): raise max_bytes`, "old:3"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := event.Decode([]byte(strings.NewReplacer("S/", s.URL+"/", "DIR", dir).Replace(c.request)))
		if err != nil {
			t.Fatal(err)
		}
		call := httpCall(t, v)
		call.Dir = dir
		if got := answer(runHTTP(context.Background(), call), s.URL, "S", dir, "DIR"); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.request, got, c.want)
		}
		if got := files(dir); got != c.files {
			t.Errorf("%s leaves %s, want %s", c.request, got, c.files)
		}
	}
}

func TestHTTPTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(site())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	dir := t.TempDir()
	write := func(name string, cert *tls.Certificate) {
		b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.pem", &s.TLS.Certificates[0])
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	const unknown = `ConnectionError: GET S/text: the server's certificate is signed by nobody who is trusted: name the signer's file by tls: {ca: FILE}`
	for _, c := range []struct {
		request any
		want    string
	}{
		{s.URL + "/text", unknown},
		{map[string]any{"url": s.URL + "/text", "tls": map[string]any{"insecure": false}}, unknown},
		{map[string]any{"url": s.URL + "/text", "tls": map[string]any{"ca": "ca.pem"}}, `"hello\n"`},
		{map[string]any{"url": s.URL + "/text", "tls": map[string]any{"insecure": true}}, `"hello\n"`},
		{
			map[string]any{"url": "https://localhost:" + port + "/text", "tls": map[string]any{"ca": "ca.pem"}},
			`ConnectionError: GET https://localhost:PORT/text: the server's certificate is not valid: x509: certificate is valid for example.com, *.example.com, not localhost`,
		},
		{
			map[string]any{"url": s.URL + "/to?url=http://example.test/", "tls": map[string]any{"ca": "ca.pem"}},
			`HTTPError: GET S/to?...: 302 Found: it redirects from https to "http://example.test/": write that URL if it is meant {"status":302} (302)`,
		},
		{strings.Replace(s.URL, "https", "http", 1) + "/text", `HTTPError: GET http://127.0.0.1:PORT/text: 400 Bad Request: Client sent an HTTP request to an HTTPS server. {"status":400} (400)`},
	} {
		call := httpCall(t, c.request)
		call.Dir = dir
		if got := answer(runHTTP(context.Background(), call), s.URL, "S", port, "PORT"); got != c.want {
			t.Errorf("%v\n got %s\nwant %s", c.request, got, c.want)
		}
	}
	plain := serve(t, site())
	got := answer(ask(t, strings.Replace(plain.URL, "http", "https", 1)), strings.TrimPrefix(plain.URL, "http://"), "S")
	if want := "ConnectionError: GET https://S: the server does not speak TLS: http:// instead of https://?"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// fault is what a proxy in front of a server does to its answers.
type fault struct {
	after   int           // so many bytes of the answer pass
	reset   bool          // then the connection is reset; else it is closed
	stall   bool          // then nothing more comes
	instead string        // an answer of its own
	slow    time.Duration // between the bytes
}

// faulty starts a TCP proxy in front of a server. stalled gets a value when nothing more comes.
func faulty(t *testing.T, s *httptest.Server, f fault) (url string, stalled <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := make(chan struct{}, 1)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { f.pass(c.(*net.TCPConn), s.Listener.Addr().String(), silent) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return "http://" + l.Addr().String(), silent
}

func (f fault) pass(c *net.TCPConn, to string, silent chan<- struct{}) {
	defer c.Close()
	back, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer back.Close()
	request := make([]byte, 1<<16)
	n, _ := c.Read(request)
	if f.instead != "" {
		_, _ = c.Write([]byte(f.instead))
	} else {
		_, _ = back.Write(request[:n])
		b := make([]byte, 1)
		for range f.after {
			if _, err := back.Read(b); err != nil {
				break
			}
			time.Sleep(f.slow)
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	switch {
	case f.stall:
		silent <- struct{}{}
		_, _ = io.Copy(io.Discard, c) // until the other side goes away
	case f.reset:
		_ = c.SetLinger(0)
	}
}

func TestHTTPFaults(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
	}))
	head := len("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
	for _, c := range []struct {
		name string
		f    fault
		want string
	}{
		{"closed at once", fault{}, `the server closed the connection without an answer`},
		{"reset at once", fault{reset: true}, `connection reset before an answer`},
		{"closed in the head", fault{after: 20}, `the answer is not HTTP: malformed MIME header: missing colon: "Con"`},
		{"closed in the body", fault{after: head + 10}, `the connection broke after 10 bytes of the body: the server closed it`},
		{"slow, then closed", fault{after: head + 10, slow: 100 * time.Microsecond}, `the connection broke after 10 bytes of the body: the server closed it`},
		{"garbage", fault{instead: "\x00\x01\x02 garbage\r\n\r\n"}, `the answer is not HTTP: malformed HTTP status code "garbage"`},
		{"another protocol", fault{instead: "SSH-2.0-OpenSSH_9.6\r\n"}, `the answer is not HTTP: malformed HTTP response "SSH-2.0-OpenSSH_9.6"`},
		{"half a chunk", fault{instead: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"}, `the connection broke after 3 bytes of the body: the server closed it`},
		{"no chunk", fault{instead: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"}, `the connection broke after 0 bytes of the body: invalid byte in chunk length`},
		{"a head without end", fault{instead: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHeaderBytes+10_000)}, `the answer is not HTTP: net/http: server response headers exceeded 1048576 bytes; aborted`},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, _ := faulty(t, s, c.f)
			for _, save := range []bool{false, true} {
				request := map[string]any{"url": url}
				if save {
					request["save"] = "f"
				}
				call := httpCall(t, request)
				want := "ConnectionError: GET P: " + c.want
				if got := answer(runHTTP(context.Background(), call), url, "P"); got != want {
					t.Errorf("\n got %s\nwant %s", got, want)
				}
				if left, _ := os.ReadDir(call.Dir); len(left) > 0 {
					t.Errorf("it leaves %s", left[0].Name())
				}
			}
		})
	}
	url, _ := faulty(t, s, fault{after: head + 1000, slow: 10 * time.Microsecond})
	if o := ask(t, url); o.Status != event.Succeeded || len(o.Value.(string)) != 1000 {
		t.Errorf("slow, but whole: %s", answer(o))
	}
	url, _ = faulty(t, s, fault{after: head + 10, reset: true})
	got := answer(ask(t, url), url, "P")
	// A reset overtakes what was sent before it, so how far the client had come is anybody's guess.
	if !regexp.MustCompile(`^ConnectionError: GET P: (the connection broke after \d+ bytes? of the body: connection reset|connection reset before an answer|the server closed the connection without an answer|the answer is not HTTP: malformed MIME header: .*)$`).MatchString(got) {
		t.Errorf("reset in the body: %s", got)
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	t.Parallel()
	const addr = "127.0.0.1:1" // a port that was free a moment ago may be another's by now
	if got, want := answer(ask(t, "http://"+addr), addr, "A"), "ConnectionError: GET http://A: connection refused: nothing listens there"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	got := answer(ask(t, "http://no-such-host.invalid/x?key=1"))
	if !strings.HasPrefix(got, "ConnectionError: GET http://no-such-host.invalid/x?...: the host no-such-host.invalid ") {
		t.Errorf("got %s", got)
	}
}

// TestHTTPCancel: a step that is told to stop ends at once wherever it is, closes its connection and leaves no goroutine.
func TestHTTPCancel(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
	}))
	refused := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
	}))
	for _, c := range []struct {
		name string
		s    *httptest.Server
		f    fault
		over func(url string) any
	}{
		{"before an answer", s, fault{stall: true}, func(u string) any { return u }},
		{"in the head", s, fault{stall: true, after: 20}, func(u string) any { return u }},
		{"in the body", s, fault{stall: true, after: 200}, func(u string) any { return u }},
		{"in the body of an error", refused, fault{stall: true, after: 200}, func(u string) any { return u }},
		{"in a file", s, fault{stall: true, after: 200}, func(u string) any { return map[string]any{"url": u, "save": "f"} }},
		{"in TLS", s, fault{stall: true}, func(u string) any { return strings.Replace(u, "http:", "https:", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) }) // after the proxy's own cleanup
			url, stalled := faulty(t, c.s, c.f)
			call := httpCall(t, c.over(url))
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan event.Outcome)
			go func() { ended <- runHTTP(ctx, call) }()
			<-stalled
			cancel()
			select {
			case o := <-ended:
				if o.Status == event.Succeeded {
					t.Error("it succeeded")
				}
			case <-time.After(time.Minute):
				t.Fatal("it goes on")
			}
			if left, _ := os.ReadDir(call.Dir); len(left) > 0 {
				t.Errorf("it leaves %s", left[0].Name())
			}
		})
	}
}

// TestHTTPErrorBodyStalls: an error does not wait for its body for ever.
func TestHTTPErrorBodyStalls(t *testing.T) {
	t.Parallel()
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		_, _ = w.Write([]byte("busy, because" + strings.Repeat(" ", 1000)))
	}))
	head := "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1013\r\n\r\nbusy"
	url, _ := faulty(t, s, fault{instead: head, stall: true})
	if got, want := answer(ask(t, url), url, "P"), `HTTPError: GET P: 503 Service Unavailable: busy {"status":503} (503)`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestHTTPProxy: the environment of the step names the proxy.
func TestHTTPProxy(t *testing.T) {
	t.Parallel()
	p := serve(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, "proxy got %s %s", q.RequestURI, q.Header.Get("Proxy-Authorization"))
	}))
	s := serve(t, site())
	addr := strings.TrimPrefix(p.URL, "http://")
	for _, c := range []struct{ env, url, want string }{
		{"http_proxy=http://P", "http://example.test/a", `"proxy got http://example.test/a "`},
		{"HTTP_PROXY=P", "http://example.test/a", `"proxy got http://example.test/a "`},
		{"HTTP_PROXY=http://u:p@P", "http://example.test/a", `"proxy got http://example.test/a Basic dTpw"`},
		{"HTTP_PROXY=http://P https_proxy=http://127.0.0.1:1", s.URL + "/text", `"hello\n"`},
		{"HTTPS_PROXY=http://P", "https://example.test/a", `ConnectionError: GET https://example.test/a: Forbidden`},
		{"HTTP_PROXY=ftp://P", "http://example.test/a", `ConnectionError: GET http://example.test/a: the variable http_proxy names a proxy of the kind ftp, which is not known: http, https, socks5`},
	} {
		call := httpCall(t, c.url)
		for _, v := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(v, "=")
			call.Env = append(call.Env, name+"="+strings.Replace(value, "P", addr, 1))
		}
		if got := answer(runHTTP(context.Background(), call)); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.env, c.url, got, c.want)
		}
	}
}

func TestNoProxy(t *testing.T) {
	for _, c := range []struct {
		list, url string
		direct    bool
	}{
		{"", "http://example.com", false},
		{"", "http://localhost:80", true},
		{"", "http://127.1.2.3", true},
		{"", "http://[::1]:8", true},
		{"*", "http://example.com", true},
		{"example.com", "http://EXAMPLE.com", true},
		{"example.com", "http://a.example.com", true},
		{"example.com", "http://badexample.com", false},
		{".example.com", "http://example.com", false},
		{".example.com, x", "http://a.example.com", true},
		{"*.example.com", "http://a.example.com", true},
		{"*.example.com", "http://example.com", false},
		{"example.com:8080", "http://example.com", false},
		{"example.com:80", "http://example.com", true},
		{"example.com:443", "https://example.com", true},
		{"192.0.2.0/24", "http://192.0.2.7", true},
		{"192.0.2.0/24", "http://192.0.3.7", false},
		{"192.0.2.0/24", "http://x192.0.2.7", false},
		{"192.0.2.7", "http://192.0.2.7:8080", true},
		{"2001:db8::/32", "http://[2001:db8::1]", true},
		{"[2001:db8::1]:80", "http://[2001:db8::1]", true},
		{"2001:db8::1", "http://[2001:db8::1]:99", true},
		{" , ,", "http://example.com", false},
	} {
		u, err := readURL(c.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := direct(u, c.list); got != c.direct {
			t.Errorf("no_proxy=%q %s: %v", c.list, c.url, got)
		}
	}
	get := proxy([]string{"HTTP_PROXY=http://p", "REQUEST_METHOD=GET"})
	if u, err := get(&http.Request{URL: &url.URL{Scheme: "http", Host: "x"}}); u != nil || err != nil {
		t.Errorf("a client's header field names the proxy: %v %v", u, err)
	}
}
