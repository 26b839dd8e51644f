package main

import (
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// workflow is a file of n steps in groups of a hundred, about 130 bytes a step.
func workflow(n int) []byte {
	var b strings.Builder
	b.WriteString("flowrun: 1\nname: large\nenv: {CI: \"1\"}\nsemaphores: {registry: 2}\nsteps:\n")
	for i := range n {
		if i%100 == 0 {
			fmt.Fprintf(&b, "  - id: group%d\n    limit: 8\n    gather:\n", i/100)
		}
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "      - id: build%d\n        name: build package %d\n        run: [go, build, -o, bin/p%d, ./cmd/p%d]\n        timeout: 5m\n        env: {GOFLAGS: -trimpath}\n", i, i, i, i)
		case 1:
			fmt.Fprintf(&b, "      - id: test%d\n        needs: [build%d]\n        run: go test ./cmd/p%d\n        retry: {attempts: 3, delay: 1s, factor: 2}\n        timeout: 10m\n", i, i-1, i-1)
		case 2:
			fmt.Fprintf(&b, "      - id: push%d\n        if: steps.test%d.status == \"succeeded\"\n        run: [./push.sh, \"app:${{ run.id }}-%d\"]\n        semaphore: registry\n", i, i-1, i)
		case 3:
			fmt.Fprintf(&b, "      - id: facts%d\n        value: {index: %d, image: \"app-%d\", tags: [latest, stable], ports: [80, 443]}\n", i, i, i)
		case 4:
			fmt.Fprintf(&b, "      - id: report%d\n        name: report of package %d\n        echo: \"image ${{ steps.facts%d.value.image }} is number ${{ steps.facts%d.value.index }}\"\n", i, i, i-1, i-1)
		}
	}
	return []byte(b.String())
}

func decode(src []byte) error {
	var n yaml.Node
	return yaml.Unmarshal(src, &n)
}

func load(src []byte) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	f, err := spec.Parse("large.yaml", src, spec.Options{Kinds: steps.Builtin(), Dir: dir})
	if err != nil {
		return err
	}
	_, err = plan.Compile(f, plan.Options{})
	return err
}

func loadingFigures(r *report) error {
	src := workflow(10_000)
	took, err := turns(r.rounds, func() error { return decode(src) }, func() error { return load(src) })
	if err != nil {
		return err
	}
	x := ratio(took[1].median(), took[0].median())
	r.row(
		fmt.Sprintf("loading 10,000 steps, %.2f MB", float64(len(src))/1e6),
		fmt.Sprintf("%s, yaml.v3 alone %s", ms(took[1].median()), ms(took[0].median())), times(x), "<= 2.5 x", x <= 2.5,
	)
	return nil
}
