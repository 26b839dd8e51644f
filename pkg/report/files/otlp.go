package files

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// otlp writes the run as spans of OpenTelemetry, in OTLP/JSON, a request with up to 1,000 spans on each line, as the
// collector's file receiver reads it:
//
//	the run                  its parent is the span in which flowrun was started (TRACEPARENT), if there is one
//	  a step                 from its first queue to its end; events: queued, retry, exception
//	    an attempt           of a step that does something itself, or of a block that was tried again
//	      what it began
//
// The span of an attempt is the one that its process was given as TRACEPARENT, so what that process traces stands below it.
// Names of attributes are those of the semantic conventions for CI/CD where there is one, else flowrun's.
func otlp(w io.Writer, r *model.Run) error {
	return spans(r, func(request []byte) error {
		_, err := w.Write(append(request, '\n'))
		return err
	})
}

// The limits of an endpoint.
const (
	patience = 10 * time.Second // for one request
	atMost   = time.Minute      // for all
)

// sendOTLP posts the requests to an endpoint: to /v1/traces on a host, or to the path that is named.
func sendOTLP(to string, env func(string) string, r *model.Run) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"flowrun/" + plain.Line(r.About.Flowrun)}}
	for pair := range strings.SplitSeq(env("OTEL_EXPORTER_OTLP_HEADERS"), ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			if plainText, err := url.PathUnescape(value); err == nil {
				value = plainText
			}
			header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	return spans(r, func(request []byte) error { return post(ctx, u.String(), header, request) })
}

func post(ctx context.Context, to string, header http.Header, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	answer, err := http.DefaultClient.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %s", request.URL.Redacted(), event.FormatDuration(patience))
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s: %s", request.URL.Redacted(), answer.Status, headline(plain.Line(string(text))))
	}
	var partial struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
			ErrorMessage  string      `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(text, &partial) == nil && cmp.Or(partial.PartialSuccess.RejectedSpans, "0") != "0" {
		return fmt.Errorf("%s refused %s spans: %s", request.URL.Redacted(), partial.PartialSuccess.RejectedSpans, partial.PartialSuccess.ErrorMessage)
	}
	return nil
}

// The messages of OTLP, as far as they are needed. 64-bit numbers are texts in JSON, ids are hexadecimal.
type (
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	otlpSpan struct {
		TraceID      string          `json:"traceId"`
		SpanID       string          `json:"spanId"`
		ParentSpanID string          `json:"parentSpanId,omitempty"`
		Name         string          `json:"name"`
		Kind         int             `json:"kind"`
		Start        string          `json:"startTimeUnixNano"`
		End          string          `json:"endTimeUnixNano"`
		Attributes   []otlpAttribute `json:"attributes,omitempty"`
		Events       []otlpEvent     `json:"events,omitempty"`
		Status       otlpStatus      `json:"status"`
	}
	otlpEvent struct {
		Time       string          `json:"timeUnixNano"`
		Name       string          `json:"name"`
		Attributes []otlpAttribute `json:"attributes,omitempty"`
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"` // 1 good, 2 bad
		Message string `json:"message,omitempty"`
	}
	otlpAttribute struct {
		Key   string    `json:"key"`
		Value otlpValue `json:"value"`
	}
	otlpValue struct { // one of them
		String string   `json:"stringValue,omitempty"`
		Int    string   `json:"intValue,omitempty"`
		Double *float64 `json:"doubleValue,omitempty"`
	}
)

// nanos is an instant in nanoseconds since 1970.
func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// attribute is one of a text, a number or a duration. An empty text makes none.
func attribute(list []otlpAttribute, key string, value any) []otlpAttribute {
	switch v := value.(type) {
	case string:
		if v = plain.Clean(v); v == "" {
			return list
		}
		return append(list, otlpAttribute{key, otlpValue{String: v}})
	case int:
		return append(list, otlpAttribute{key, otlpValue{Int: strconv.Itoa(v)}})
	case time.Duration:
		seconds := v.Seconds()
		return append(list, otlpAttribute{key, otlpValue{Double: &seconds}})
	}
	panic(fmt.Sprintf("files: no attribute can be a %T", value))
}

// perRequest is how many spans a request has: collectors refuse requests that are too large.
const perRequest = 1000

// spans gives send the requests for a run.
func spans(r *model.Run, send func([]byte) error) error {
	t := &spanner{run: r, trace: event.TraceOf(r.ID, r.About.Traceparent), send: send}
	t.root()
	t.flush()
	return t.err
}

type spanner struct {
	run   *model.Run
	trace event.Trace
	send  func([]byte) error
	list  []otlpSpan
	err   error // the first
}

func (t *spanner) add(s otlpSpan) {
	s.TraceID, s.Name = t.trace.ID, plain.Line(s.Name)
	if s.Kind == 0 {
		s.Kind = 1 // internal
	}
	if t.list = append(t.list, s); len(t.list) == perRequest {
		t.flush()
	}
}

func (t *spanner) flush() {
	if t.err != nil || len(t.list) == 0 {
		t.list = t.list[:0]
		return
	}
	var resource []otlpAttribute
	resource = attribute(resource, "service.name", "flowrun")
	resource = attribute(resource, "service.version", t.run.About.Flowrun)
	request, err := event.Marshal(otlpRequest{[]otlpResourceSpans{{
		Resource:   otlpResource{resource},
		ScopeSpans: []otlpScopeSpans{{Scope: otlpScope{Name: "flowrun", Version: t.run.About.Flowrun}, Spans: t.list}},
	}}})
	if err == nil {
		err = t.send(request)
	}
	t.err = err
	t.list = t.list[:0]
}

// root adds the span of the run, and all others below it.
func (t *spanner) root() {
	r := t.run
	s := otlpSpan{SpanID: t.trace.Span("run"), ParentSpanID: t.trace.Parent, Name: "RUN " + r.Label(), Kind: 2, Start: nanos(r.Started), End: nanos(r.Until())}
	s.Attributes = attribute(s.Attributes, "cicd.pipeline.name", r.Label())
	s.Attributes = attribute(s.Attributes, "cicd.pipeline.run.id", r.ID)
	s.Attributes = attribute(s.Attributes, "cicd.pipeline.result", result(r.Outcome))
	s.Attributes = attribute(s.Attributes, "flowrun.status", r.Word())
	s.Attributes = attribute(s.Attributes, "flowrun.file", r.Plan.File)
	t.judge(&s, r.Outcome, r.Until())
	t.add(s)
	if r.Root == nil {
		return
	}
	t.below(r.Root, s.SpanID, "")
}

// below adds the spans of the children of x, and of the attempts of a block. age tells steps of an attempt that is over from those
// of the last one, which have the same paths.
func (t *spanner) below(x *model.Step, parent, age string) {
	body := parent
	if x.Tries > 1 || x.Works() {
		for i := range x.Attempts {
			a := &x.Attempts[i]
			id := t.trace.Attempt(x.Path, a.Number)
			if age != "" {
				id = t.trace.Span("former", age, x.Path, strconv.Itoa(a.Number))
			}
			t.attempt(x, a, id, parent)
			for _, c := range a.Children {
				t.step(c, id, id)
			}
			body = id
		}
	}
	for _, c := range x.Children {
		if c.Handles() {
			t.step(c, parent, age)
		} else {
			t.step(c, body, age)
		}
	}
}

// step adds the span of x, if it has ever begun or waited, and those below it.
func (t *spanner) step(x *model.Step, parent, age string) {
	if x.Tries == 0 && len(x.Waits) == 0 {
		return
	}
	from, to := x.Started, x.Started.Add(x.Duration)
	if len(x.Waits) > 0 && (from.IsZero() || x.Waits[0].From.Before(from)) {
		from = x.Waits[0].From
	}
	switch {
	case x.State != model.Ended:
		to = t.run.Until()
	case x.Started.IsZero():
		to = x.LastWait().Until(t.run)
	}
	s := otlpSpan{SpanID: t.trace.Span("step", age, x.Path), ParentSpanID: parent, Name: x.Path, Start: nanos(from), End: nanos(to)}
	s.Attributes = t.about(x)
	s.Attributes = attribute(s.Attributes, "flowrun.attempts", x.Tries)
	s.Attributes = attribute(s.Attributes, "flowrun.queued", x.Queued)
	if x.State == model.Ended {
		s.Attributes = attribute(s.Attributes, "cicd.pipeline.task.run.result", result(x.Outcome))
	}
	if x.Recovered != nil {
		s.Attributes = attribute(s.Attributes, "flowrun.recovered", x.Recovered.Error())
	}
	for i := range x.Waits {
		w := &x.Waits[i]
		e := otlpEvent{Time: nanos(w.From), Name: "queued"}
		if w.IsPause() {
			e.Name = "retry"
		}
		e.Attributes = attribute(e.Attributes, "flowrun.why", w.Why)
		e.Attributes = attribute(e.Attributes, "flowrun.waited", w.Until(t.run).Sub(w.From))
		s.Events = append(s.Events, e)
	}
	t.judge(&s, x.Outcome, to)
	t.add(s)
	t.below(x, s.SpanID, age)
}

func (t *spanner) attempt(x *model.Step, a *model.Attempt, id, parent string) {
	s := otlpSpan{SpanID: id, ParentSpanID: parent, Name: fmt.Sprintf("%s attempt %d", x.Path, a.Number), Start: nanos(a.Started), End: nanos(a.Until(t.run))}
	s.Attributes = t.about(x)
	s.Attributes = attribute(s.Attributes, "flowrun.attempt", a.Number)
	s.Attributes = attribute(s.Attributes, "flowrun.log", a.Log)
	o := event.Outcome{Status: a.Status, Err: a.Err}
	if a.Status == event.Cancelled {
		o.Cause = x.Cause
	}
	t.judge(&s, o, a.Until(t.run))
	t.add(s)
}

// about are the attributes of a step and of its attempts.
func (t *spanner) about(x *model.Step) (list []otlpAttribute) {
	list = attribute(list, "cicd.pipeline.task.name", x.Path)
	list = attribute(list, "flowrun.kind", x.Def.Kind)
	list = attribute(list, "flowrun.name", x.Name)
	list = attribute(list, "code.file.path", x.Def.Pos.File)
	return attribute(list, "code.line.number", x.Def.Pos.Line)
}

// judge says how what s stands for ended. Only a failure is an error.
func (t *spanner) judge(s *otlpSpan, o event.Outcome, at time.Time) {
	switch o.Status {
	case event.Succeeded:
		s.Status.Code = 1
	case event.Failed:
		s.Status = otlpStatus{Code: 2, Message: plain.Clean(o.Err.Error())}
		s.Attributes = attribute(s.Attributes, "error.type", o.Err.Type)
		if code, ok := o.Err.Fields["exit_code"].(int); ok {
			s.Attributes = attribute(s.Attributes, "process.exit.code", code)
		}
		e := otlpEvent{Time: nanos(at), Name: "exception"}
		e.Attributes = attribute(e.Attributes, "exception.type", o.Err.Type)
		e.Attributes = attribute(e.Attributes, "exception.message", o.Err.Message)
		s.Events = append(s.Events, e)
	case event.Cancelled:
		s.Attributes = attribute(s.Attributes, "flowrun.cause", o.Cause.String())
	case event.Skipped:
		s.Attributes = attribute(s.Attributes, "flowrun.reason", o.Reason)
	}
}

// result is how something ended in the words of the semantic conventions; "" if it has not.
func result(o event.Outcome) string {
	switch o.Status {
	case event.Succeeded:
		return "success"
	case event.Failed:
		if o.Err.Type == event.TimeoutError {
			return "timeout"
		}
		return "failure"
	case event.Cancelled:
		return "cancellation"
	case event.Skipped:
		return "skip"
	default:
		return ""
	}
}
