package steps

import (
	"slices"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// TestInteractiveAlone: what a step with the terminal cannot have is not accepted beside it.
func TestInteractiveAlone(t *testing.T) {
	k := runKind()
	if want := []string{"interactive", "stdin", "capture", "capture_limit", "isolate"}; !slices.Equal(k.Terminal, want) {
		t.Errorf("%q, want %q", k.Terminal, want)
	}
	for _, name := range k.Terminal {
		if !slices.ContainsFunc(k.Keys, func(key kind.Key) bool { return key.Name == name }) {
			t.Errorf("run has no key %s", name)
		}
	}
}
