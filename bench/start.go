package main

import "fmt"

const hello = `package main

import "os"

func main() { os.Stdout.WriteString("hello\n") }
`

// startFigures spawns flowrun and a hello world of Go in turn, both built here.
func startFigures(r *report) error {
	w, err := newWorkshop()
	if err != nil {
		return err
	}
	defer w.close()
	source, err := w.write("hello.go", hello)
	if err != nil {
		return err
	}
	floor, err := w.build("hello", source)
	if err != nil {
		return err
	}
	took, err := turns(10*r.rounds, w.work(floor), w.work(w.flowrun, "version"), w.work(w.flowrun, "run", "examples/hello.yaml"))
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
