package executor_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// TestMendNeverMore makes one and two mistakes in many files: after Mend no more is wrong than before, and Mend has nothing
// more to do. A misspelt key alone is mended to the letter in nearly all cases.
func TestMendNeverMore(t *testing.T) {
	all := sources(t)
	rng := rand.New(rand.NewPCG(3, 4))
	typos, mended := 0, 0
	for _, path := range slices.Sorted(maps.Keys(all)) {
		parts := all[path]
		m := mistakesOf(parts["flow.yaml"])
		if len(m.local) < 2 {
			continue
		}
		check := func(src []byte) diag.List {
			with := maps.Clone(parts)
			with["flow.yaml"] = string(src)
			return problems(with)
		}
		if a, b := m.local[rng.IntN(len(m.local))], m.local[rng.IntN(len(m.local))]; rng.IntN(2) == 0 {
			neverMore(t, path, m, a, b, check)
		}
		for _, a := range m.local {
			if rng.IntN(40) > 0 || a.what != "a misspelt key" && a.what != "a misspelt action" || a.new == "zzzzzz" || len(a.old) < 3 {
				continue
			}
			text := m.make(a)
			fixed, _ := spec.Mend("/flow.yaml", []byte(text), check)
			typos++
			if string(fixed) == parts["flow.yaml"] {
				mended++
			} else {
				t.Logf("%s: %s for %s: %v", path, a.new, a.old, check([]byte(text)))
			}
		}
	}
	if t.Logf("%d of %d misspelt keys are mended", mended, typos); mended*100 < typos*95 {
		t.Error("too few")
	}
}

func neverMore(t *testing.T, path string, m *mistakes, a, b mistake, check func(src []byte) diag.List) {
	text, ok := m.apply(a, b)
	if !ok {
		return
	}
	fixed, _ := spec.Mend("/flow.yaml", []byte(text), check)
	if before, after := check([]byte(text)), check(fixed); len(after) > len(before) {
		t.Errorf("%s:\n%s\n%v\nbecame\n%s\n%v", path, numbered(text), before, numbered(string(fixed)), after)
	}
	if _, more := spec.Mend("/flow.yaml", fixed, check); len(more) > 0 {
		t.Errorf("%s:\n%s\nis mended once more: %v", path, numbered(string(fixed)), more)
	}
}
