package ui_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/played"
	"github.com/flowrun/flowrun/pkg/report/ui"
)

// fixture is a state folder with one run, whose journal grows as the test wants, and a server for it.
type fixture struct {
	t         *testing.T
	server    *ui.Server
	state     string
	writer    *journal.Writer
	events    []event.Event // that are not written
	log       string
	cancelled int
	resumed   int
}

const flow = `flowrun: 1
name: served <b>
steps:
  - {id: one, run: first}
  - {id: two, run: second}
`

func newFixture(t *testing.T) *fixture {
	t.Helper()
	p, events := played.Events(t, map[string]string{"flow.yaml": flow, "stdout/one": "hello\n", "work/two": "2s 3\n"})
	f := &fixture{t: t, state: t.TempDir(), events: events}
	keep := journal.Keep{
		Folder: journal.Of(f.state, played.RunID), Command: journal.Command{Flowrun: "1.2.3", Again: "flowrun run flow.yaml"},
		Sources: []journal.Source{{Name: "flow.yaml", Path: "/here/flow.yaml", Text: []byte(flow)}},
	}
	var err error
	f.writer, err = journal.Create(keep, journal.Header{Run: played.RunID, Workflow: p.Name, File: "flow.yaml", Start: played.Start}, journal.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	f.log = filepath.Join(keep.Folder, "logs", "one", "1")
	if err := errors.Join(os.MkdirAll(filepath.Dir(f.log), 0o700), os.WriteFile(f.log+".stdout", []byte("hello\n<script>\x1b[2J"), 0o600)); err != nil {
		t.Fatal(err)
	}
	look := func() *journal.Run { return journal.Look(f.state, played.RunID) }
	f.server = ui.New(ui.Source{
		List: func() ([]*journal.Run, error) { return []*journal.Run{look()}, nil },
		Find: func(id string) *journal.Run {
			if id != played.RunID {
				return nil
			}
			return look()
		},
		Model:  func(*journal.Run) (*model.Run, error) { return model.New(p, played.RunID), nil },
		Cancel: func(*journal.Run) error { f.cancelled++; return nil },
		Resume: func(*journal.Run) error { f.resumed++; return errors.New("the file has changed") },
	}, "4711")
	return f
}

// write writes the next n events; fewer than 0: all that are left, and the end.
func (f *fixture) write(n int) {
	f.t.Helper()
	end := n < 0
	if end {
		n = len(f.events)
	}
	for _, e := range f.events[:n] {
		f.writer.Observe(e)
	}
	f.events = f.events[n:]
	if err := f.writer.Commit(); err != nil {
		f.t.Fatal(err)
	}
	if end {
		if err := f.writer.End(func(w io.Writer) error { _, err := io.WriteString(w, "{}\n"); return err }); err != nil {
			f.t.Fatal(err)
		}
	}
}

// ask asks for a path behind the token. change may change the request.
func (f *fixture) ask(method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, f.server.URL()+path, nil)
	r.Header.Set("Origin", "http://"+r.Host)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	return w
}

// TestGuard: who does not have the address, or comes from elsewhere, gets nothing, and changes nothing.
func TestGuard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(3)
	run := "runs/" + played.RunID
	for _, c := range []struct {
		name, method, path string
		change             func(*http.Request)
		want               int
	}{
		{"the list", "GET", "", nil, 200},
		{"by the name localhost", "GET", "", func(r *http.Request) { r.Host = "localhost:4711" }, 200},
		{"by another name", "GET", "", func(r *http.Request) { r.Host = "evil.example:4711" }, 421},
		{"by another port", "GET", "", func(r *http.Request) { r.Host = "127.0.0.1:80" }, 421},
		{"without a name", "GET", "", func(r *http.Request) { r.Host = "" }, 421},
		{"without the token", "GET", "", func(r *http.Request) { r.URL.Path = "/" }, 404},
		{"with a part of the token", "GET", "", func(r *http.Request) { r.URL.Path = r.URL.Path[:len(r.URL.Path)-3] + "/" }, 404},
		{"another's token", "GET", "", func(r *http.Request) { r.URL.Path = "/" + strings.Repeat("A", 26) + "/" }, 404},
		{"a run", "GET", run, nil, 200},
		{"no run", "GET", "runs/01", nil, 404},
		{"a folder above", "GET", "runs/%2e%2e", nil, 404},
		{"cancel by GET", "GET", run + "/cancel", nil, 405},
		{"cancel by PUT", "PUT", run + "/cancel", nil, 405},
		{"the list by POST", "POST", "", nil, 405},
		{"cancel from elsewhere", "POST", run + "/cancel", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"cancel from a file", "POST", run + "/cancel", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"cancel from nowhere", "POST", run + "/cancel", func(r *http.Request) { r.Header.Del("Origin") }, 403},
		{"cancel without the token", "POST", run + "/cancel", func(r *http.Request) { r.URL.Path = "/runs/" + played.RunID + "/cancel" }, 404},
		{"cancel by another name", "POST", run + "/cancel", func(r *http.Request) {
			r.Host = "evil.example:4711"
			r.Header.Set("Origin", "http://evil.example:4711")
		}, 421},
		{"resume what is going on", "POST", run + "/resume", nil, 409},
	} {
		w := f.ask(c.method, c.path, c.change)
		if w.Code != c.want {
			t.Errorf("%s: %d, not %d: %s", c.name, w.Code, c.want, w.Body)
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "frame-ancestors 'none'", "Access-Control-Allow-Origin": "",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, not %q", c.name, name, got, want)
			}
		}
		if c.want != 200 && strings.Contains(w.Body.String(), "served") {
			t.Errorf("%s: tells of a run: %s", c.name, w.Body)
		}
	}
	if f.cancelled+f.resumed > 0 {
		t.Error("something was done")
	}
}

// TestActions: what is asked for by a page of the server is done, where there is something to do.
func TestActions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(3)
	if w := f.ask("POST", "runs/"+played.RunID+"/cancel", nil); w.Code != 200 || f.cancelled != 1 {
		t.Error(w.Code, w.Body, f.cancelled)
	}
	f.write(-1)
	if w := f.ask("POST", "runs/"+played.RunID+"/cancel", nil); w.Code != 409 || f.cancelled != 1 {
		t.Error(w.Code, w.Body, f.cancelled)
	}
	if w := f.ask("POST", "runs/"+played.RunID+"/resume", nil); w.Code != 409 || f.resumed != 1 || !strings.Contains(w.Body.String(), "the file has changed") {
		t.Error(w.Code, w.Body, f.resumed)
	}
}

// TestPages: what is shown is text.
func TestPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(-1)
	for _, path := range []string{"", "runs/" + played.RunID} {
		w := f.ask("GET", path, nil)
		for _, want := range []string{"served &lt;b&gt;", "✗ failed", "connect-src 'self'"} {
			if path == "" || want != "✗ failed" {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%q: there is no %q in\n%s", path, want, w.Body)
				}
			}
		}
		if strings.Contains(w.Body.String(), "<b>") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%q: %v\n%s", path, w.Header(), w.Body)
		}
		if strings.Contains(w.Body.String(), strings.Split(f.server.URL(), "/")[3]) {
			t.Errorf("%q tells the token", path)
		}
	}
}

// TestLog: a log is given as it is, and nothing else is.
func TestLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(-1)
	secret := filepath.Join(f.state, "secret.stdout")
	if err := errors.Join(os.WriteFile(secret, []byte("secret"), 0o600), os.Symlink(secret, filepath.Join(filepath.Dir(f.log), "9.stdout"))); err != nil {
		t.Fatal(err)
	}
	at := "runs/" + played.RunID + "/log?stream=stdout&log="
	w := f.ask("GET", at+"one/1", nil)
	if w.Code != 200 || w.Body.String() != "hello\n<script>\x1b[2J" || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Error(w.Code, w.Header(), w.Body)
	}
	for _, bad := range []string{
		"one/2", "one/9", "one", "", "../inputs.json", "../../secret", "one/../../../../secret", "/etc/passwd", "one/1%00", "one/1&stream=json", "..%2f..%2fsecret",
	} {
		w := f.ask("GET", strings.Replace(at, "stream=stdout&log=", "log="+bad+"&stream=stdout", 1), nil)
		if strings.Contains(bad, "stream=") {
			w = f.ask("GET", "runs/"+played.RunID+"/log?log="+bad, nil)
		}
		if w.Code != 404 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
}

// stream reads server-sent events.
type stream struct {
	*bufio.Scanner
	id string
}

// next is the next message.
func (s *stream) next(t *testing.T) (m struct {
	Now   float64
	Head  string
	Steps []struct{ P, S string }
	End   bool
},
) {
	t.Helper()
	for s.Scan() {
		if id, ok := strings.CutPrefix(s.Text(), "id: "); ok {
			s.id = id
		}
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &m); err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
	t.Fatal("the stream has ended", s.Err())
	return m
}

// TestEvents: who follows a run gets what its journal says as soon as it is there, what it does not know already, and the end.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(4) // up to the begin of one
	// A server of its own, whose address is not the one that Handler expects: the name is that all the same.
	server := httptest.NewServer(f.server.Handler())
	defer server.Close()
	follow := func(since, last string) (*stream, func()) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(f.server.URL(), "127.0.0.1:4711", server.Listener.Addr().String(), 1)+"runs/"+played.RunID+"/events?since="+since, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "127.0.0.1:4711"
		r.Header.Set("Last-Event-ID", last)
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatal(err, answer)
		}
		in := bufio.NewScanner(answer.Body)
		in.Buffer(nil, 1<<20)
		return &stream{Scanner: in}, func() { _ = answer.Body.Close() }
	}
	all, stop := follow("0", "")
	defer stop()
	first := all.next(t)
	if len(first.Steps) != 2 || first.Steps[1].P != "one" || first.Steps[1].S != "running" || !strings.Contains(first.Head, "1 running") || first.End {
		t.Errorf("%+v", first)
	}
	seen := all.id
	f.write(2)
	var rows []string
	for len(rows) == 0 || rows[len(rows)-1] != "two running" {
		for _, s := range all.next(t).Steps {
			rows = append(rows, s.P+" "+s.S)
		}
	}
	if got := strings.Join(rows, ", "); !strings.HasSuffix(got, "one succeeded, two running") {
		t.Error(got)
	}
	again, stop := follow("0", seen) // a browser that has lost the connection
	defer stop()
	if m := again.next(t); len(m.Steps) != 2 || m.Steps[0].P != "one" || m.Steps[0].S != "succeeded" {
		t.Errorf("%+v", m)
	}
	f.write(-1)
	for _, s := range []*stream{all, again} {
		m := s.next(t)
		for !m.End {
			m = s.next(t)
		}
		if s.Scan(); s.Text() != "" || s.Scan() {
			t.Error("more comes behind the end:", s.Text())
		}
	}
	if late, stop := follow("0", ""); true {
		defer stop()
		if m := late.next(t); !m.End || len(m.Steps) != 3 || !strings.Contains(m.Head, "1 failed") {
			t.Errorf("%+v", m)
		}
	}
}

// TestServeEnds: a server ends with its context, also while somebody follows a run.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.write(3)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.server.Serve(ctx, l) }()
	r, err := http.NewRequestWithContext(t.Context(), "GET", strings.Replace(f.server.URL(), "127.0.0.1:4711", l.Addr().String(), 1)+"runs/"+played.RunID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "127.0.0.1:4711"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	end()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if _, err := io.ReadAll(answer.Body); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Log(err) // how a stream is cut off does not matter
	}
}
