package graph

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestLayout holds for every workflow of the cases and of the examples, in both directions: what is inside a box lies inside it, no
// box lies over another, and no arrow that passes others runs through one.
func TestLayout(t *testing.T) {
	files := map[string][]byte{}
	archives, _ := filepath.Glob("../../executor/testdata/cases/*.txtar")
	for _, path := range archives {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if f.Name == "flow.yaml" {
				files[filepath.Base(path)] = f.Data
			}
		}
	}
	examples, _ := filepath.Glob("../../../examples/*/*.yaml")
	for _, path := range examples {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = b
	}
	n := 0
	for name, src := range files { // each by itself: the order does not matter
		f, err := spec.Parse("flow.yaml", src, spec.Options{Kinds: steps.Builtin()})
		if err != nil {
			continue // it is about programs that are none, or calls
		}
		p, err := plan.Compile(f, plan.Options{})
		if err != nil {
			continue
		}
		n++
		for _, across := range []bool{true, false} {
			pic := build(p, nil)
			pic.fold(svgBoxes)
			l := lay(pic, across)
			for _, c := range l.cells {
				inside(t, name, c)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d workflows were laid out", n)
	}
}

func inside(t *testing.T, name string, c *cell) {
	t.Helper()
	for _, g := range c.groups {
		if !holds(c.rect, g.rect) {
			t.Errorf("%s: %s %v does not hold its part %q %v", name, c.box.path, c.rect, g.part.word, g.rect)
		}
		for i, x := range g.cells {
			if !holds(g.rect, x.rect) {
				t.Errorf("%s: a part of %s %v does not hold %s %v", name, c.box.path, g.rect, x.box.path, x.rect)
			}
			for _, y := range g.cells[:i] {
				if overlap(x.rect, y.rect) {
					t.Errorf("%s: %s %v lies over %s %v", name, x.box.path, x.rect, y.box.path, y.rect)
				}
			}
			for _, route := range g.routes {
				for _, via := range route {
					if overlap(x.rect, *via) {
						t.Errorf("%s: an arrow passes through %s", name, x.box.path)
					}
				}
			}
			inside(t, name, x)
		}
	}
}

const slack = 0.01 // sums of floats

func holds(a, b rect) bool {
	return b.x >= a.x-slack && b.y >= a.y-slack && b.x+b.w <= a.x+a.w+slack && b.y+b.h <= a.y+a.h+slack
}

func overlap(a, b rect) bool {
	return a.x+slack < b.x+b.w && b.x+slack < a.x+a.w && a.y+slack < b.y+b.h && b.y+slack < a.y+a.h
}
