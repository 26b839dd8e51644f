package steps_test

import (
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestQueue: a computed name is looked at when the step begins.
func TestQueue(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
		ok   bool
	}{
		{nil, "", true},
		{"gpu-1", "gpu-1", true},
		{"a.b_C", "a.b_C", true},
		{1, "1", true},
		{"", "", false},
		{"-x", "", false},
		{"a b", "", false},
		{"a\nb", "", false},
		{[]any{"a"}, "", false},
	} {
		got, err := steps.Queue(kind.Args{"run": "x", "queue": c.v})
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%v: %q, %v", c.v, got, err)
		}
	}
	if got, err := steps.Queue(kind.Args{}); got != "" || err != nil {
		t.Errorf("without: %q, %v", got, err)
	}
}
