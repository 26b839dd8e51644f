package files_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/report/files"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/played"
)

const small = `flowrun: 1
name: small
steps:
  - {id: a, run: [a]}
  - {id: b, run: [b], retry: {attempts: 2}}
`

// tell plays a run for the set that open gives.
func tell(t *testing.T, wanted []string, opt files.Options) (*files.Set, *model.Run, error) {
	t.Helper()
	p, events := played.Events(t, map[string]string{"flow.yaml": small, "work/b@1": "1s 1"})
	r := model.New(p, played.RunID)
	set, err := files.Open(wanted, r, opt)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range events {
		set.Observe(e)
	}
	return set, r, nil
}

// TestRefused: what cannot be is known before anything starts.
func TestRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("flow.yaml", []byte(small), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("flow.yaml", "link.yaml"); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct{ wanted, want, hint string }{
		{"junt=x", `"junt" is none of `, "did you mean junit?"},
		{"json=x", `"json" is none of `, ""},
		{"junit", `"junit" has no PATH`, "write junit=PATH, or junit=- for standard output"},
		{"junit=", `"junit=" has no PATH`, "write junit=PATH, or junit=- for standard output"},
		{"junit=.", " is a folder", ""},
		{"junit=flow.yaml/x/y", "not a directory", ""},
		{"md=flow.yaml", " is a file of the workflow", "name another file"},
		{"md=link.yaml", " is a file of the workflow", "name another file"},
		{"md=out/../a junit=a", "md and junit cannot both go to ", "name another file"},
		{"md=- junit=-", "junit=-: md=- has standard output", "name a file for one of them"},
		{"md=http://localhost/", "md cannot be sent to http://localhost/", "name a file"},
		{"otlp=http://", "otlp=http:// has no host", "as http://localhost:4318"},
	} {
		_, _, err := tell(t, strings.Fields(c.wanted), files.Options{Stdout: io.Discard, Used: []string{"flow.yaml"}})
		wrong, ok := err.(files.WrongError)
		if !ok || !strings.Contains(wrong.Text, c.want) || wrong.Hint != c.hint {
			t.Errorf("%s: %q (%q), want %q (%q)", c.wanted, wrong.Text, wrong.Hint, c.want, c.hint)
		}
	}
	if _, _, err := tell(t, []string{"md=-"}, files.Options{}); err == nil || !strings.Contains(err.Error(), "standard output is taken") {
		t.Error(err)
	}
	if list, err := os.ReadDir("."); err != nil || len(list) != 2 {
		t.Errorf("something was left behind: %v", list)
	}
}

// TestFolderOfOthers: a folder that cannot be written is known before, too.
func TestFolderOfOthers(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tell(t, []string{"md=" + filepath.Join(dir, "x")}, files.Options{}); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Error(err)
	}
}

// TestWhole: a file is there as it was before, until all of the report is; a link stays one, and the mode is that of before.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", link); err != nil {
		t.Skip(err)
	}
	set, _, err := tell(t, []string{"md=" + link, "events=" + filepath.Join(dir, "e")}, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(real); err != nil || string(b) != "before" {
		t.Fatalf("before the end it is %q, %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "e")); err != nil || len(b) == 0 {
		t.Errorf("events are not written as they happen: %v", err)
	}
	if problems := set.Write(); len(problems) > 0 {
		t.Fatal(problems)
	}
	b, err := os.ReadFile(link)
	if err != nil || !strings.HasPrefix(string(b), "## ✓ `small` succeeded") {
		t.Errorf("%q, %v", b, err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(real); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 3 {
		t.Errorf("%v", list)
	}
}

// TestDevice: what is no file is written to and stays what it is; when it takes nothing, that is told, and the others are written.
func TestDevice(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "x")
	set, _, err := tell(t, []string{"junit=/dev/full", "events=/dev/full", "trace=/dev/null", "md=" + path}, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(set.Write())
	want := "[the junit report cannot be written: /dev/full: no space left on device the events report cannot be written: /dev/full: no space left on device]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&os.ModeDevice == 0 {
		t.Fatal("/dev/null was replaced")
	}
	if b, err := os.ReadFile(path); err != nil || len(b) == 0 {
		t.Error(err)
	}
}

// TestHome: the shell does not know a path behind the =.
func TestHome(t *testing.T) {
	home := t.TempDir()
	set, _, err := tell(t, []string{"md=~/a/b"}, files.Options{Env: func(string) string { return home }})
	if err != nil || len(set.Write()) > 0 {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, "a", "b")); err != nil {
		t.Error(err)
	}
}

// TestEndpoint: what is posted, where, and what is said of an answer.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	type seen struct {
		path, kind, key string
		spans           int
	}
	var got []seen
	answer := func(w http.ResponseWriter) {}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []json.RawMessage }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		got = append(got, seen{r.Method + r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Key"), len(request.ResourceSpans[0].ScopeSpans[0].Spans)})
		answer(w)
	}))
	defer server.Close()
	env := func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b,other=c"}[name]
	}
	send := func(path string) string {
		set, _, err := tell(t, []string{"otlp=" + server.URL + path}, files.Options{Env: env})
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		text := ""
		for _, p := range set.Write() {
			if !p.Sent {
				t.Error("it was not to be written")
			}
			text += strings.ReplaceAll(p.Error(), server.URL, "URL")
		}
		return text
	}
	for _, c := range []struct{ path, want string }{{"", "POST/v1/traces"}, {"/", "POST/v1/traces"}, {"/x/y", "POST/x/y"}} {
		if text := send(c.path); text != "" {
			t.Error(text)
		}
		if want := (seen{c.want, "application/json", "a b", 6}); len(got) != 1 || got[0] != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	for _, c := range []struct {
		code       int
		body, want string
	}{
		{503, "busy \x1b[31m\nlater", "the otlp report cannot be sent: URL/v1/traces answered 503 Service Unavailable: busy later"},
		{200, `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`, "the otlp report cannot be sent: URL/v1/traces refused 3 spans: too old"},
		{200, `{"partialSuccess":{}}`, ""},
		{202, `what`, ""},
	} {
		answer = func(w http.ResponseWriter) {
			w.WriteHeader(c.code)
			_, _ = io.WriteString(w, c.body)
		}
		if text := send(""); text != c.want {
			t.Errorf("%q, want %q", text, c.want)
		}
	}
}
