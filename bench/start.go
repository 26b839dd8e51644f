package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const hello = `package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
`

// startFigures spawns flowrun and a hello world of Go in turn, both built here.
func startFigures(r *report) error {
	dir, err := os.MkdirTemp("", "flowrun-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source, floor, flowrun := filepath.Join(dir, "hello.go"), filepath.Join(dir, "hello"), filepath.Join(dir, "flowrun")
	if err := os.WriteFile(source, []byte(hello), 0o600); err != nil {
		return err
	}
	for out, what := range map[string]string{floor: source, flowrun: "./cmd/flowrun"} {
		if text, err := exec.Command("go", "build", "-trimpath", "-o", out, what).CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", what, err, text)
		}
	}
	spawn := func(argv ...string) func() error {
		return func() error {
			if text, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %w\n%s", argv, err, text)
			}
			return nil
		}
	}
	took, err := turns(10*r.rounds, spawn(floor), spawn(flowrun, "version"), spawn(flowrun, "run", "examples/hello.yaml"))
	if err != nil {
		return err
	}
	for i, x := range []struct {
		name string
		goal float64
	}{{"flowrun version", 6}, {"flowrun run examples/hello.yaml", 10}} {
		over := ratio(took[i+1].median(), took[0].median())
		least := ratio(took[i+1].min(), took[0].min())
		r.row(
			x.name, fmt.Sprintf("%s, Go hello world %s", ms(took[i+1].median()), ms(took[0].median())),
			fmt.Sprintf("%.2f x (min %.2f)", over, least), fmt.Sprintf("<= %.0f x", x.goal), over <= x.goal,
		)
	}
	return nil
}
