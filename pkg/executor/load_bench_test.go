package executor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/steps"
)

// tenThousand is a file of 10,000 steps of which every nth has a mistake, and every mth something to warn of.
func tenThousand(nth, mth int, allow bool) string {
	var b strings.Builder
	b.WriteString("flowrun: 1\nsecrets: [TOKEN]\ninputs: {tag: {type: string}}\ntimeout: 1h\nsteps:\n")
	for i := range 10_000 {
		step := fmt.Sprintf(`  - {id: s%d, run: 'make "${{ inputs.tag }}"', timeout: 10m, env: {T: "${{ secrets.TOKEN }}"}}`, i)
		if i%nth == nth-1 {
			step = strings.Replace(step, "inputs.tag", "inputs.tga", 1)
		}
		if i%mth == mth-1 {
			step = strings.Replace(step, "timeout: 10m", "timeout: 2h, retry: {attempts: 1}, if: true", 1)
			if allow {
				step += " # flowrun: allow timeout-never-expires, retry-once"
			}
		}
		b.WriteString(step + "\n")
	}
	return b.String()
}

// BenchmarkLoad loads files of 10,000 steps.
func BenchmarkLoad(b *testing.B) {
	const none = 1 << 30
	for _, c := range []struct {
		name     string
		nth, mth int
		allow    bool
	}{
		{"right", none, none, false},
		{"1000 errors", 10, none, false},
		{"15000 warnings", none, 2, false},
		{"1000 errors, 15000 warnings", 10, 2, false},
		{"10000 allowed", none, 2, true},
	} {
		path := filepath.Join(b.TempDir(), "large.yaml")
		if err := os.WriteFile(path, []byte(tenThousand(c.nth, c.mth, c.allow)), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := executor.Load(path, executor.LoadOptions{Kinds: steps.Builtin()})
				if (err != nil) != (c.nth != none) {
					b.Fatal(err)
				}
			}
		})
	}
}
