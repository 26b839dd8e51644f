//go:build unix

package steps

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// probe asks as `ready` does, quickly unless args say otherwise.
func probe(t *testing.T, args kind.Args) event.Outcome {
	t.Helper()
	for key, v := range map[string]any{"every": "1ms", "timeout": soon.String()} {
		if args[key] == nil {
			args[key] = v
		}
	}
	call, _ := newCall(t, args)
	return runReady(t.Context(), call)
}

// away is an address where nobody listens: a port that was free a moment ago may be another's by now.
const away = "127.0.0.1:1"

func TestReadyTCP(t *testing.T) {
	// The port is taken, and nobody listens yet.
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	unix.CloseOnExec(s)
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan event.Outcome)
	go func() {
		ended <- probe(t, kind.Args{"tcp": fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port)})
	}()
	if err := unix.Listen(s, 1); err != nil {
		t.Fatal(err)
	}
	if o := <-ended; o.Status != event.Succeeded || o.Value != nil {
		t.Errorf("%s %v", o.Status, o.Err)
	}
}

func TestReadyHTTP(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := asked.Add(1); n < 3 || r.Header.Get("X-Key") != "k" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		for { // nobody reads it to its end
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	o := probe(t, kind.Args{"http": map[string]any{"url": s.URL, "headers": map[string]any{"X-Key": "k"}}})
	if o.Status != event.Succeeded || asked.Load() != 3 {
		t.Errorf("%s %v after %d requests", o.Status, o.Err, asked.Load())
	}
	o = probe(t, kind.Args{"http": map[string]any{"url": s.URL, "expect": map[string]any{"status": 503}}})
	if o.Status != event.Succeeded {
		t.Errorf("%s %v", o.Status, o.Err)
	}
}

func TestReadyRun(t *testing.T) {
	dir := t.TempDir()
	o := probe(t, kind.Args{"dir": dir, "run": `echo >> tries; test "$(wc -l < tries)" -ge 3`})
	tries, err := os.ReadFile(filepath.Join(dir, "tries"))
	if o.Status != event.Succeeded || err != nil || string(tries) != "\n\n\n" {
		t.Errorf("%s %v after %q, %v", o.Status, o.Err, tries, err)
	}
	if o := probe(t, kind.Args{"run": []any{"sh", "-c", "exit 0"}}); o.Status != event.Succeeded {
		t.Errorf("%s %v", o.Status, o.Err)
	}
}

// TestReadyNot: what is said when a service is not ready.
func TestReadyNot(t *testing.T) {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	for name, c := range map[string]struct {
		args kind.Args
		want string
	}{
		"tcp":            {kind.Args{"tcp": away}, "TimeoutError: not ready within LIMIT; last answer: connection refused"},
		"http":           {kind.Args{"http": busy.URL}, "TimeoutError: not ready within LIMIT; last answer: HTTP 503"},
		"http, nobody":   {kind.Args{"http": "http://" + away}, "TimeoutError: not ready within LIMIT; last answer: connection refused: nothing listens there"},
		"run":            {kind.Args{"run": "exit 7"}, "TimeoutError: not ready within LIMIT; last answer: exit status 7"},
		"run, words":     {kind.Args{"run": "echo a; echo no response >&2; exit 2"}, "TimeoutError: not ready within LIMIT; last answer: exit status 2: no response"},
		"run, too long":  {kind.Args{"run": "sleep 1000"}, "TimeoutError: not ready within LIMIT; last answer: none"},
		"run, not there": {kind.Args{"run": []any{"./nothing-here"}}, "StartError: ./nothing-here was not found in DIR"},
		"log":            {kind.Args{"log": "up"}, "TimeoutError: not ready within LIMIT; last answer: no line matched"},
		"no address":     {kind.Args{"tcp": "5432"}, `ValueError: ready: tcp: "5432" is no address: write host and port, as 127.0.0.1:5432`},
		"no url":         {kind.Args{"http": "ftp://x"}, "ValueError: http: *"},
		"every 0":        {kind.Args{"tcp": away, "every": 0}, "ValueError: ready: every is 0s, want more than 0"},
		"timeout":        {kind.Args{"tcp": away, "timeout": "soon"}, "ValueError: ready: timeout: *"},
		"nothing":        {kind.Args{}, "ValueError: ready: there is nothing to ask: give tcp, http, run or log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.args["dir"] = dir
			_, given := c.args["timeout"]
			var o event.Outcome
			var got string
			// On a busy machine the first answer takes its time.
			for limit := 50 * time.Millisecond; limit < soon; limit *= 8 {
				if !given {
					c.args["timeout"] = limit.String()
				}
				if o = probe(t, c.args); o.Status != event.Failed {
					t.Fatalf("it %s", o.Status)
				}
				got = strings.NewReplacer(dir, "DIR", "within "+limit.String(), "within LIMIT").Replace(o.Err.Error())
				if got == c.want || !strings.HasSuffix(got, "last answer: none") {
					break
				}
			}
			if begin, any := strings.CutSuffix(c.want, "*"); got != c.want && !(any && strings.HasPrefix(got, begin)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if o.Err.Type == event.TimeoutError && (o.Err.Fields["scope"] != "ready" || o.Err.Fields["of"] != "tests[1]") {
				t.Errorf("fields: %v", o.Err.Fields)
			}
		})
	}
}

// TestReadyCancel: a probe that is told to stop ends at once, whatever it is doing, and nothing of it stays.
func TestReadyCancel(t *testing.T) {
	asked := make(chan struct{}, 100)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer silent.Close()
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	var held *os.File // every process of the probe has it open
	for name, c := range map[string]struct {
		args  kind.Args
		begun func()
	}{
		"tcp":  {kind.Args{"tcp": away, "every": "1000s"}, func() {}},
		"http": {kind.Args{"http": silent.URL}, func() { <-asked }},
		"log":  {kind.Args{"log": "up"}, func() {}},
		"run": {kind.Args{"run": fmt.Sprintf("trap '' TERM; exec 3>%s; sleep 1000 & echo >&3; wait", fifo)}, func() {
			held, _ = os.Open(fifo)
			_, _ = held.Read(make([]byte, 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c.args["timeout"] = "1000s"
			call, _ := newCall(t, c.args)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan event.Outcome)
			go func() { ended <- runReady(ctx, call) }()
			c.begun()
			cancel()
			select {
			case o := <-ended:
				if o.Status != event.Cancelled {
					t.Errorf("%s %v", o.Status, o.Err)
				}
			case <-time.After(soon):
				t.Fatal("it goes on")
			}
		})
	}
	defer held.Close()
	_ = held.SetReadDeadline(time.Now().Add(soon))
	if n, err := held.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a process of the probe lives on: %d, %v", n, err)
	}
}

// TestReadyLog: a run step tells when a line of its output, of either stream, matches.
func TestReadyLog(t *testing.T) {
	for _, stream := range []string{"1", "2"} {
		call, _ := newCall(t, kind.Args{"run": "echo starting; echo listening on 80 >&" + stream + "; sleep 1000"})
		ready := make(chan struct{}, 2)
		call.ReadyLine, call.Ready = regexp.MustCompile(`^listening on \d+$`), func() { ready <- struct{}{} }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan event.Outcome)
		go func() { ended <- run(ctx, call) }()
		select {
		case <-ready:
		case <-time.After(soon):
			t.Error("no line matched")
		}
		cancel()
		if o := <-ended; !strings.Contains(fmt.Sprint(o.Extra["stdout"], o.Extra["stderr"]), "listening on 80") {
			t.Errorf("it said %v", o.Extra)
		}
	}
}
