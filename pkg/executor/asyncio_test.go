package executor_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/conformance"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

// tree is a random workflow and what asyncio made of it, as testdata/asyncio/oracle.py writes it.
type tree struct {
	conformance.Asyncio
	Name    string         `json:"name"`
	File    string         `json:"file"`
	Ends    map[string]int `json:"ends"`    // step -> when it ended, in milliseconds
	Retried []string       `json:"retried"` // steps inside a retry, which have no states and ends here
}

// TestAgainstAsyncio runs random trees on flowrun and on Python's asyncio and compares. FLOWRUN_ORACLE_TREES says how
// many, FLOWRUN_ORACLE_SEED from which seed. Every tree runs on sim, every tenth on the other drivers too.
func TestAgainstAsyncio(t *testing.T) {
	number := func(name string, def int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return def
	}
	count, seed := number("FLOWRUN_ORACLE_TREES", 300), number("FLOWRUN_ORACLE_SEED", 1)
	if err := exec.Command("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11, 4))").Run(); err != nil {
		t.Skipf("skipped: %d trees want a python3 of 3.11.4 or later on PATH: %v", count, err)
	}
	cmd := exec.Command("python3", "testdata/asyncio/oracle.py", "--trees", strconv.Itoa(count), "--seed", strconv.Itoa(seed))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle.py --trees %d --seed %d: %v\n%s", count, seed, err, stderr.Bytes())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	n, differ := 0, 0
	for ; lines.Scan(); n++ {
		var want tree
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if !want.agrees(t, n%10 == 0) {
			if differ++; differ == 10 {
				t.Fatalf("ten trees of %d differ (seed %d)", n+1, seed)
			}
		}
	}
	if n != count {
		t.Errorf("%d trees of %d", n, count)
	}
}

// agrees runs a tree and reports every difference.
func (want *tree) agrees(t *testing.T, everyDriver bool) bool {
	return t.Run(want.Name, func(t *testing.T) {
		p := compile(t, want.Name, []byte(want.File), nil)
		check := func(t *testing.T, r *ran) {
			for _, d := range append(differences(&want.Asyncio, r), want.instants(r)...) {
				t.Error(d)
			}
			if t.Failed() {
				t.Logf("the workflow:\n%s", want.File)
			}
		}
		if everyDriver {
			eachDriver(t, p, nil, check)
		} else {
			check(t, onSim(p, nil, false))
		}
	})
}

// instants says which steps ended at another time than with asyncio, and which ones ended there only.
func (want *tree) instants(r *ran) []string {
	var out []string
	ends := r.byID()
	for _, id := range slices.Sorted(maps.Keys(ends)) {
		e := ends[id]
		at, known := want.Ends[id]
		switch {
		case known && r.at(e) != time.Duration(at)*time.Millisecond:
			out = append(out, fmt.Sprintf("%s ended after %v, with asyncio after %d ms", id, r.at(e), at))
		case slices.Contains(want.Retried, id):
		case !known && (e.Status == event.Succeeded || e.Status == event.Failed):
			out = append(out, fmt.Sprintf("%s is %v, with asyncio it never began", id, e.Status))
		}
	}
	return out
}
