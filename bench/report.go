package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// report prints the figures and counts the goals.
type report struct {
	rounds, goals, missed int
}

// row prints one figure. ratio is "" where there is none.
func (r *report) row(name, measured, ratio, goal string, met bool) {
	r.goals++
	verdict := "met"
	if !met {
		verdict = "MISSED"
		r.missed++
	}
	r.line(name, measured, ratio, goal, verdict)
}

// note prints a figure that has no goal.
func (r *report) note(name, measured, ratio string) { r.line(name, measured, ratio, "", "") }

func (r *report) line(name, measured, ratio, goal, verdict string) {
	fmt.Printf("%-44s %-34s %-16s %-12s %s\n", name, measured, ratio, goal, verdict)
}

// spread is what several rounds took.
type spread []time.Duration

func (s spread) median() time.Duration {
	x := slices.Sorted(slices.Values(s))
	return x[len(x)/2]
}

func (s spread) min() time.Duration { return slices.Min(s) }

// turns runs all works in turn, rounds times over, each from a collected heap.
func turns(rounds int, works ...func() error) ([]spread, error) {
	took := make([]spread, len(works))
	for range rounds {
		for i, work := range works {
			runtime.GC()
			began := time.Now()
			if err := work(); err != nil {
				return nil, err
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	return took, nil
}

// each is the time of one of n.
func each(d time.Duration, n int) time.Duration { return d / time.Duration(n) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func times(x float64) string { return fmt.Sprintf("%.2f x", x) }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func mb(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
