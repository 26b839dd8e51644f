package temporal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// carried is what a sign of life has of the output.
func carried(t *testing.T, h *heard) (soFar, int) {
	t.Helper()
	var now soFar
	sign := (&teller{job: job{Step: "s", Attempt: 2}, heard: h}).sign("w")
	if sign[0] != "w" {
		t.Fatalf("%v", sign)
	}
	if len(sign) == 1 {
		return now, 0
	}
	tail := sign[1].([]byte)
	if err := unpack(tail, &now); err != nil || now.Step != "s" || now.Attempt != 2 {
		t.Fatalf("%v %+v", err, now)
	}
	return now, len(tail)
}

// TestTeller: signs of life have what the end would have, as far as there is room for it.
func TestTeller(t *testing.T) {
	long := strings.Repeat("line\n", 1<<14)
	oneLine := strings.Repeat("x", 3*maxSaid) + "\n"
	for _, c := range []struct {
		name string
		say  func(*heard)
		want []said
	}{
		{"nothing", func(*heard) {}, nil},
		{
			"two streams", func(h *heard) {
				h.say("stdout", "a\n")
				h.say("stderr", "b\n")
				h.say("stdout", "c\n")
				h.say("stdout", "d\n")
			},
			[]said{{Stream: "stdout", Text: "a\n"}, {Stream: "stderr", Text: "b\n"}, {Stream: "stdout", Text: "c\nd\n"}},
		},
		{
			"more than the end has", func(h *heard) { h.say("stderr", "why\n"); h.say("stdout", long) },
			// 16 KiB, from the begin of a line on
			[]said{{Stream: "stderr", Skipped: 4}, {Stream: "stdout", Skipped: int64(len(long) - maxSaid + len("ine\n"))}, {Stream: "stdout", Text: long[len(long)-maxSaid+len("ine\n"):]}},
		},
		{
			"more than the end has, in one line", func(h *heard) { h.say("stdout", oneLine) },
			[]said{{Stream: "stdout", Skipped: int64(len(oneLine) - maxSaid)}, {Stream: "stdout", Text: oneLine[len(oneLine)-maxSaid:]}},
		},
		{
			"skipped", func(h *heard) { h.say("stdout", "a\n"); h.skip("stdout", 7); h.say("stdout", "b\n") },
			[]said{{Stream: "stdout", Text: "a\n"}, {Stream: "stdout", Skipped: 7}, {Stream: "stdout", Text: "b\n"}},
		},
		{"no text", func(h *heard) { h.say("stdout", "a\n\xff\n") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &heard{}
			c.say(h)
			now, _ := carried(t, h)
			if d := cmp.Diff(c.want, now.Said); d != "" {
				t.Error(d)
			}
			if now.Said != nil && cmp.Diff(h.said(), now.Said) != "" {
				t.Errorf("the end has %v", h.said())
			}
		})
	}
}

// TestNoise: of what cannot be packed well there is less, and the last.
func TestNoise(t *testing.T) {
	noise := make([]byte, 3*maxSaid)
	for i := range noise {
		noise[i] = byte(rand.IntN(128))
	}
	h := &heard{}
	h.say("stdout", string(noise))
	now, size := carried(t, h)
	last := now.Said[len(now.Said)-1].Text
	if size > maxPacked || len(last) < maxPacked/2 || !strings.HasSuffix(string(noise), last) || now.Said[0].Skipped != int64(len(noise)-len(last)) {
		t.Errorf("%d bytes in %d", len(last), size)
	}
}

// TestSign: what is said further is in the next sign of life. What was told stays there when it cannot be told on.
func TestSign(t *testing.T) {
	h := &heard{}
	x := &teller{heard: h}
	for _, c := range []struct{ say, want string }{{"a\n", "a\n"}, {"", "a\n"}, {"b\n", "a\nb\n"}, {"\xff", "a\nb\n"}} {
		if c.say != "" {
			h.say("stdout", c.say)
		}
		var now soFar
		if err := unpack(x.sign("w")[1].([]byte), &now); err != nil || now.Said[0].Text != c.want {
			t.Errorf("after %q: %v %v", c.say, now, err)
		}
	}
}

// scene is what a server answers: at each look what is pending then, and at each question after that the events until then.
type scene struct {
	client.Client
	t      *testing.T
	stages []stage
	log    eventLog
	looks  int
}

type stage struct {
	pending []*workflowpb.PendingActivityInfo
	events  []event.Event // which come between the look and the question
}

func (s *scene) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	s.looks++
	now := s.stages[0]
	if len(s.stages) > 1 {
		s.stages = s.stages[1:]
	}
	for _, e := range now.events {
		s.log.add(e)
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Type: &commonpb.WorkflowType{Name: workflowType}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING},
		PendingActivities:     now.pending,
	}, nil
}

func (s *scene) DescribeTaskQueue(context.Context, string, enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	return nil, errors.New("it is not asked")
}

func (s *scene) QueryWorkflow(_ context.Context, _, _, _ string, args ...any) (converter.EncodedValue, error) {
	p, err := converter.GetDefaultDataConverter().ToPayloads(s.log.page(args[0].(int64)))
	if err != nil {
		s.t.Fatal(err)
	}
	return client.NewValue(p), nil
}

// beats is an activity at work, with the details of its last sign of life.
func beats(t *testing.T, details ...any) *workflowpb.PendingActivityInfo {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(details...)
	if err != nil {
		t.Fatal(err)
	}
	return &workflowpb.PendingActivityInfo{HeartbeatDetails: p}
}

// TestSeen: what is at work is told of by what it has said so far, and nothing is told of what has ended or is not known to have begun.
func TestSeen(t *testing.T) {
	tail := func(step string, attempt int, list ...said) []byte {
		b, err := packed(soFar{Step: step, Attempt: attempt, Said: list})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, two := said{Stream: "stdout", Text: "one\n"}, said{Stream: "stdout", Text: "two\n", Skipped: 5}
	seq := int64(0)
	tells := func(kind event.Type, step int32, text string) event.Event {
		seq++
		e := event.Event{Seq: seq, Type: kind, Time: begin, Path: "s", Attempt: 1, Where: event.Where{Step: step, Node: 1}}
		if text != "" {
			e.Stream, e.Text = "stdout", text
		}
		return e
	}
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, stages: []stage{
			{nil, []event.Event{tells(event.StepStart, 1, "")}},
			{[]*workflowpb.PendingActivityInfo{beats(t, "w", tail("s", 1, one, said{Stream: "stderr", Text: "why\n"}, two))}, nil},
			// The attempt ends behind the look, and another begins that has its number.
			{
				[]*workflowpb.PendingActivityInfo{beats(t, "w", tail("s", 1, one, two, one))},
				[]event.Event{tells(event.StepOutput, 1, "all\n"), tells(event.StepEnd, 1, ""), tells(event.StepStart, 2, "")},
			},
			{[]*workflowpb.PendingActivityInfo{
				{},
				beats(t, "a worker of old"), beats(t, "w", []byte("noise")), beats(t, 7), beats(t, "w", tail("other", 1, one)), beats(t, "w", tail("s", 2, one)),
				beats(t, "w", tail("s", 1, one)),
			}, nil},
			{nil, []event.Event{tells(event.StepEnd, 2, ""), tells(event.RunEnd, 0, "")}},
		}}
		var got []string
		r := &Remote{Client: s, Data: converter.GetDefaultDataConverter()}
		err := r.Follow(t.Context(), "r", 0, func(e event.Event) {
			text := fmt.Sprintf("%d %s %d", e.Seq, e.Type, e.Where.Step)
			if e.Type == event.StepOutput {
				text += fmt.Sprintf(" %s+%d %q", e.Stream, e.Skipped, e.Text)
			}
			got = append(got, text)
		})
		want := []string{
			"1 step.start 1",
			`0 step.output 1 stdout+0 "one\n"`, `0 step.output 1 stderr+0 "why\n"`, `0 step.output 1 stdout+9 "two\n"`,
			`2 step.output 1 stdout+0 "all\n"`, "3 step.end 1", "4 step.start 2",
			`0 step.output 2 stdout+0 "one\n"`,
			"5 step.end 2", "6 run.end 0",
		}
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
	})
}

// TestLooks: a run is looked at each second when something is at work, more rarely when much is, and now and then when nothing is.
func TestLooks(t *testing.T) {
	for _, c := range []struct{ pending, looks int }{{0, 6}, {1, 60}, {100, 60}, {500, 12}} {
		synctest.Test(t, func(t *testing.T) {
			s := &scene{t: t, stages: []stage{{pending: make([]*workflowpb.PendingActivityInfo, c.pending)}}}
			f := &follower{Remote: &Remote{Client: s, Data: converter.GetDefaultDataConverter()}, glance: glance{at: time.Now(), pending: c.pending}}
			for range 600 {
				time.Sleep(100 * time.Millisecond)
				f.look(t.Context())
			}
			if s.looks != c.looks {
				t.Errorf("%d at work: looked at %d times in a minute, want %d", c.pending, s.looks, c.looks)
			}
		})
	}
}
