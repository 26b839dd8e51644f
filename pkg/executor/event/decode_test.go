package event_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

var (
	texts  = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "tests[1].build", "\u2028<&>\x00", "deadlock"}))
	paths  = rapid.StringMatching(`([a-z_-]{1,8}(\[[0-9]{1,3}\])?(\.[a-z]{1,5})?)?`)
	limits = rapid.Map(rapid.Int64Range(1, 1e15), func(n int64) string { return event.FormatDuration(time.Duration(n)) })
	times  = rapid.Map(rapid.Int64Range(1, 4e12), func(ms int64) time.Time { return time.UnixMilli(ms).UTC() })
	spans  = rapid.Map(rapid.Int64Range(0, 1e12), func(us int64) time.Duration { return time.Duration(us) * time.Microsecond })
	// ends are the statuses of what has ended.
	ends = rapid.SampledFrom([]event.Status{event.Succeeded, event.Failed, event.Cancelled, event.Skipped})
)

// values makes values of the language. A float without a fraction is written as an int is, so there is none.
func values(depth int) *rapid.Generator[any] {
	plain := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Int().AsAny(), texts.AsAny(),
		rapid.Float64Range(-1e12, 1e12).Filter(func(f float64) bool { return f != math.Trunc(f) }).AsAny(),
		rapid.SampledFrom([]any{1e20, -3e19, 1e300, 5e-324, 0.5}),
	}
	if depth > 0 {
		plain = append(plain,
			rapid.SliceOfN(values(depth-1), 0, 3).AsAny(),
			rapid.MapOfN(texts, values(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(plain...)
}

func anError(depth int) *rapid.Generator[*event.Error] {
	return rapid.Custom(func(t *rapid.T) *event.Error {
		e := &event.Error{
			Type:    rapid.SampledFrom([]string{event.FailError, event.ExitError, event.ExceptionGroup, event.QuorumError, "Own"}).Draw(t, "type"),
			Message: texts.Draw(t, "message"), Step: paths.Draw(t, "step"), Attempts: rapid.IntRange(0, 3).Draw(t, "attempts"),
			Fields: rapid.SampledFrom([]map[string]any{nil, {"exit_code": 3}, {"cause": "a signal", "limit": "5s"}, {"data": []any{1, 0.5}}}).Draw(t, "fields"),
		}
		if rapid.Bool().Draw(t, "placed") {
			e.Line, e.Column = rapid.IntRange(1, 99).Draw(t, "line"), rapid.IntRange(1, 99).Draw(t, "column")
		}
		if depth == 0 {
			return e
		}
		some := rapid.SliceOfN(anError(depth-1), 0, 2)
		e.Errors, e.Others = some.Draw(t, "errors"), some.Draw(t, "others")
		if e.Fields["cause"] == nil {
			e.Cause = rapid.Ptr(rapid.Map(anError(depth-1), func(x *event.Error) event.Error { return *x }), true).Draw(t, "cause")
		}
		e.Cleanup = rapid.Ptr(rapid.Map(anError(depth-1), func(x *event.Error) event.Error { return *x }), true).Draw(t, "cleanup")
		return e
	})
}

func aCause(t *rapid.T) *event.Cause {
	c := &event.Cause{Why: rapid.SampledFrom([]event.Why{
		event.WhySibling, event.WhyTimeout, event.WhyReturned, event.WhyStep, event.WhyListEnd,
		event.WhySignal, event.WhyService, event.WhyDeadlock, event.WhyCleanup,
	}).Draw(t, "why")}
	switch c.Why {
	case event.WhyDeadlock:
	case event.WhySignal:
		c.By = rapid.SampledFrom([]string{"SIGINT", "the caller", "timeout", `sibling "a" is gone`}).Draw(t, "by")
	case event.WhyTimeout, event.WhyCleanup:
		c.By, c.Limit = paths.Draw(t, "by"), limits.Draw(t, "limit")
	default:
		c.By = paths.Draw(t, "by")
	}
	return c
}

func outcome(t *rapid.T) event.Outcome {
	o := event.Outcome{Status: ends.Draw(t, "status")}
	switch o.Status {
	case event.Succeeded:
		o.Value = values(2).Draw(t, "value")
	case event.Failed:
		o.Err = anError(2).Draw(t, "error")
	case event.Cancelled:
		o.Cause = aCause(t)
		if rapid.Bool().Draw(t, "cleanup failed") {
			o.Err = anError(1).Draw(t, "error")
		}
	default:
		o.Reason = texts.Draw(t, "reason")
	}
	return o
}

func anEvent(t *rapid.T) event.Event {
	e := event.Event{
		Seq: rapid.Int64Range(1, 1e9).Draw(t, "seq"), Time: times.Draw(t, "time"),
		Type: rapid.SampledFrom([]event.Type{
			event.RunStart, event.StepQueued, event.StepStart, event.StepOutput, event.StepReady,
			event.StepRetry, event.StepCancel, event.StepEnd, event.RunEnd,
		}).Draw(t, "type"),
	}
	if e.Type != event.RunStart && e.Type != event.RunEnd {
		e.Path, e.Attempt = paths.Draw(t, "path"), rapid.IntRange(0, 9).Draw(t, "attempt")
	}
	switch e.Type {
	case event.StepQueued:
		e.Why = texts.Draw(t, "why")
	case event.StepStart:
		e.Name = texts.Draw(t, "name")
	case event.StepOutput:
		e.Stream, e.Text = rapid.SampledFrom([]string{"stdout", "stderr", "echo"}).Draw(t, "stream"), texts.Draw(t, "text")
		e.Skipped = rapid.Int64Range(0, 1e12).Draw(t, "skipped")
	case event.StepRetry:
		e.In, e.Err = spans.Draw(t, "in"), anError(2).Draw(t, "error")
	case event.StepCancel:
		e.Cause = aCause(t)
	case event.StepEnd:
		e.Outcome = outcome(t)
		e.Duration, e.Queued, e.Returned = spans.Draw(t, "duration"), spans.Draw(t, "queued"), rapid.IntRange(0, 9).Draw(t, "returned")
		if rapid.Bool().Draw(t, "began") {
			e.Started = times.Draw(t, "started")
		}
		if rapid.Bool().Draw(t, "handled") {
			e.Recovered = anError(1).Draw(t, "recovered")
		}
		for _, path := range rapid.SliceOfN(texts, 0, 2).Draw(t, "artifacts") {
			a := event.Artifact{Path: path, Size: rapid.Int64Range(0, 1e15).Draw(t, "size"), SHA256: "ab", Executable: rapid.Bool().Draw(t, "executable")}
			list, _ := e.Extra[event.ExtraArtifacts].([]any)
			e.Extra = map[string]any{event.ExtraArtifacts: append(list, a.Value())}
		}
	case event.RunEnd:
		e.Outcome = outcome(t)
	}
	return e
}

// TestRoundTrip: an event that was written and read is the same event.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anEvent(t)
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var got event.Event
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		if diff := cmp.Diff(e, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-written +read\n%s\n%s", diff, b)
		}
	})
}

// TestUnmarshalRefuses: what is no event is an error and never another event.
func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`[]`, "json: cannot unmarshal array into Go value of type event.JSON"},
		{`{"v":2,"type":"run.start"}`, "an event of version 2; this flowrun reads version 1"},
		{`{"v":1,"type":"step.nosuch"}`, `"step.nosuch" is no type of an event`},
		{`{"v":1,"type":"step.end"}`, "an end without a status"},
		{`{"v":1,"type":"step.end","status":"running"}`, "an end without a status"},
		{`{"v":1,"type":"step.end","status":"done"}`, "json: unsupported value: status done"},
		{`{"v":1,"type":"run.end","status":"failed"}`, "a failure without an error"},
		{`{"v":1,"type":"step.retry","error":[]}`, "an error is an object"},
	} {
		var e event.Event
		if err := json.Unmarshal([]byte(c.text), &e); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}
