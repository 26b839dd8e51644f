package docs_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestHTTPExamples runs the workflows of http.md against a server that is as they say.
func TestHTTPExamples(t *testing.T) {
	var jobs, flaky atomic.Int32
	mux := http.NewServeMux()
	as := func(path, contentType, text string, seen func(q *http.Request) bool) {
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			if seen != nil && !seen(q) {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Server", "test")
			fmt.Fprint(w, text)
		})
	}
	as("GET /status.json", "application/json", `{"state": "up"}`, nil)
	as("GET /releases", "application/json", `[1, 2]`, func(q *http.Request) bool { return q.URL.RawQuery == "state=open&state=draft&tag=v1.2" })
	as("POST /deploys", "text/plain", "ok", func(q *http.Request) bool {
		b, _ := io.ReadAll(q.Body)
		return string(b) == `{"count":2,"tag":"v1.2"}` && q.Header.Get("Authorization") == "Bearer hunter22"
	})
	as("GET /flaky", "text/plain", "ok", func(*http.Request) bool { return flaky.Add(1) == 3 })
	mux.HandleFunc("GET /job", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"state": %q}`, map[bool]string{true: "done", false: "queued"}[jobs.Add(1) > 2])
	})
	as("GET /tool.bin", "application/octet-stream", "\xff\x00", nil)
	as("GET /items", "text/plain", "item", func(q *http.Request) bool { return q.FormValue("page") != "" })
	server := httptest.NewServer(mux)
	defer server.Close()

	workflow := regexp.MustCompile("(?s)```yaml\n(flowrun: 1.*?)```")
	for i, m := range workflow.FindAllStringSubmatch(read(t, "http.md"), -1) {
		file, err := spec.Parse("http.md", []byte(m[1]), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Compile(file, plan.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := executor.Run(context.Background(), p, executor.Options{
			Inputs: map[string]any{"base": server.URL}, Env: []string{"TOKEN=hunter22", "PATH=" + os.Getenv("PATH")},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Exit != 0 {
			t.Errorf("workflow %d: %v", i, r.Root.Outcome.Err)
		}
	}
}
