package executor_test

import (
	"fmt"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/conformance"
)

// TestConformance compares with what real asyncio gave for the same trees (testdata/conformance/README.md).
func TestConformance(t *testing.T) {
	cases, err := conformance.Cases("testdata/conformance")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			p := compile(t, c.File, read(t, c.File), nil)
			eachDriver(t, p, nil, func(t *testing.T, r *ran) {
				for _, d := range differences(&c.Asyncio, r) {
					t.Error(d)
				}
			})
		})
	}
}

// differences says where a run of flowrun came out otherwise, to the millisecond.
func differences(want *conformance.Asyncio, r *ran) []string {
	states := map[string]string{}
	for id, end := range r.byID() {
		states[id] = end.Status.String()
	}
	out := want.Differences(r.outcome.Value, r.outcome.Err, states)
	if r.took != want.Took() {
		out = append(out, fmt.Sprintf("it took %v, with asyncio %v", r.took, want.Took()))
	}
	return out
}
