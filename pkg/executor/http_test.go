package executor_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestHTTPInARun: what an http step gives to expressions, what of a secret is seen, and that a sibling's failure ends it.
func TestHTTPInARun(t *testing.T) {
	closed := make(chan struct{})
	waiting := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Seen", q.Header.Get("Authorization"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "you said ", q.Header.Get("Authorization"))
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, q *http.Request) {
		close(waiting)
		<-q.Context().Done()
		close(closed)
	})
	mux.HandleFunc("/when-waiting", func(w http.ResponseWriter, _ *http.Request) {
		<-waiting
		w.WriteHeader(http.StatusInternalServerError)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	src := `
flowrun: 1
secrets: [TOKEN]
inputs: {base: {type: string}}
steps:
  - id: echo
    http: {url: "${{ inputs.base }}/echo", headers: {Authorization: "Bearer ${{ secrets.TOKEN }}"}}
    retry: {attempts: 2}
    except:
      - match: {type: HTTPError, when: error.status == 418}
        value: ${{ error.status }}
  - {id: tea, http: {url: "${{ inputs.base }}/echo", expect: {status: 418}}}
  - id: both
    taskgroup:
      - {id: hang, http: "${{ inputs.base }}/hang"}
      - {id: fail, http: "${{ inputs.base }}/when-waiting"}
    except:
      - {match: HTTPError, value: caught}
result: ${{ [steps.echo.value, steps.echo.attempts, steps.tea.http.status, steps.both.value, steps.hang.status] }}
`
	file, err := spec.Parse("f.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(file, plan.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r, err := executor.Run(context.Background(), p, executor.Options{
		Inputs: map[string]any{"base": server.URL}, Env: []string{"TOKEN=hunter22"},
		Observe: []func(event.Event){ndjson.New(&out, p, "01K").Observe},
	})
	if err != nil {
		t.Fatal(err)
	}
	<-closed
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(r.Root.Outcome.Value), "[418 2 418 caught cancelled]"; got != want {
		t.Errorf("got %s, want %s: %v", got, want, r.Root.Outcome.Err)
	}
	if strings.Contains(out.String(), "hunter22") || !strings.Contains(out.String(), "you said Bearer ***") {
		t.Errorf("the secret is not masked:\n%s", out.String())
	}
}

// TestNoNetwork: the language, the plan and the kernel have nothing to do with HTTP.
func TestNoNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../spec", "./plan", "./kernel", "./event", "./sim").Output()
	if err != nil {
		t.Skip("no go command: ", err)
	}
	if deps := strings.Fields(string(out)); slices.Contains(deps, "net/http") {
		t.Error("one of them imports net/http")
	}
}
