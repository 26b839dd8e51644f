package steps

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// What holds for a probe when the key is not written, and how long one try of it may take at most: a connection that hangs,
// or a script that does, says nothing about the next.
const (
	defaultEvery = 200 * time.Millisecond
	defaultReady = 30 * time.Second
	longestTry   = 10 * time.Second
)

func readyKind() *kind.Kind {
	return &kind.Kind{
		Name:        "ready",
		Title:       "Ask whether a service is ready",
		Description: "Tries again and again, and succeeds when the service answers as it should.",
		Probe:       true,
		Keys: []kind.Key{{
			Name: "ready",
			Description: "Makes a background step a service: the list goes on only when it is ready, and fails at once when it ends by itself. " +
				"Asks by one of tcp, http, run and log, every 200ms, within 30s.",
			Schema: readySchema,
			Mode:   kind.Typed,
			Examples: []string{
				`ready: {tcp: "127.0.0.1:5432"}`,
				`ready: {http: "http://127.0.0.1:8080/health", timeout: 1m}`,
				`ready: {run: [pg_isready, -h, localhost], every: 1s}`,
				`ready: {log: "listening on port [0-9]+"}`,
			},
		}},
		Check: checkReady,
		Quote: quoteScript,
		Run:   runReady,
	}
}

const readySchema = `{"title": "ready", "type": "object", "additionalProperties": false, "properties": {
	"tcp": {"type": "string", "minLength": 1, "description": "An address as 127.0.0.1:5432: it is ready when it takes a connection.", "examples": ["127.0.0.1:5432"]},
	"http": {"description": "A URL, or a request as of an http step: it is ready when the answer is a success.", "examples": ["http://127.0.0.1:8080/health", {"url": "https://127.0.0.1:8443/", "tls": {"insecure": true}}], ` + httpFields + `},
	"run": {"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": ["string", "number", "boolean"]},
		"description": "A program or a script, as of a run step: it is ready when this ends with exit status 0.", "examples": [["pg_isready", "-h", "localhost"], "test -e ready"]},
	"log": {"type": "string", "minLength": 1, "description": "A regular expression: it is ready when a line of its output matches.", "examples": ["listening on port [0-9]+"]},
	"every": {"description": "The pause between two tries; 200ms by default.", "examples": ["1s"], ` + durationFields + `},
	"timeout": {"description": "How long it is asked at most; 30s by default.", "examples": ["1m"], ` + durationFields + `}
}}`

func checkReady(constant map[string]any, report func(key, code, text string)) {
	if addr, ok := constant["tcp"].(string); ok {
		if wrong := addressWrong(addr); wrong != "" {
			report("tcp", "bad-value", wrong)
		}
	}
	checkHTTP(constant, report)
	if m, ok := constant["http"].(map[string]any); ok && m["save"] != nil {
		report("http.save", "bad-value", "a probe looks at the status only and saves nothing")
	}
	if _, ok := constant["run"]; ok {
		checkRun(map[string]any{"run": constant["run"]}, report)
	}
}

func addressWrong(addr string) string {
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		return fmt.Sprintf("%q is no address: write host and port, as 127.0.0.1:5432", addr)
	}
	return ""
}

// try asks once. The answer is what a service says that is not ready; "" : it is. An error is one that no further try mends.
type try func(ctx context.Context) (answer string, err *event.Error)

// runReady asks until the service is ready or the time is up.
func runReady(ctx context.Context, call kind.Call) event.Outcome {
	every, err := positive(call.Args, "every", defaultEvery)
	if err != nil {
		return event.Failure(err)
	}
	limit, err := positive(call.Args, "timeout", defaultReady)
	if err != nil {
		return event.Failure(err)
	}
	ask, err := readTry(call)
	if err != nil {
		return event.Failure(err)
	}
	// Times are compared, for a context may come to know later than the network that its time is up.
	due := time.Now().Add(limit)
	within, stop := context.WithDeadline(ctx, due)
	defer stop()
	last := "none"
	for {
		begun := time.Now()
		once, cut := context.WithTimeout(within, longestTry)
		answer, err := ask(once)
		cut()
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return event.Stopped(nil)
		case err != nil:
			return event.Failure(err)
		case answer == "":
			return event.Success(nil)
		case !now.Before(due):
		case now.Sub(begun) >= longestTry:
			last = "no answer within " + event.FormatDuration(longestTry)
		default:
			last = answer
		}
		pause := time.NewTimer(every)
		select {
		case <-pause.C:
		case <-within.Done():
			pause.Stop()
		}
		switch {
		case ctx.Err() != nil:
			return event.Stopped(nil)
		case !time.Now().Before(due):
			return event.Failure(notReady(call.Step, limit, last))
		}
	}
}

// notReady is the error of a service that was not ready in time.
func notReady(step string, limit time.Duration, last string) *event.Error {
	text := event.FormatDuration(limit)
	e := event.Errorf(event.TimeoutError, "not ready within %s; last answer: %s", text, last)
	e.Fields = map[string]any{"limit": text, "scope": "ready", "of": step, "answer": last}
	return e
}

func positive(args kind.Args, key string, standard time.Duration) (time.Duration, *event.Error) {
	v, ok := args[key]
	if !ok || v == nil {
		return standard, nil
	}
	d, err := duration(v)
	switch {
	case err != nil:
		return 0, event.Errorf(event.ValueError, "ready: %s: %v", key, err)
	case d == 0:
		return 0, event.Errorf(event.ValueError, "ready: %s is 0s, want more than 0", key)
	}
	return d, nil
}

// readTry is the one way to ask that is written.
func readTry(call kind.Call) (try, *event.Error) {
	if v, ok := call.Args["tcp"]; ok {
		addr := text(v)
		if wrong := addressWrong(addr); wrong != "" {
			return nil, event.Errorf(event.ValueError, "ready: tcp: %s", wrong)
		}
		return func(ctx context.Context) (string, *event.Error) { return tryTCP(ctx, addr) }, nil
	}
	if v, ok := call.Args["http"]; ok {
		call.Args = kind.Args{"http": v}
		return func(ctx context.Context) (string, *event.Error) { return tryHTTP(ctx, call) }, nil
	}
	if v, ok := call.Args["run"]; ok {
		args := kind.Args{"run": v, "capture": "none", "stop": map[string]any{"signal": "KILL", "grace": 0}}
		for _, key := range []string{"dir", "shell"} {
			if v, ok := call.Args[key]; ok {
				args[key] = v
			}
		}
		call.Args = args
		r := newRunner()
		return func(ctx context.Context) (string, *event.Error) { return tryRun(ctx, r, call) }, nil
	}
	if _, ok := call.Args["log"]; ok { // whoever reads the output stops the probe
		return func(context.Context) (string, *event.Error) { return "no line matched", nil }, nil
	}
	return nil, event.Errorf(event.ValueError, "ready: there is nothing to ask: give tcp, http, run or log")
}

func tryTCP(ctx context.Context, addr string) (string, *event.Error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		_ = c.Close()
		return "", nil
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return fmt.Sprintf("the host %s cannot be looked up: %s", name.Name, name.Err), nil
	}
	return innermost(err), nil
}

// tryHTTP looks at the status alone.
func tryHTTP(ctx context.Context, call kind.Call) (string, *event.Error) {
	r, failed := readRequest(call)
	if failed != nil {
		return "", failed
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &wires{ctx: ctx}
	defer w.close()
	defer cancel()
	req, err := r.build(ctx)
	if err != nil {
		return "", event.Errorf(event.ValueError, "ready: http: %v", err)
	}
	client := &http.Client{Transport: transport(r, call.Env, w), CheckRedirect: r.redirect}
	resp, err := client.Do(req)
	if err != nil {
		return r.noAnswer(err), nil
	}
	defer resp.Body.Close()
	if r.expected(resp.StatusCode) {
		return "", nil
	}
	return fmt.Sprintf("HTTP %d", resp.StatusCode), nil
}

// tryRun runs the program to its end, or kills it.
func tryRun(ctx context.Context, r *runner, call kind.Call) (string, *event.Error) {
	call.Output = kind.Output{Say: func(string, string) {}, Skip: func(string, int64) {}}
	o := r.run(ctx, &call, "")
	switch {
	case o.Status == event.Succeeded:
		return "", nil
	case o.Err == nil:
		return "stopped", nil
	case o.Err.Type != event.ExitError:
		return "", o.Err
	}
	answer := o.Err.Message
	for _, stream := range []string{"stderr", "stdout"} {
		if said, ok := o.Extra[stream].(string); ok && strings.TrimSpace(said) != "" {
			lines := strings.Split(strings.TrimSpace(said), "\n")
			return answer + ": " + excerpt(strings.NewReader(lines[len(lines)-1])), nil
		}
	}
	return answer, nil
}
