package durations_test

import (
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// FuzzFile has anything stand in files whose checksum is right: there is an answer, and it is no nonsense.
func FuzzFile(f *testing.F) {
	p := compile(f, "flowrun: 1\ngather: {for: x, in: \"[env.X]\", do: {id: a, run: a, retry: {attempts: 2}}}\nlimit: 2\n", 0)
	do := p.Workflows[0].Items()[1]
	key := durations.Line(do.Path, p.Digests()[do.Step.Index].Own)
	f.Add("6 1 506292,509647 12,13 1", "")
	f.Add("99999999999999999999 0 - - -", "\nffffffffffffffff")
	f.Add("4 1 99999999999999999999,x,1", "\n")
	f.Fuzz(func(t *testing.T, line, more string) {
		b := fmt.Appendf(nil, "flowrun-durations 1 x 1\n%s%s\n%s", key, line, more)
		b = fmt.Appendf(b, "crc %08x\n", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
		past, err := durations.Decode([][]byte{b, b})
		if err != nil {
			return
		}
		r := durations.Follow(p, past, nil)
		r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
		if left, _ := r.Left(start); left < 0 {
			t.Errorf("%v are left", left)
		}
	})
}
