// Command bench measures flowrun and prints each figure beside the goal that it was built for.
//
// Times on a shared machine say little, so most goals are ratios against a floor of the same run: a plain
// yaml.v3 decode, a Go hello world, asyncio, a loop in C. Both sides take turns, and the medians are compared.
//
//	go run ./bench [-only WORD] [-rounds N]
//
// The Go benchmarks of the same plans are in bench_test.go: go test -run '^$' -bench . ./bench
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// measure is one group of figures.
type measure struct {
	name string
	run  func(*report) error
}

func measures() []measure {
	return []measure{
		{"gather", gatherFigures},
		{"growth", growthFigures},
		{"million", millionFigures},
		{"nesting", nestingFigures},
		{"sleeps", sleepFigures},
		{"loading", loadingFigures},
		{"start", startFigures},
		{"processes", processFigures},
		{"output", outputFigures},
		{"journal", journalFigures},
		{"terminal", terminalFigures},
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == childFlag {
		if err := child(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	only := flag.String("only", "", "measure only the groups whose name holds this word")
	rounds := flag.Int("rounds", 7, "how often both sides take turns")
	flag.Parse()
	r := &report{rounds: *rounds}
	for _, m := range measures() {
		if !strings.Contains(m.name, *only) {
			continue
		}
		if err := m.run(r); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", m.name, err)
			os.Exit(1)
		}
	}
	fmt.Printf("%d goals, %d missed\n", r.goals, r.missed)
}
