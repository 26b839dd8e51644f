package durations

import (
	"bytes"
	"fmt"

	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Files are the files of p, behind each other.
func (p *Past) Files() (all [][]byte) {
	for _, g := range p.runs {
		all = append(all, bytes.Clone(g.file))
	}
	return all
}

// Decode reads files.
func Decode(files [][]byte) (p *Past, err error) {
	p = &Past{}
	for _, b := range files {
		g, err := decode(b)
		if err != nil {
			return nil, err
		}
		p.runs = append(p.runs, g)
	}
	return p, nil
}

// Line is how a line of the file begins that is of a step.
func Line(path string, d plan.Digest) string { return fmt.Sprintf("%016x ", keyOf(path, d)) }
