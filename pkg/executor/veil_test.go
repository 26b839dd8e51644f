package executor

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/mask"
)

func TestVeilMasks(t *testing.T) {
	v := newVeil(written("root", "a"), mask.New([]string{"hunter2", "hunter2-and-more", "271828"}))
	inner := &event.Error{Type: "ExitError", Message: "hunter2 refused", Step: "a", Fields: map[string]any{"data": []any{"hunter2"}}}
	group := event.Group([]*event.Error{inner})
	group.Others = []*event.Error{inner}
	value := map[string]any{"list": []any{1, "x hunter2-and-more y"}, "hunter2": true, "clean": []any{"a"}, "number": 271828, "float": 271828.5}
	e := v.event(event.Event{
		Type: event.StepEnd, Path: "a", Where: event.Where{Node: 1}, Text: "hunter2", Why: "hunter2", Name: "hunter2",
		Outcome:   event.Outcome{Status: event.Failed, Value: value, Err: group, Reason: "hunter2", Extra: map[string]any{"stdout": "hunter2"}},
		Recovered: inner,
	})
	b, err := event.Marshal([]any{e.Text, e.Why, e.Name, e.Value, e.Err, e.Reason, e.Extra, e.Recovered})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, "hunter2") || strings.Contains(s, "and-more") || strings.Contains(s, "271828") {
		t.Errorf("a secret is seen: %s", s)
	}
	if value["hunter2"] != true || value["list"].([]any)[1] != "x hunter2-and-more y" || inner.Message != "hunter2 refused" {
		t.Error("the run's own values were changed")
	}
}

func TestVeilKeepsWhatHasNoSecret(t *testing.T) {
	v := newVeil(written("root"), mask.New([]string{"hunter2"}))
	list := []any{"a", map[string]any{"b": 1}}
	if got, changed := v.value(list); changed || &got.([]any)[0] != &list[0] {
		t.Error("a value without a secret was copied")
	}
}

func TestVeilPlacesErrors(t *testing.T) {
	v := newVeil(written("root", "a", "b"), nil)
	inner := event.Errorf("E", "bad")
	inner.Step = "b"
	group := event.Group([]*event.Error{inner})
	group.Step = "a"
	first := v.event(event.Event{Type: event.StepEnd, Path: "b", Where: event.Where{Node: 2}, Outcome: event.Failure(inner)})
	second := v.event(event.Event{Type: event.StepEnd, Path: "a", Where: event.Where{Node: 1}, Outcome: event.Failure(group)})
	if second.Err.Line != 2 || second.Err.Errors[0].Line != 3 {
		t.Errorf("lines %d and %d, want 2 and 3", second.Err.Line, second.Err.Errors[0].Line)
	}
	if second.Err.Errors[0] != first.Err {
		t.Error("one error became two")
	}
	if inner.Line != 0 || group.Errors[0] != inner {
		t.Error("the run's own error was changed")
	}
}
