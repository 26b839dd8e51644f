//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/conformance"
)

// TestConformance: every tree gives the same value, error and states as with asyncio.
func TestConformance(t *testing.T) {
	s := open(t)
	s.worker(nil)
	s.worker(nil)
	conform(t, s, func(text []byte) []byte { return text })
}

// TestConformanceByWork: the same with a process in the place of each sleep, so that every pause is a step on a worker. It is
// stretched: an answer of the server takes its time, and in the trees instants are 50 ms apart.
func TestConformanceByWork(t *testing.T) {
	if !long() {
		t.Skip("only with FLOWRUN_LONG=1")
	}
	s := open(t)
	s.worker(nil, "--slots", "100")
	s.worker(nil, "--slots", "100")
	span := regexp.MustCompile(`\b(\d+)ms\b`)
	pause := regexp.MustCompile(`(?m)^( *(?:- )?)sleep: "(\d+)ms"$`)
	conform(t, s, func(text []byte) []byte {
		text = span.ReplaceAllFunc(text, func(b []byte) []byte {
			ms, _ := strconv.Atoi(string(b[:len(b)-2]))
			return []byte(strconv.Itoa(ms*stretch) + "ms")
		})
		return pause.ReplaceAllFunc(text, func(b []byte) []byte {
			m := pause.FindSubmatch(b)
			ms, _ := strconv.Atoi(string(m[2]))
			return fmt.Appendf(nil, "%srun: [sleep, \"%g\"]\n%*scapture: none", m[1], float64(ms)/1000, len(m[1]), "")
		})
	})
}

// stretch is how much longer the pauses of TestConformanceByWork are.
const stretch = 40

// conform runs all trees, each after a change of its text.
func conform(t *testing.T, s *site, change func([]byte) []byte) {
	cases, err := conformance.Cases("../../testdata/conformance")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("trees", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(c.File)
				if err != nil {
					t.Fatal(err)
				}
				s := s.in(t)
				s.write(filepath.Base(c.File), string(change(text)))
				d, typed := s.runs(filepath.Base(c.File))
				states := map[string]string{}
				d.Root.each(func(x *step) {
					if x.ID != "" {
						states[x.ID] = x.Status
					}
				})
				for _, d := range c.Differences(d.Value, d.Error, states) {
					t.Error(d)
				}
				if t.Failed() {
					t.Logf("%s", typed.errs)
				}
			})
		}
	})
}
