package executor_test

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// fakes are the built-in kinds, but nothing touches the world: in a case the items of a run are a script (docs/testing.md)
// that says how it goes, and so are those of a probe's run. They work alike on the simulator and in a bubble.
func fakes() []*kind.Kind {
	out := steps.Builtin()
	for i, k := range out {
		if k.Run != nil {
			fake := *k
			fake.Run = func(ctx context.Context, call kind.Call) event.Outcome { return fakeRun(ctx, k, call) }
			out[i] = &fake
		}
	}
	return out
}

// ever is longer than any case takes.
const ever = 1000 * time.Hour

// script is how a leaf goes.
type script struct {
	after   time.Duration // when it ends by itself
	outcome event.Outcome
	grace   time.Duration
	says    []said
}

type said struct {
	at   time.Duration
	line string
}

// fakeScript reads the script of a leaf: after 2s, exit 3, say 1s TEXT, grace 1s, each for all attempts or, with "1: " in
// front, for that one.
func fakeScript(k *kind.Kind, call kind.Call) script {
	s := script{after: ever, outcome: event.Success(nil)}
	items, _ := call.Args["run"].([]any)
	for _, item := range items {
		text := item.(string)
		if only, rest, ok := strings.Cut(text, ": "); ok {
			if only != strconv.Itoa(call.Attempt) {
				continue
			}
			text = rest
		}
		word, rest, _ := strings.Cut(text, " ")
		switch word {
		case "after":
			s.after = span(rest)
		case "exit":
			e := event.Errorf(event.ExitError, "exit status %s", rest)
			e.Fields = map[string]any{"exit_code": rest}
			s.outcome = event.Failure(e)
		case "grace":
			s.grace = span(rest)
		case "say":
			at, line, _ := strings.Cut(rest, " ")
			s.says = append(s.says, said{span(at), line})
		default:
			panic("a case has no " + text)
		}
	}
	if !k.Probe {
		return s
	}
	limit, last := 30*time.Second, "exit status 1"
	if v, ok := call.Args["timeout"]; ok {
		limit, _ = event.Duration(v)
	}
	if call.Args["log"] != nil {
		last = "no line matched"
	}
	if s.after > limit {
		e := event.Errorf(event.TimeoutError, "not ready within %s; last answer: %s", event.FormatDuration(limit), last)
		s.after, s.outcome = limit, event.Failure(e)
	}
	return s
}

func span(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

// ready is when the first line is said that matches.
func (s *script) ready(call kind.Call) (time.Duration, bool) {
	for _, x := range s.says {
		if call.ReadyLine != nil && call.ReadyLine.MatchString(x.line) {
			return x.at, true
		}
	}
	return 0, false
}

func fakeWork(k *kind.Kind, call kind.Call) (time.Duration, event.Outcome) {
	s := fakeScript(k, call)
	return s.after, s.outcome
}

func fakeGrace(k *kind.Kind, call kind.Call) time.Duration {
	s := fakeScript(k, call)
	return s.grace
}

func fakeReady(k *kind.Kind, call kind.Call) (time.Duration, bool) {
	s := fakeScript(k, call)
	return s.ready(call)
}

// fakeRun is the same in a bubble.
func fakeRun(ctx context.Context, k *kind.Kind, call kind.Call) event.Outcome {
	s := fakeScript(k, call)
	past := time.Duration(0)
	if at, ok := s.ready(call); ok && at <= s.after {
		if !sleep(ctx, at) {
			return s.stop(call)
		}
		call.Ready()
		past = at
	}
	if !sleep(ctx, s.after-past) {
		return s.stop(call)
	}
	return s.outcome
}

func (s *script) stop(call kind.Call) event.Outcome {
	grace := time.NewTimer(s.grace)
	defer grace.Stop()
	select {
	case <-grace.C:
	case <-call.Kill:
	}
	return event.Outcome{Status: event.Cancelled}
}

// sleep says whether it slept to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
