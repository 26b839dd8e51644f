package steps

import (
	"strings"
	"testing"
)

// TestIsolateWithout: where a step cannot be isolated it does not run. This program cannot be the first process of a
// namespace, for it does not import the supervisor.
func TestIsolateWithout(t *testing.T) {
	t.Parallel()
	call, _ := newCall(t, map[string]any{"run": []any{"true"}, "isolate": "pid"})
	o := run(t.Context(), call)
	const want = "true cannot be run with `isolate: pid`: this program does not import "
	if o.Err == nil || o.Err.Type != "StartError" || !strings.HasPrefix(o.Err.Message, want) {
		t.Errorf("%+v", o)
	}
}
