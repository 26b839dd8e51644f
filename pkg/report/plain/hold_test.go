package plain

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestHold: what is held back comes out as it went in, but of very much only the end, in whole lines.
func TestHold(t *testing.T) {
	var out bytes.Buffer
	g := &gate{w: &out}
	fmt.Fprintln(g, "before")
	g.held = true
	fmt.Fprintln(g, "meanwhile")
	if out.String() != "before\n" {
		t.Errorf("%q", out.String())
	}
	g.open()
	fmt.Fprintln(g, "after")
	if got := out.String(); got != "before\nmeanwhile\nafter\n" {
		t.Errorf("%q", got)
	}
	out.Reset()
	g.held = true
	const lines = 100_000
	for i := range lines {
		fmt.Fprintf(g, "line %d\n", i)
	}
	if len(g.kept) > 2*maxHeld {
		t.Errorf("%d bytes are kept", len(g.kept))
	}
	g.open()
	shown := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	first := fmt.Sprintf("(%d lines were printed while a step had the terminal and are not shown)", lines-len(shown)+1)
	if shown[0] != first || shown[1] != fmt.Sprintf("line %d", lines-len(shown)+1) || shown[len(shown)-1] != fmt.Sprintf("line %d", lines-1) {
		t.Errorf("%q, %q ... %q", shown[0], shown[1], shown[len(shown)-1])
	}
}
